"""How long things are kept: ended jobs with their events and files, outputs, uploads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from connectors import events
from conversions import outputs, rejects, totals, uploads
from conversions.models import TERMINAL, ConversionJob

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many were removed."""

    jobs: int
    outputs: int
    uploads: int


def prune(days: float) -> Pruned:
    """Remove jobs that ended more than so many days ago, and outputs and uploads after their own times.

    Any number of pruners at once are harmless.
    """
    return Pruned(_prune_jobs(days), outputs.prune(settings.TUNDRA.OUTPUT_RETENTION_DAYS), uploads.prune())


def _prune_jobs(days: float) -> int:
    ended = ConversionJob.objects.filter(status__in=TERMINAL, finished_at__lt=timezone.now() - timedelta(days=days))
    removed = 0
    while old := list(ended[:_BATCH]):
        for job in old:
            rejects.remove(job)
            outputs.remove(job)
        removed += _forget(ended.filter(pk__in=[job.pk for job in old]))
    totals.prune()
    return removed


def _forget(jobs: QuerySet[ConversionJob]) -> int:
    with transaction.atomic():
        # Locked and looked at again: somebody may just have had one of them retried, and then it is wanted.
        old = list(jobs.select_for_update())
        events.forget(job.subject for job in old)
        ConversionJob.objects.filter(pk__in=[job.pk for job in old]).delete()
    return len(old)
