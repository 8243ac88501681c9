"""What callers are told of their jobs, and the secrets it is signed with."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from conversions.models.job import ConversionJob

_LEASE = timedelta(seconds=20)  # longer than an attempt may take
_TRIES_KEPT = 50


class WebhookEvent(models.TextChoices):
    """What is told."""

    SUCCEEDED = "job.succeeded", "Succeeded"
    FAILED = "job.failed", "Failed"
    CANCELLED = "job.cancelled", "Cancelled"
    PROGRESS = "job.progress", "Progress"


class DeliveryStatus(models.TextChoices):
    """Where a delivery stands."""

    PENDING = "pending", "Pending"
    DELIVERED = "delivered", "Delivered"
    GIVEN_UP = "given_up", "Given up"


class WebhookDelivery(models.Model):
    """One message to a job's webhook: written with what it tells, in the same transaction, and sent afterwards.

    The table is the queue: whoever claims a row that is due sends it. A claim is a lease, so a row whose sender died is
    sent again.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    job = models.ForeignKey(ConversionJob, on_delete=models.CASCADE, related_name="webhooks")
    event = models.CharField(max_length=16, choices=WebhookEvent)
    host = models.CharField(max_length=300, help_text="Where it goes.")
    body = models.TextField(help_text="What is sent, byte for byte, however often.")
    status = models.CharField(max_length=16, choices=DeliveryStatus, default=DeliveryStatus.PENDING)
    attempts = models.PositiveIntegerField(default=0, help_text="Since it was written or last asked for again.")
    tries = models.JSONField(default=list, help_text="Each attempt: when, the answer's status or why there was none.")
    next_attempt_at = models.DateTimeField(null=True, default=timezone.now)
    claimed_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        """Oldest first; the index serves the senders."""

        verbose_name_plural = "webhook deliveries"
        ordering = ("created_at", "id")
        indexes = (models.Index(fields=["next_attempt_at"], name="webhook_due", condition=Q(status="pending")),)

    def __str__(self) -> str:
        return f"{self.event} to {self.host}"

    @property
    def message_id(self) -> str:
        """By which a receiver knows a message that it has had before."""
        return f"msg_{self.pk.hex}"

    def claim(self) -> bool:
        """Take it for one attempt; False if somebody else did."""
        until = timezone.now() + _LEASE
        mine = Q(status=DeliveryStatus.PENDING, attempts=self.attempts, next_attempt_at=self.next_attempt_at)
        return self._change(mine, attempts=F("attempts") + 1, next_attempt_at=until, claimed_until=until)

    def settle(self, status: DeliveryStatus, attempt: dict[str, Any], next_attempt_at: datetime | None) -> bool:
        """Keep how the attempt ended; False if it is not the present one any more."""
        return self._change(
            Q(status=DeliveryStatus.PENDING, attempts=self.attempts),
            status=status,
            tries=[*self.tries, attempt][-_TRIES_KEPT:],
            next_attempt_at=next_attempt_at,
            claimed_until=None,
            settled_at=None if status == DeliveryStatus.PENDING else timezone.now(),
        )

    def reopen(self) -> bool:
        """Have it sent again, from the first attempt on; False while an attempt is being made."""
        now = timezone.now()
        idle = Q(claimed_until=None) | Q(claimed_until__lt=now)
        return self._change(
            idle, status=DeliveryStatus.PENDING, attempts=0, next_attempt_at=now, claimed_until=None, settled_at=None
        )

    def _change(self, expected: Q, **values: Any) -> bool:
        won = WebhookDelivery.objects.filter(expected, pk=self.pk).update(**values) == 1
        if won:
            self.refresh_from_db()
        return won


class WebhookSecret(models.Model):
    """What a user's webhooks are signed with; without a user, those of callers who have no account."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="webhook_secrets", editable=False
    )
    sealed = models.BinaryField()
    created_at = models.DateTimeField(default=timezone.now)
    retires_at = models.DateTimeField(null=True, help_text="Until then it signs beside the present one.")

    class Meta:
        """Newest first; one present secret for everybody."""

        ordering = ("-created_at", "-id")
        constraints = (
            models.UniqueConstraint(
                Coalesce("user", Value(0)), condition=Q(retires_at=None), name="webhook_secret_present"
            ),
        )

    def __str__(self) -> str:
        return f"Webhook secret of {self.user or 'callers without account'}"

    @property
    def subject(self) -> str:
        """What its events are about."""
        return f"webhook_secret {self.pk}"
