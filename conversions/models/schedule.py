"""Conversions that run by themselves, again and again."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from connectors.errors import InvalidRequest
from conversions import cron


def check_cron(expression: str) -> None:
    """Django's validator for cron expressions."""
    try:
        cron.parse(expression)
    except InvalidRequest as error:
        raise ValidationError(error.message) from error


class Schedule(models.Model):
    """A saved database conversion whose output the portal keeps, and when it runs."""

    name = models.CharField(max_length=100, unique=True)
    cron = models.CharField(
        max_length=100,
        validators=[check_cron],
        help_text="Minute, hour, day of month, month, day of week, in UTC: '0 6 * * 1-5' is 06:00 on weekdays.",
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="conversion_schedules",
        help_text="Whose jobs and credentials it uses.",
    )
    request = models.JSONField(help_text="As in POST /convert/database, without output_url.")
    source = models.CharField(max_length=500, editable=False)
    is_paused = models.BooleanField("paused", default=False)
    next_run_at = models.DateTimeField(editable=False)
    last_error = models.TextField(blank=True, editable=False, help_text="Why the last run was not even submitted.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        """By name; the index serves the clock."""

        ordering = ("name",)
        indexes = (models.Index(fields=["next_run_at"], name="schedule_due", condition=models.Q(is_paused=False)),)

    def __str__(self) -> str:
        return self.name

    @property
    def subject(self) -> str:
        """What its events are about."""
        return f"schedule {self.pk}"

    @property
    def caller(self) -> str:
        """Who its jobs are counted for, and how they are found."""
        return f"schedule:{self.pk}"
