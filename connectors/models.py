"""Credentials as callers name them: a reference to a secret, never the secret."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone


class Credential(models.Model):
    """How a database is reached. Host, account and password are in the secret store under the same id.

    Who may use it: its owner, the users and groups it is shared with, everyone if it says so, and whoever has the
    permission ``connectors.use_credential``. Nobody while it is disabled.
    """

    id = models.CharField(
        "credentials id",
        primary_key=True,
        max_length=255,
        validators=[RegexValidator(r"\A[A-Za-z0-9_-]+\Z", "Use letters, digits, hyphens and underscores only.")],
        help_text="What requests call it, and its secret's name in the secret store. It cannot be changed later.",
    )
    connector_type = models.CharField(max_length=32)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="owned_credentials"
    )
    users = models.ManyToManyField(
        settings.AUTH_USER_MODEL,
        blank=True,
        related_name="shared_credentials",
        help_text="They may use it besides its owner.",
    )
    groups = models.ManyToManyField(
        Group, blank=True, related_name="shared_credentials", help_text="Their members may use it."
    )
    for_everyone = models.BooleanField(default=False, help_text="Whoever may call the API may use it.")
    is_disabled = models.BooleanField("disabled", default=False, help_text="Nobody may use it.")

    created_at = models.DateTimeField(default=timezone.now, editable=False)
    rotated_at = models.DateTimeField("secret stored at", default=timezone.now, editable=False)
    last_tested_at = models.DateTimeField(null=True, editable=False)
    last_test_outcome = models.CharField(max_length=64, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)
    last_use_outcome = models.CharField(max_length=64, blank=True, editable=False)

    class Meta:
        """By name; one permission beyond Django's own."""

        ordering = ("id",)
        permissions = [("use_credential", "Can use every credential, also to read databases")]

    def __str__(self) -> str:
        return self.id


class Event(models.Model):
    """Something that somebody did: never changed, and removed only with what it is about."""

    at = models.DateTimeField(default=timezone.now, editable=False)
    subject = models.CharField(max_length=300, help_text="A kind and an id.")
    action = models.CharField(max_length=64)
    actor = models.CharField(max_length=300)
    address = models.CharField(max_length=100, blank=True)
    request_id = models.CharField(max_length=128, blank=True)
    detail = models.JSONField(default=dict, blank=True)

    class Meta:
        """Newest first."""

        verbose_name_plural = "audit log"
        ordering = ("-at", "-id")
        indexes = (
            models.Index(fields=["-at", "-id"], name="event_newest"),
            models.Index(fields=["subject", "at"], name="event_subject"),
        )

    def __str__(self) -> str:
        return f"{self.actor} {self.action} {self.subject}"
