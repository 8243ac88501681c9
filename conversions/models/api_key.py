"""API keys: what a program shows to say whom it works for. Only their digests are kept."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone


class Scope(models.TextChoices):
    """What a key may be used for."""

    CONVERT = "convert", "Convert files and databases, upload, cancel and retry"
    INFER = "infer", "Infer schemas"
    TEST = "test-connection", "Test database connections"
    READ = "read-jobs", "Read jobs, their outputs and events"


class ApiKey(models.Model):
    """A named key of a user. Its token is random and shown once; a digest finds it again."""

    name = models.CharField(max_length=100, help_text="What it is for, e.g. nightly-export.")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="api_keys",
        help_text="Whom the key works for: it sees this user's jobs and credentials.",
    )
    scopes = models.JSONField(default=list)
    start = models.CharField(max_length=20, editable=False, help_text="How the token begins, to recognise it by.")
    digest = models.CharField(max_length=64, unique=True, editable=False, help_text="SHA-256 of the token.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Empty: never.")
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        """Newest first."""

        verbose_name = "API key"
        ordering = ("-created_at", "-id")
        constraints = (models.UniqueConstraint(fields=["user", "name"], name="api_key_name_of_user"),)

    def __str__(self) -> str:
        return self.name

    @property
    def is_usable(self) -> bool:
        """Whether it opens the door now."""
        is_current = self.expires_at is None or self.expires_at > timezone.now()
        return self.revoked_at is None and is_current and bool(self.user.is_active)

    def allows(self, scope: str) -> bool:
        """Whether it may be used for this."""
        return scope in self.scopes
