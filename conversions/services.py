"""The only way in: submit, wait, cancel, retry. API, admin and commands are shells over these."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction

from connectors import events
from connectors.errors import ConversionError, InvalidRequest, Unavailable
from conversions import assignments, queue, supervisor, uploads
from conversions.models import ConversionJob, JobStatus, Upload
from conversions.outages import Survived
from conversions.sealed import seal

_LOOK_SECONDS = 0.5
_PATIENCE_SECONDS = 30  # workers that died are started again within this time


@dataclass(frozen=True, slots=True)
class Submission:
    """A checked request, split into what may be shown and what may not.

    Attributes:
        kind: a ``JobKind``.
        request: everything but ``secrets``.
        secrets: whole signed URLs (or a command's local paths), by field name.
        source, destination: how people see them: no query, no secret.
        webhook_url: where the caller wants to be told, whole; what of is in the request.
        caller: who is counted for limits and turns.
        upload: what is read, if it was handed to the portal.
        idempotency_key: the caller's name for this request; empty: every submission is a job of its own.
    """

    kind: str
    request: dict[str, Any]
    secrets: dict[str, str]
    source: str
    destination: str = ""
    webhook_url: str = ""
    owner: User | None = None
    request_id: str = ""
    caller: str = ""
    idempotency_key: str = ""
    upload: Upload | None = None

    @property
    def digest(self) -> str:
        """What tells this request from another one of the same caller."""
        whole = json.dumps([self.kind, self.request, self.secrets, self.webhook_url], sort_keys=True, default=str)
        return hashlib.sha256(whole.encode()).hexdigest()


def submit(submission: Submission) -> ConversionJob:
    """Write the job and ring the queue, both or neither. The same idempotency key again gives the same job.

    Raises:
        ConversionError: the idempotency key was used for another request (409), the upload is gone (404), or there is
            no output_url where the portal keeps no outputs (400).
    """
    if (job := _same(submission)) is not None:
        return job
    try:
        with transaction.atomic():
            job = _create(submission)
            queue.ring()
    except IntegrityError:
        if (job := _same(submission)) is None:  # not a race for the idempotency key
            raise
    return job


def _same(submission: Submission) -> ConversionJob | None:
    """The job that this very request has made before."""
    if not submission.idempotency_key:
        return None
    job = ConversionJob.objects.filter(caller=submission.caller, idempotency_key=submission.idempotency_key).first()
    if job is not None and job.body_digest != submission.digest:
        raise ConversionError(
            f"The Idempotency-Key '{submission.idempotency_key}' was used for another request.",
            code="idempotency_conflict",
            http_status=409,
            hint="Use a new key for every new request, and the same one only to repeat it.",
        )
    return job


def run_here(submission: Submission, show: supervisor.Show) -> ConversionJob:
    """Run a job to its end in this process instead of a queue worker: for commands.

    Should an attempt die, the next one is whoever's is quicker: this process's or a worker's of a portal beside it.
    """
    try:
        job = supervisor.take(partial(_create, submission))
        try:
            supervisor.run(job, show)
            job.refresh_from_db()
            while not job.is_terminal:
                if job.status == JobStatus.QUEUED:
                    supervisor.run(job, show)
                else:
                    time.sleep(_LOOK_SECONDS)
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
        with Survived(job_id=str(job.pk)):
            job.refresh_from_db()
            if job.status == JobStatus.QUEUED and time.monotonic() - started > _PATIENCE_SECONDS:
                _refuse_without_workers(job)
    return job


def cancel(job: ConversionJob) -> ConversionJob:
    """Cancel a waiting job now, or ask a running one to stop. Asking again changes nothing.

    Raises:
        ConversionError: it has already ended (409).
    """
    while not job.is_terminal:
        if (job.status == JobStatus.QUEUED and job.end_cancelled()) or job.request_cancel():
            return job
        job.refresh_from_db()  # it has moved on meanwhile
        if job.status == JobStatus.RUNNING and job.cancel_requested_at:
            return job
    raise ConversionError(f"The job has already {job.status}.", code="job_ended", http_status=409)


def retry(job: ConversionJob) -> ConversionJob:
    """Queue a failed or cancelled job again.

    Raises:
        ConversionError: it has not failed, or its signed URLs or its upload are no longer kept (409).
    """
    assignments.secrets_of(job)
    with transaction.atomic():
        if job.upload is not None:
            uploads.hold(job.upload)
        if not job.reopen(queue.turn_for(job.caller)):
            raise ConversionError(
                f"Only a failed or cancelled job can be retried; this one is {job.status}.",
                code="job_not_ended",
                http_status=409,
            )
        queue.ring()
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
            hint="Start the workers (make run, or manage.py workers), then send the request again.",
        )


def _output_url_required() -> InvalidRequest:
    sentence = "output_url is required: this portal keeps no outputs (KEEP_OUTPUTS)."
    return InvalidRequest(sentence, errors={"output_url": [sentence]})


def _create(submission: Submission) -> ConversionJob:
    request = submission.request
    with transaction.atomic():
        if submission.upload is not None:
            uploads.hold(submission.upload)
        job = ConversionJob(
            kind=submission.kind,
            request=request,
            sealed=seal(submission.secrets),
            webhook=seal({"url": submission.webhook_url}) if submission.webhook_url else b"",
            source=submission.source[:500],
            destination=submission.destination[:500],
            upload=submission.upload,
            credentials_id=request.get("credentials_id", ""),
            owner=submission.owner,
            request_id=submission.request_id,
            caller=submission.caller,
            idempotency_key=submission.idempotency_key,
            body_digest=submission.digest if submission.idempotency_key else "",
            is_local="source_path" in request or "output_path" in request,
            turn=queue.turn_for(submission.caller),
        )
        if job.keeps_output and not settings.TUNDRA.KEEP_OUTPUTS:
            raise _output_url_required()
        job.save(force_insert=True)
        events.record(job.subject, "submitted", source=job.source, destination=job.destination)
    return job
