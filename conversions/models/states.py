"""What jobs do and where they stand."""

from __future__ import annotations

from django.db import models
from django.dispatch import Signal


class JobKind(models.TextChoices):
    """What a job does."""

    FILE = "file", "File conversion"
    DATABASE = "database", "Database conversion"
    SCHEMA = "schema", "Schema inference"
    PREVIEW = "preview", "Database preview"


# Those that use credentials, and those that only look and write no Parquet.
DATABASE_KINDS = (JobKind.DATABASE, JobKind.PREVIEW)
LOOKING_KINDS = (JobKind.SCHEMA, JobKind.PREVIEW)


class JobStatus(models.TextChoices):
    """Where a job stands."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


TERMINAL = (JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED)

ended = Signal()
"""Sent with ``job`` in the transaction that ends it, whoever does: for what has to be written with its end."""
