"""The only way in: submit, wait, cancel, retry, reap. API, admin and commands are shells over these."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils import timezone

from connectors.errors import ConversionError, Unavailable, WorkerFailed
from conversions import queue, supervisor
from conversions.models import TERMINAL, ConversionJob, JobStatus
from conversions.sealed import seal, unseal

_PATIENCE_SECONDS = 10
_RING_PATIENCE = timedelta(seconds=30)
_RETRY_PERIOD = timedelta(days=1)
_ABANDONED_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Submission:
    """A checked request, split into what may be shown and what may not.

    Attributes:
        kind: a ``JobKind``.
        request: everything but ``secrets``.
        secrets: whole signed URLs (or a command's local paths), by field name.
        source, destination: how people see them: no query, no secret.
    """

    kind: str
    request: dict[str, Any]
    secrets: dict[str, str]
    source: str
    destination: str = ""
    owner: User | None = None
    request_id: str = ""


def submit(submission: Submission) -> ConversionJob:
    """Write the job and ring the queue, both or neither."""
    with transaction.atomic():
        job = _create(submission)
        queue.ring(job)
    return job


def run_here(submission: Submission, show: supervisor.Show) -> ConversionJob:
    """Run a job to its end in this process instead of a queue worker: for commands."""
    job = _create(submission)
    try:
        while job.status == JobStatus.QUEUED:
            supervisor.run(str(job.pk), show)
            job.refresh_from_db()
    finally:
        supervisor.cool_down()
    return job


def wait(job: ConversionJob, seconds: float) -> ConversionJob:
    """Wait until the job has ended, at most so long; return it as it then is.

    Raises:
        Unavailable: nobody takes the job because no worker is alive. The job is cancelled, so asking again is safe.
    """
    started = time.monotonic()
    pause = 0.005
    while not job.is_terminal and (left := started + seconds - time.monotonic()) > 0:
        if pause > 0.1:
            connection.close()  # a long wait must not keep a pooled connection from others
        time.sleep(min(pause, left))
        pause = min(pause * 1.2, 0.5)
        job.refresh_from_db()
        if job.status == JobStatus.QUEUED and time.monotonic() - started > _PATIENCE_SECONDS:
            _refuse_without_workers(job)
    return job


def cancel(job: ConversionJob) -> ConversionJob:
    """Cancel a waiting job now, or ask a running one to stop.

    Raises:
        ConversionError: it has already ended (409).
    """
    if (job.status == JobStatus.QUEUED and job.end_cancelled()) or job.request_cancel():
        return job
    job.refresh_from_db()
    raise ConversionError(f"The job has already {job.status}.", code="job_ended", http_status=409)


def retry(job: ConversionJob) -> ConversionJob:
    """Queue a failed or cancelled job again.

    Raises:
        ConversionError: it has not failed, or its signed URLs are no longer kept (409).
    """
    if unseal(job.sealed) is None:
        raise ConversionError(
            "The signed URLs of this job are no longer kept; submit the conversion again with fresh ones.",
            code="request_wiped",
            http_status=409,
        )
    with transaction.atomic():
        if not job.reopen():
            raise ConversionError(
                f"Only a failed or cancelled job can be retried; this one is {job.status}.",
                code="job_not_ended",
                http_status=409,
            )
        queue.ring(job)
    return job


def reap() -> None:
    """Mend what died: jobs whose lease ran out, rings that were lost, URLs nobody needs, files nobody owns."""
    now = timezone.now()
    for job in ConversionJob.objects.filter(status=JobStatus.RUNNING, lease_expires_at__lt=now):
        _reap_one(job)
    if queue.is_empty():
        for job in ConversionJob.objects.filter(status=JobStatus.QUEUED, queued_at__lt=now - _RING_PATIENCE):
            queue.ring(job)
    ConversionJob.objects.filter(status__in=TERMINAL, finished_at__lt=now - _RETRY_PERIOD).exclude(sealed=b"").update(
        sealed=b""
    )
    _remove_abandoned_directories()


def failure_of(job: ConversionJob) -> ConversionError:
    """Why an ended job did not succeed, as the error it ended with."""
    if job.status == JobStatus.CANCELLED:
        return ConversionError("The job was cancelled.", code="cancelled", http_status=409)
    return ConversionError(
        job.error_message,
        code=job.error_code,
        http_status=job.error_status,
        retryable=job.error_retryable,
        hint=job.error_hint or None,
    )


def _remove_abandoned_directories() -> None:
    """An attempt removes its own directory; one that was killed could not."""
    running = ConversionJob.objects.filter(status=JobStatus.RUNNING).values_list("pk", "attempts")
    kept = {f"{job}-{attempt}" for job, attempt in running}
    for directory in settings.TEMP_DIR.iterdir():
        if directory.name not in kept and time.time() - directory.stat().st_mtime > _ABANDONED_SECONDS:
            shutil.rmtree(directory, ignore_errors=True)  # another reaper may be at it


def _reap_one(job: ConversionJob) -> bool:
    if job.attempts < settings.TUNDRA.MAX_ATTEMPTS:
        return queue.requeue(job)
    return job.fail(
        WorkerFailed(
            f"The worker that ran this job died, {job.attempts} times in all.",
            code="worker_crashed",
            retryable=True,
            hint="Look at the workers' logs and memory, then retry.",
        )
    )


def _refuse_without_workers(job: ConversionJob) -> None:
    if queue.live_workers() == 0 and job.end_cancelled():
        raise Unavailable(
            "No worker is running, so the conversion was not started.",
            code="no_workers",
            hint="Start the workers (make run, or manage.py qcluster), then send the request again.",
        )


def _create(submission: Submission) -> ConversionJob:
    return ConversionJob.objects.create(
        kind=submission.kind,
        request=submission.request,
        sealed=seal(submission.secrets),
        source=submission.source[:500],
        destination=submission.destination[:500],
        owner=submission.owner,
        request_id=submission.request_id,
    )
