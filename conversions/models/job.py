"""A conversion as a row: its request, its state and what became of it."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone

from connectors import events
from connectors.errors import ConversionError
from conversions import totals
from conversions.models.states import LOOKING_KINDS, TERMINAL, JobKind, JobStatus, ended

LEASE = timedelta(seconds=30)
_HAS_CREDENTIALS = ~Q(credentials_id="")


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
    caller = models.CharField(max_length=100, blank=True, help_text="Who is counted: a key, a user or an address.")
    idempotency_key = models.CharField(max_length=255, blank=True)
    body_digest = models.CharField(max_length=64, blank=True, help_text="Tells a repeated request from another one.")
    is_local = models.BooleanField(
        default=False, help_text="A command runs it, on paths of its machine: nobody else may take it over."
    )
    turn = models.PositiveBigIntegerField(default=0, help_text="Waiting jobs run by turn; callers take turns.")

    request = models.JSONField(default=dict, help_text="What was asked for; signed URLs without their query.")
    sealed = models.BinaryField(default=bytes, help_text="The signed URLs, encrypted; wiped when no longer needed.")
    webhook = models.BinaryField(default=bytes, help_text="The webhook's URL, encrypted; empty if there is none.")
    source = models.CharField(max_length=500, blank=True)
    credentials_id = models.CharField(max_length=255, blank=True)
    destination = models.CharField(max_length=500, blank=True)
    upload = models.ForeignKey(
        "Upload", null=True, blank=True, on_delete=models.SET_NULL, related_name="jobs", help_text="What it reads."
    )
    has_output = models.BooleanField(default=False, help_text="Its Parquet is in the portal's own store.")

    attempts = models.PositiveIntegerField(default=0, help_text="Never counted anew: they tell attempts apart.")
    # Nor do those count that a deploy ended.
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
    seconds = models.FloatField(null=True, blank=True, help_text="How long the attempt ran that ended the job.")
    size = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="Bytes of the source file; of the output where the source is a database."
    )

    class Meta:
        """Newest first; the indexes serve the API's pages, the admin's filters and the reaper."""

        verbose_name = "job"
        ordering = ("-created_at", "-id")
        indexes = (
            models.Index(fields=["-created_at", "-id"], name="job_newest"),
            models.Index(fields=["status", "-created_at"], name="job_status"),
            models.Index(fields=["owner", "-created_at"], name="job_owner"),
            models.Index(fields=["caller", "-created_at"], name="job_caller"),
            models.Index(fields=["finished_at"], name="job_output", condition=Q(has_output=True)),
            models.Index(fields=["error_code", "-created_at"], name="job_error", condition=~Q(error_code="")),
            models.Index(fields=["credentials_id", "-created_at"], name="job_credential", condition=_HAS_CREDENTIALS),
            models.Index(fields=["finished_at"], name="job_finished"),
            models.Index(fields=["seconds"], name="job_seconds", condition=Q(seconds__isnull=False)),
            models.Index(fields=["size"], name="job_size", condition=Q(size__isnull=False)),
            models.Index(fields=["lease_expires_at"], name="job_lease", condition=Q(status=JobStatus.RUNNING)),
            models.Index(fields=["turn", "queued_at"], name="job_turn", condition=Q(status=JobStatus.QUEUED)),
            models.Index(fields=["caller", "turn"], name="job_caller_turn", condition=Q(status=JobStatus.QUEUED)),
        )
        permissions = [("view_traceback", "Can view the traceback of a job that failed unexpectedly")]
        constraints = (
            models.UniqueConstraint(
                fields=["caller", "idempotency_key"], name="job_idempotency", condition=~Q(idempotency_key="")
            ),
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
    def keeps_output(self) -> bool:
        """Whether the Parquet goes into the portal's own store, because nobody said where else."""
        return self.kind not in LOOKING_KINDS and not self.request.keys() & {"output_url", "output_path"}

    @property
    def subject(self) -> str:
        """What its events are about."""
        return f"job {self.pk}"

    def claim(self, worker: str) -> bool:
        """Take the job for one attempt; False if it is not queued any more."""
        now = timezone.now()
        return self._change(
            Q(status=JobStatus.QUEUED),
            "started",
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
        return self._end(
            JobStatus.SUCCEEDED,
            self._held(),
            result=_storable(result),
            size=result.get("source", {}).get("bytes") or result.get("receipt", {}).get("bytes"),
            has_output=self.keeps_output,
            sealed=b"",
        )

    def fail(self, error: ConversionError, traceback: str = "") -> bool:
        """End with an error. The signed URLs stay sealed for a retry until they are pruned."""
        return self._end(
            JobStatus.FAILED,
            self._held(),
            size=self.progress.get("bytes_in") or None,
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
        """Ask the attempt that runs to stop, once."""
        unasked = Q(status=JobStatus.RUNNING, cancel_requested_at=None)
        return self._change(unasked, "cancel_requested", cancel_requested_at=timezone.now())

    def requeue(self, *, counts: bool) -> bool:
        """Give a held job back to the queue for another attempt; this one counts or not."""
        return self._change(
            self._held(),
            "requeued",
            status=JobStatus.QUEUED,
            attempts_before=F("attempts_before") + (0 if counts else 1),
            queued_at=timezone.now(),
            started_at=None,
            lease_expires_at=None,
            worker="",
        )

    def reopen(self, turn: int) -> bool:
        """Queue an ended job again, with all its attempts before it."""
        return self._change(
            Q(status__in=[JobStatus.FAILED, JobStatus.CANCELLED]),
            "retried",
            turn=turn,
            status=JobStatus.QUEUED,
            queued_at=timezone.now(),
            attempts_before=F("attempts"),
            progress={},
            cancel_requested_at=None,
            started_at=None,
            finished_at=None,
            seconds=None,
            error_code="",
            error_message="",
            error_hint="",
            error_status=None,
            error_retryable=False,
            traceback="",
        )

    def forget_output(self) -> bool:
        """Say that its Parquet is no longer kept."""
        return self._change(Q(has_output=True), "output_removed", has_output=False)

    def _held(self) -> Q:
        return Q(status=JobStatus.RUNNING, attempts=self.attempts)

    def _end(self, status: JobStatus, expected: Q, **values: Any) -> bool:
        now = timezone.now()
        with transaction.atomic():
            won = self._change(
                expected,
                status.value,
                status=status,
                finished_at=now,
                seconds=_seconds(self.started_at, now),
                lease_expires_at=None,
                worker="",
                **values,
            )
            if won:
                totals.add(self)
                ended.send(type(self), job=self)
        return won

    def _change(self, expected: Q, action: str = "", **values: Any) -> bool:
        """Change the row if it is as expected; the action goes into its history."""
        with transaction.atomic():
            won = ConversionJob.objects.filter(expected, pk=self.pk).update(**values) == 1
            if won:
                self.refresh_from_db()
            if won and action:
                events.record(self.subject, action, **self._detail())
        return won

    def _detail(self) -> dict[str, Any]:
        """What an event tells besides its action."""
        facts = {"attempt": self.attempts or None, "worker": self.worker, "code": self.error_code}
        return {name: fact for name, fact in facts.items() if fact}


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
    if not (start and end):
        return None
    seconds: float = (end - start).total_seconds()
    return max(0.0, seconds)  # the clock may have been set back
