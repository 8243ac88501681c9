"""One attempt at one job: claim it, run it in a child, hold its lease and its budgets, settle it once."""

from __future__ import annotations

import logging
import os
import shutil
import socket
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DatabaseError

from connectors import services as credentials
from connectors.errors import ConversionError, LimitReached, WorkerFailed
from conversions import assignments, queue, reaper
from conversions.engine.client import Child, Engine, Exit
from conversions.models import ConversionJob, JobKind
from conversions.pipeline.assignment import Assignment
from conversions.pipeline.attempt import REJECTS_NAME

logger = logging.getLogger(__name__)
Show = Callable[[dict[str, Any]], None]

_LOOK_SECONDS = 0.2
_RENEW_SECONDS = 1.0
_END_SESSIONS_SECONDS = 15.0
_engine = Engine()


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The child's answer."""

    result: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Failed:
    """Why there is no answer; the traceback is for staff."""

    error: ConversionError
    traceback: str = ""


class Cancelled:
    """Somebody asked for the end."""


class Lost:
    """Another attempt holds the job now: this one must leave no trace."""


Outcome = Succeeded | Failed | Cancelled | Lost


def warm_up(**_: Any) -> None:
    """Start this worker's engine before its first job."""
    _engine.start()


def cool_down() -> None:
    """End this process's engine."""
    _engine.stop()


def run(job_id: str, show: Show = lambda _progress: None) -> None:
    """Run one attempt of a queued job. Returns at once if it is not queued (any more).

    Args:
        job_id: the job's id.
        show: called with the job's progress object as it changes.
    """
    job = ConversionJob.objects.filter(pk=job_id).first()
    if job is None or not job.claim(_worker_name()):
        return
    logger.info("attempt started", extra=_ids(job))
    try:
        with _attempt_directory(job) as directory:
            outcome, end = _run_in_child(job, directory, show)
            if isinstance(outcome, Succeeded):
                _keep_rejects(job, directory / REJECTS_NAME)
        _settle(job, outcome)
    except DatabaseError:
        raise  # the portal's own database: the lease runs out and the reaper takes over
    except Exception:
        logger.exception("attempt broke", extra=_ids(job))
        bug = WorkerFailed("The portal failed unexpectedly while it ran this job.", hint="Its log says why.")
        job.fail(bug, traceback.format_exc())
        return
    _record_use(job, outcome)
    _log_end(job, outcome, end)


def _ids(job: ConversionJob) -> dict[str, Any]:
    return {"job_id": str(job.pk), "attempt": job.attempts, "request_id": job.request_id}


def _worker_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


@contextmanager
def _attempt_directory(job: ConversionJob) -> Iterator[Path]:
    directory = settings.TEMP_DIR / f"{job.pk}-{job.attempts}"
    directory.mkdir(mode=0o700, parents=True)
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


def _keep_rejects(job: ConversionJob, rejects: Path) -> None:
    if rejects.exists():
        job.rejects_path.parent.mkdir(mode=0o700, exist_ok=True)
        shutil.move(rejects, job.rejects_path)


def _run_in_child(job: ConversionJob, directory: Path, show: Show) -> tuple[Outcome, Exit | None]:
    try:
        assignment = assignments.of(job, directory)
    except ConversionError as error:
        return Failed(error), None
    try:
        child = _engine.begin(assignment.as_json())
    except EOFError as error:
        return Failed(_crash(None), str(error)), None
    watch = _Watch(job, child, show, time.monotonic() + assignment.limits.seconds)
    try:
        outcome = watch.until_settled()
    finally:
        child.kill()
        end = child.finish()
    if job.kind == JobKind.DATABASE and not (watch.has_answered or isinstance(outcome, Lost)):
        _end_sessions(assignment)
    return outcome or Failed(_crash(end), f"The conversion's process ended without an answer: {end}."), end


def _end_sessions(assignment: Assignment) -> None:
    """A killed child cannot end its queries: another one does. The server's own limit is what remains if it fails."""
    try:
        child = _engine.begin(replace(assignment, kind="end_sessions").as_json())
    except EOFError:
        logger.exception("the process that ends queries did not start", extra={"job_id": assignment.job_id})
        return
    try:
        deadline = time.monotonic() + _END_SESSIONS_SECONDS
        answer: dict[str, Any] | None = None
        while time.monotonic() < deadline and not (answer and answer.keys() & {"result", "error"}):
            answer = child.next_message(_LOOK_SECONDS)
        if not answer or "error" in answer:
            logger.warning("queries may still run on the database server", extra={"job_id": assignment.job_id})
    except EOFError:
        logger.exception("the process that ends queries ended itself", extra={"job_id": assignment.job_id})
    finally:
        child.kill()
        child.finish()


def _crash(end: Exit | None) -> WorkerFailed:
    return WorkerFailed(
        f"The conversion's process ended without an answer ({end or 'before it began'}).",
        code="worker_crashed",
        retryable=True,
        hint="If it happens again with the same input, the input crashes the reader: please report it.",
    )


class _Watch:
    """Follows a child until there is an outcome."""

    def __init__(self, job: ConversionJob, child: Child, show: Show, deadline: float) -> None:
        self._job = job
        self._child = child
        self._show = show
        self._deadline = deadline
        self._renew_at = time.monotonic() + _RENEW_SECONDS
        self.progress: dict[str, Any] = {}
        self.has_answered = False

    def until_settled(self) -> Outcome | None:
        """The outcome, or None when the child ended without one."""
        while True:
            try:
                message = self._child.next_message(_LOOK_SECONDS)
            except EOFError:
                return None
            outcome = self._heard(message) or self._over_budget() or self._told_to_stop()
            if outcome:
                return outcome

    def _heard(self, message: dict[str, Any] | None) -> Outcome | None:
        if message is None:
            return None
        self.has_answered = bool(message.keys() & {"result", "error"})
        if "result" in message:
            return Succeeded(message["result"])
        if "error" in message:
            return Failed(_error_from(message["error"]), message["traceback"])
        if "progress" in message:
            self.progress = message["progress"]
            self._show(self.progress)
        return None

    def _over_budget(self) -> Failed | None:
        if time.monotonic() > self._deadline:
            minutes = settings.TUNDRA.MAX_PROCESSING_TIME_MINUTES
            return Failed(
                LimitReached(
                    f"The conversion was stopped after {minutes:g} minutes, the most it may take.",
                    code="processing_time_exceeded",
                    hint="Convert less at once, or raise MAX_PROCESSING_TIME_MINUTES.",
                )
            )
        gigabytes = settings.TUNDRA.MAX_MEMORY_USAGE_GB
        if self._child.memory() > gigabytes * 2**30:
            return Failed(
                LimitReached(
                    f"The conversion was stopped because it needed more than {gigabytes:g} GB of memory.",
                    code="memory_limit_exceeded",
                    hint="Convert less at once, choose a smaller row_group_size, or raise MAX_MEMORY_USAGE_GB.",
                )
            )
        return None

    def _told_to_stop(self) -> Outcome | None:
        if time.monotonic() < self._renew_at:
            return None
        self._renew_at = time.monotonic() + _RENEW_SECONDS
        reaper.reap_if_due()
        if not self._job.renew(self.progress):
            return Lost()
        return Cancelled() if self._job.cancel_requested_at else None


def _error_from(described: dict[str, Any]) -> ConversionError:
    return ConversionError(described.pop("message"), **described)


def _settle(job: ConversionJob, outcome: Outcome) -> None:
    """Bring the job to its next state; every change is fenced by the attempt's number."""
    match outcome:
        case Succeeded(result):
            job.succeed(result)
        case Failed(error, trace):
            _settle_failure(job, error, trace)
        case Cancelled():
            job.end_cancelled()
        case Lost():
            pass


def _record_use(job: ConversionJob, outcome: Outcome) -> None:
    if job.kind == JobKind.DATABASE and isinstance(outcome, Succeeded | Failed):
        error = outcome.error if isinstance(outcome, Failed) else None
        credentials.record_use(job.request["credentials_id"], error)


def _log_end(job: ConversionJob, outcome: Outcome, end: Exit | None) -> None:
    logger.info(
        "attempt ended",
        extra={
            **_ids(job),
            "status": "lost" if isinstance(outcome, Lost) else job.status,
            "code": job.error_code or None,
            "duration_seconds": job.run_seconds,
            "peak_memory_mb": round(end.peak_memory / 2**20) if end else None,
        },
    )


def _settle_failure(job: ConversionJob, error: ConversionError, trace: str) -> None:
    job.refresh_from_db()
    if job.cancel_requested_at:
        job.end_cancelled()
    elif error.code == "worker_crashed" and job.has_attempts_left:
        queue.requeue(job)
    else:
        job.fail(error, trace)
