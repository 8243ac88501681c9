"""One attempt at one job: claim it, run it in a child, hold its lease and its budgets, settle it once."""

from __future__ import annotations

import os
import shutil
import socket
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, transaction

from connectors import events
from connectors import services as credentials
from connectors.errors import ConversionError
from conversions import assignments, breakdowns, inspections, outputs, queue, webhooks
from conversions.engine.client import START_SECONDS, Child, Engine, Exit
from conversions.models import DATABASE_KINDS, ConversionJob, JobStatus
from conversions.outages import Survived, outlasted
from conversions.pipeline.assignment import Assignment

logger = structlog.stdlib.get_logger(__name__)
Show = Callable[[dict[str, Any]], None]

_LOOK_SECONDS = 0.2
_RENEW_SECONDS = 1.0
_END_SESSIONS_SECONDS = 15.0
_engine = Engine()
cluster = ""
"""The id of the cluster whose worker this process is, if any."""


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The child's answer, and how its output looks."""

    result: dict[str, Any]
    inspection: dict[str, Any] | None


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


def run_next() -> None:
    """Run one attempt of the job whose turn it is. Returns at once if none waits."""
    _warm_up()
    with events.acting_as(events.Actor(f"worker {_worker_name()}")):
        if job := queue.claim_next(_worker_name()):
            _attempt(job, lambda _progress: None)


def take(create: Callable[[], ConversionJob]) -> ConversionJob:
    """A new job that this process holds from its beginning on, so that no worker of a portal beside it takes it."""
    _warm_up()
    with transaction.atomic():
        job = create()
        job.claim(_worker_name())
    return job


def run(job: ConversionJob, show: Show) -> None:
    """Run one attempt of a job that this process holds, or that is queued and nobody else is quicker to take.

    Args:
        job: the job.
        show: called with the job's progress object as it changes.
    """
    if job.status == JobStatus.QUEUED:
        _warm_up()
        if not job.claim(_worker_name()):
            return
    _attempt(job, show)


def _warm_up() -> None:
    """Before a job is held: on a busy machine it may take longer than a lease."""
    with suppress(EOFError):  # the attempt will tell
        _engine.warm_up()


def _attempt(job: ConversionJob, show: Show) -> None:
    with structlog.contextvars.bound_contextvars(job_id=str(job.pk), attempt=job.attempts, request_id=job.request_id):
        _carry_out(job, show)


def _carry_out(job: ConversionJob, show: Show) -> None:
    logger.info("attempt started")
    try:
        with _attempt_directory(job) as directory:
            outcome, end = _run_in_child(job, directory, show)
        if isinstance(outcome, Failed | Cancelled):
            outputs.discard(job, up_to=job.attempts)
        outlasted(partial(_settle, job, outcome))
        if job.status == JobStatus.SUCCEEDED and job.attempts > 1:
            outputs.discard(job, up_to=job.attempts - 1)
        elif job.status in (JobStatus.FAILED, JobStatus.CANCELLED):
            outputs.leave_nothing(job)
    except DatabaseError:
        raise  # the portal's own database: the reaper takes over
    except Exception as error:
        logger.exception("attempt broke")
        job.fail(breakdowns.broke(error), traceback.format_exc())
        return
    _record_use(job, outcome)
    _log_end(job, outcome, end)


def _worker_name() -> str:
    """Unique, also where machines share names and numbers; ``reaper.take_back_from`` finds a cluster's by its end."""
    name = f"{socket.gethostname()[:50]}:{os.getpid()}"
    return f"{name}:{cluster}" if cluster else name


@contextmanager
def _attempt_directory(job: ConversionJob) -> Iterator[Path]:
    directory = settings.TEMP_DIR / f"{job.pk}-{job.attempts}"
    shutil.rmtree(directory, ignore_errors=True)  # there may be one where a backup was restored
    directory.mkdir(mode=0o700, parents=True)
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


def _run_in_child(job: ConversionJob, directory: Path, show: Show) -> tuple[Outcome, Exit | None]:
    try:
        assignment = assignments.of(job, directory)
    except ConversionError as error:
        return Failed(error), None
    try:
        child = _begin(job, assignment)
    except EOFError as error:
        return Failed(breakdowns.crashed(None), str(error)), None
    watch = _Watch(job, child, show, time.monotonic() + assignment.limits.seconds)
    try:
        outcome = watch.until_settled()
    finally:
        child.kill()
        end = child.finish()
    if job.kind in DATABASE_KINDS and not (watch.has_answered or isinstance(outcome, Lost)):
        _end_sessions(assignment)
    return outcome or Failed(breakdowns.crashed(end), f"The conversion's process ended without an answer: {end}."), end


def _begin(job: ConversionJob, assignment: Assignment) -> Child:
    """The attempt's child. An engine that died while it idled is replaced: that is no fault of the job."""
    _hold_until_warm(job)
    try:
        return _engine.begin(assignment.as_json())
    except EOFError:
        logger.warning("the engine had died and is replaced")
    _hold_until_warm(job)
    return _engine.begin(assignment.as_json())


def _hold_until_warm(job: ConversionJob) -> None:
    give_up_at = time.monotonic() + START_SECONDS
    while not _engine.warm_up(_RENEW_SECONDS) and time.monotonic() < give_up_at:
        with Survived():
            job.renew({})


def _end_sessions(assignment: Assignment) -> None:
    """A killed child cannot end its queries: another one does. The server's own limit is what remains if it fails."""
    try:
        child = _engine.begin(replace(assignment, kind="end_sessions").as_json())
    except EOFError:
        logger.exception("the process that ends queries did not start")
        return
    try:
        deadline = time.monotonic() + _END_SESSIONS_SECONDS
        answer: dict[str, Any] | None = None
        while time.monotonic() < deadline and not (answer and answer.keys() & {"result", "error"}):
            answer = child.next_message(_LOOK_SECONDS)
        if not answer or "error" in answer:
            logger.warning("queries may still run on the database server")
    except EOFError:
        logger.exception("the process that ends queries ended itself")
    finally:
        child.kill()
        child.finish()


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
            return Succeeded(message["result"], message["inspection"])
        if "error" in message:
            return Failed(breakdowns.told(message["error"]), message["traceback"])
        if "progress" in message:
            self.progress = message["progress"]
            self._show(self.progress)
        return None

    def _over_budget(self) -> Failed | None:
        if time.monotonic() > self._deadline:
            return Failed(breakdowns.took_too_long())
        if self._child.memory() > settings.TUNDRA.MAX_MEMORY_USAGE_GB * 2**30:
            return Failed(breakdowns.took_too_much_memory())
        return None

    def _told_to_stop(self) -> Outcome | None:
        if time.monotonic() < self._renew_at:
            return None
        self._renew_at = time.monotonic() + _RENEW_SECONDS
        with Survived():
            if not self._job.renew(self.progress):
                return Lost()
            webhooks.tell_progress(self._job)
            return Cancelled() if self._job.cancel_requested_at else None
        return None


def _settle(job: ConversionJob, outcome: Outcome) -> None:
    """Bring the job to its next state; every change is fenced by the attempt's number."""
    match outcome:
        case Succeeded(result, inspection):
            inspections.succeed(job, result, inspection)
        case Failed(error, trace):
            _settle_failure(job, error, trace)
        case Cancelled():
            job.end_cancelled()
        case Lost():
            pass


def _record_use(job: ConversionJob, outcome: Outcome) -> None:
    if job.kind in DATABASE_KINDS and isinstance(outcome, Succeeded | Failed):
        error = outcome.error if isinstance(outcome, Failed) else None
        credentials.record_use(job.request["credentials_id"], error)


def _log_end(job: ConversionJob, outcome: Outcome, end: Exit | None) -> None:
    logger.info(
        "attempt ended",
        status="lost" if isinstance(outcome, Lost) else job.status,
        code=job.error_code or None,
        duration_seconds=job.run_seconds,
        peak_memory_mb=round(end.peak_memory / 2**20) if end else None,
    )


def _settle_failure(job: ConversionJob, error: ConversionError, trace: str) -> None:
    job.refresh_from_db(fields=["cancel_requested_at"])  # not the attempt's number, by which others' changes are told
    if job.cancel_requested_at:
        job.end_cancelled()
    elif error.code == "worker_crashed" and job.has_attempts_left:
        queue.requeue(job)
    else:
        job.fail(error, trace)
