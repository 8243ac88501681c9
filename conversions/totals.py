"""What all ended jobs add up to: for ever, and by the hour for the last days.

The sums stay when jobs are deleted, so counters made of them never go back, and no page has to count jobs.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import F
from django.utils import timezone

if TYPE_CHECKING:
    from conversions.models import ConversionJob

BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, float("inf"))
HOURS_KEPT = timedelta(days=8)


class Sums(models.Model):
    """The jobs of a kind that ended alike and took about as long."""

    kind = models.CharField(max_length=16)
    status = models.CharField(max_length=16)
    error_code = models.CharField(max_length=64, blank=True)
    within_seconds = models.FloatField(help_text="The least of the bounds that their last attempts kept.")

    jobs = models.PositiveBigIntegerField(default=0)
    seconds = models.FloatField(default=0)
    rows = models.PositiveBigIntegerField(default=0)
    bytes_read = models.PositiveBigIntegerField(default=0)
    bytes_written = models.PositiveBigIntegerField(default=0)

    class Meta:
        """No table of its own."""

        abstract = True

    def __str__(self) -> str:
        return f"{self.kind} {self.status} {self.error_code} within {self.within_seconds:g} s".replace("  ", " ")


class JobTotal(Sums):
    """Since the beginning."""

    class Meta:
        """One row for all that ended alike."""

        constraints = (
            models.UniqueConstraint(fields=["kind", "status", "error_code", "within_seconds"], name="job_total_alike"),
        )


class HourTotal(Sums):
    """In one hour."""

    hour = models.DateTimeField(help_text="When it began.")

    class Meta:
        """One row for all that ended alike in the same hour."""

        constraints = (
            models.UniqueConstraint(
                fields=["hour", "kind", "status", "error_code", "within_seconds"], name="hour_total_alike"
            ),
        )


class WebhookTotal(models.Model):
    """Attempts to deliver webhooks, since the beginning, that came out alike."""

    outcome = models.CharField(max_length=16, unique=True, help_text="Delivered, failed to be tried again, given up.")
    attempts = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.outcome}: {self.attempts}"


def add(job: ConversionJob) -> None:
    """Count a job that has just ended, in the transaction that ends it."""
    seconds = job.run_seconds or 0.0
    alike = {
        "kind": job.kind,
        "status": job.status,
        "error_code": job.error_code,
        "within_seconds": next(bound for bound in BOUNDS if seconds <= bound),
    }
    result: dict[str, Any] = job.result or {}
    amounts = {
        "jobs": 1,
        "seconds": seconds,
        "rows": result.get("rows", 0),
        "bytes_read": result.get("source", {}).get("bytes", 0),
        "bytes_written": result.get("receipt", {}).get("bytes", 0),
    }
    hour = (job.finished_at or timezone.now()).replace(minute=0, second=0, microsecond=0)
    _add(JobTotal, alike, amounts)
    _add(HourTotal, {"hour": hour, **alike}, amounts)


def add_webhook_attempt(outcome: str) -> None:
    """Count an attempt to deliver a webhook, in the transaction that keeps how it ended."""
    _add(WebhookTotal, {"outcome": outcome}, {"attempts": 1})


def prune() -> None:
    """Forget hours that nobody looks at any more."""
    HourTotal.objects.filter(hour__lt=timezone.now() - HOURS_KEPT).delete()


def _add(
    table: type[JobTotal] | type[HourTotal] | type[WebhookTotal], alike: dict[str, Any], amounts: dict[str, float]
) -> None:
    more = {name: F(name) + amount for name, amount in amounts.items()}
    if not table.objects.filter(**alike).update(**more):
        found, _ = table.objects.get_or_create(**alike)
        table.objects.filter(pk=found.pk).update(**more)
