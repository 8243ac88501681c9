"""Files that callers have handed to the portal, to be converted once or more often."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone


class Upload(models.Model):
    """A file in the portal's own store until it expires."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="uploads", editable=False
    )
    filename = models.CharField(max_length=255, help_text="As the caller named it.")
    bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        """Newest first."""

        ordering = ("-created_at", "-id")

    def __str__(self) -> str:
        return self.filename

    @property
    def subject(self) -> str:
        """What its events are about."""
        return f"upload {self.pk}"

    @property
    def stored_as(self) -> str:
        """Its name in the portal's own store."""
        return f"uploads/{self.pk}"
