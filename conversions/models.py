"""A conversion as a row: its request, its state and what became of it."""

from __future__ import annotations

import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from connectors.errors import ConversionError

LEASE = timedelta(seconds=30)


class JobKind(models.TextChoices):
    """What a job does."""

    FILE = "file", "File conversion"
    DATABASE = "database", "Database conversion"
    SCHEMA = "schema", "Schema inference"


class JobStatus(models.TextChoices):
    """Where a job stands."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


TERMINAL = (JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED)


class ConversionJob(models.Model):
    """One conversion or inference, asked for once.

    ::

        queued --claim--> running --succeed--> succeeded
          ^  |               | |----fail-----> failed
          |  |--cancel-----> | |----end as---> cancelled
          |---requeue--------|                    (retry: failed or cancelled --> queued)

    Every change is one conditional UPDATE that names the state it expects, and while running also the attempt: two
    workers, two reapers or a worker that was thought dead cannot both win. Only the winner acts.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=16, choices=JobKind)
    status = models.CharField(max_length=16, choices=JobStatus, default=JobStatus.QUEUED)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="conversion_jobs",
    )
    request_id = models.CharField(max_length=128, blank=True)

    request = models.JSONField(default=dict, help_text="What was asked for; signed URLs without their query.")
    sealed = models.BinaryField(default=bytes, help_text="The signed URLs, encrypted; wiped when no longer needed.")
    source = models.CharField(max_length=500, blank=True)
    destination = models.CharField(max_length=500, blank=True)

    attempts = models.PositiveIntegerField(default=0, help_text="Never counted anew: they tell attempts apart.")
    attempts_before = models.PositiveIntegerField(default=0, help_text="Those before the latest retry.")
    worker = models.CharField(max_length=100, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    progress = models.JSONField(default=dict, blank=True)

    result = models.JSONField(null=True, blank=True)
    error_code = models.CharField(max_length=64, blank=True)
    error_message = models.TextField(blank=True)
    error_hint = models.TextField(blank=True)
    error_status = models.PositiveSmallIntegerField(null=True, blank=True)
    error_retryable = models.BooleanField(default=False)
    traceback = models.TextField(blank=True, help_text="For staff only.")

    created_at = models.DateTimeField(default=timezone.now)
    queued_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """Newest first; the indexes serve the API's pages, the admin's filters and the reaper."""

        ordering = ("-created_at", "-id")
        indexes = (
            models.Index(fields=["-created_at", "-id"], name="job_newest"),
            models.Index(fields=["status", "-created_at"], name="job_status"),
            models.Index(fields=["owner", "-created_at"], name="job_owner"),
            models.Index(fields=["lease_expires_at"], name="job_lease", condition=Q(status=JobStatus.RUNNING)),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.id}"

    @property
    def is_terminal(self) -> bool:
        """Whether nothing more will happen unless somebody retries."""
        return self.status in TERMINAL

    @property
    def wait_seconds(self) -> float | None:
        """From (re)queueing to the start of the latest attempt."""
        return _seconds(self.queued_at, self.started_at)

    @property
    def run_seconds(self) -> float | None:
        """From the start of the latest attempt to the end, or to now while it runs."""
        return _seconds(self.started_at, self.finished_at or timezone.now())

    @property
    def has_attempts_left(self) -> bool:
        """Whether a crash of this attempt may be followed by another."""
        most: int = settings.TUNDRA.MAX_ATTEMPTS
        return self.attempts - self.attempts_before < most

    @property
    def rejects_path(self) -> Path:
        """The file of the rows that ``on_bad_row: skip`` left out, if there are any."""
        return Path(settings.DATA_DIR) / "rejects" / f"{self.pk}.ndjson"

    @property
    def is_local(self) -> bool:
        """Whether a command runs it, on paths of that command's machine: nobody else may take it over."""
        return "source_path" in self.request or "output_path" in self.request

    def claim(self, worker: str) -> bool:
        """Take the job for one attempt; False if it is not queued any more."""
        now = timezone.now()
        return self._change(
            Q(status=JobStatus.QUEUED),
            status=JobStatus.RUNNING,
            attempts=F("attempts") + 1,
            worker=worker,
            lease_expires_at=now + LEASE,
            started_at=now,
            finished_at=None,
            progress={},
        )

    def renew(self, progress: dict[str, Any]) -> bool:
        """Keep the lease and show progress; False if this attempt no longer holds the job."""
        return self._change(self._held(), lease_expires_at=timezone.now() + LEASE, progress=progress)

    def succeed(self, result: dict[str, Any]) -> bool:
        """End well. The signed URLs are wiped."""
        return self._end(JobStatus.SUCCEEDED, self._held(), result=_storable(result), sealed=b"")

    def fail(self, error: ConversionError, traceback: str = "") -> bool:
        """End with an error. The signed URLs stay sealed for a retry until they are pruned."""
        return self._end(
            JobStatus.FAILED,
            self._held(),
            error_code=error.code,
            error_message=_storable(error.message),
            error_hint=_storable(error.hint or ""),
            error_status=error.http_status,
            error_retryable=error.retryable,
            traceback=_storable(traceback),
        )

    def end_cancelled(self) -> bool:
        """End because somebody asked, whether it was waiting or running."""
        return self._end(JobStatus.CANCELLED, Q(status=JobStatus.QUEUED) | self._held())

    def request_cancel(self) -> bool:
        """Ask the attempt that runs to stop."""
        return self._change(Q(status=JobStatus.RUNNING), cancel_requested_at=timezone.now())

    def requeue(self) -> bool:
        """Give a held job back to the queue for another attempt."""
        return self._change(
            self._held(),
            status=JobStatus.QUEUED,
            queued_at=timezone.now(),
            started_at=None,
            lease_expires_at=None,
            worker="",
        )

    def reopen(self) -> bool:
        """Queue an ended job again, with all its attempts before it."""
        return self._change(
            Q(status__in=[JobStatus.FAILED, JobStatus.CANCELLED]),
            status=JobStatus.QUEUED,
            queued_at=timezone.now(),
            attempts_before=F("attempts"),
            progress={},
            cancel_requested_at=None,
            started_at=None,
            finished_at=None,
            error_code="",
            error_message="",
            error_hint="",
            error_status=None,
            error_retryable=False,
            traceback="",
        )

    def _held(self) -> Q:
        return Q(status=JobStatus.RUNNING, attempts=self.attempts)

    def _end(self, status: JobStatus, expected: Q, **values: Any) -> bool:
        return self._change(
            expected, status=status, finished_at=timezone.now(), lease_expires_at=None, worker="", **values
        )

    def _change(self, expected: Q, **values: Any) -> bool:
        won = ConversionJob.objects.filter(expected, pk=self.pk).update(**values) == 1
        if won:
            self.refresh_from_db()
        return won


def _storable(value: Any) -> Any:
    """The same without NUL characters, which PostgreSQL cannot hold in text; they become U+FFFD."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if isinstance(value, dict):
        return {_storable(key): _storable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_storable(inner) for inner in value]
    return value


def _seconds(start: Any, end: Any) -> float | None:
    return (end - start).total_seconds() if start and end else None
