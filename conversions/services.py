"""The only way in: submit, wait, cancel, retry. API, admin and commands are shells over these."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, transaction

from connectors.errors import ConversionError, Unavailable
from conversions import queue, supervisor
from conversions.models import ConversionJob, JobStatus
from conversions.sealed import seal, unseal

_PATIENCE_SECONDS = 10


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
    except KeyboardInterrupt:
        job.refresh_from_db()
        job.end_cancelled()
        raise
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
