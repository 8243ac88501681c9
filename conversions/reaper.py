"""Mends what died. Any number of reapers at once are harmless: each change is one that only one can make."""

from __future__ import annotations

import shutil
import time
import uuid
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from connectors.errors import WorkerFailed
from conversions import queue
from conversions.models import LEASE, TERMINAL, ConversionJob, JobStatus
from conversions.outages import contained

INTERVAL_SECONDS = 5.0
_RETRY_PERIOD = timedelta(days=1)
_ABANDONED_SECONDS = 120


class Reaper:
    """Looks again and again, and takes a job for abandoned when nothing about it has changed for the time of a lease.

    It compares no clocks: those of machines differ, and jump. A pause between two looks counts as two intervals at
    most: when the portal's database or this process was away, nobody is presumed dead for it.
    """

    def __init__(self) -> None:
        self._looked_at = time.monotonic()
        self._ages: dict[uuid.UUID, tuple[tuple[Any, ...], float]] = {}

    def reap(self) -> None:
        """Mend what died: jobs without sign of life, rings that were lost, URLs nobody needs, files nobody owns."""
        for job in self._unchanged():
            contained(partial(_mend, job), job_id=str(job.pk))
        ConversionJob.objects.filter(status__in=TERMINAL, finished_at__lt=timezone.now() - _RETRY_PERIOD).exclude(
            sealed=b""
        ).update(sealed=b"")
        _remove_abandoned_directories()

    def _unchanged(self) -> list[ConversionJob]:
        """The jobs that have looked the same for the time of a lease. They are given that time again from now on."""
        step = min(time.monotonic() - self._looked_at, 2 * INTERVAL_SECONDS)
        self._looked_at = time.monotonic()
        # Waiting is no sign of death while rings wait too.
        statuses = [JobStatus.RUNNING, JobStatus.QUEUED] if queue.is_empty() else [JobStatus.RUNNING]
        looks = ConversionJob.objects.filter(status__in=statuses).values_list(
            "pk", "status", "attempts", "lease_expires_at"
        )
        before, self._ages = self._ages, {}
        unchanged = []
        for pk, *look in looks:
            seen, age = before.get(pk, ((), 0.0))
            age = age + step if seen == tuple(look) else 0.0
            if age >= LEASE.total_seconds():
                unchanged.append(pk)
                age = 0.0
            self._ages[pk] = (tuple(look), age)
        return list(ConversionJob.objects.filter(pk__in=unchanged))


def _mend(job: ConversionJob) -> None:
    if job.status == JobStatus.RUNNING:
        take_back(job)
    elif job.is_local:
        job.end_cancelled()  # the command that would run it is gone
    else:
        queue.ring()


def take_back(job: ConversionJob) -> bool:
    """Take a job from an attempt that died: it waits for the next one, or ends after the last."""
    if job.cancel_requested_at:
        return job.end_cancelled()
    if job.has_attempts_left and not job.is_local:
        return queue.requeue(job)
    return job.fail(
        WorkerFailed(
            "The process that ran this job died.",
            code="worker_crashed",
            retryable=True,
            hint="Look at the workers' logs and memory, then retry.",
        )
    )


def take_back_from(cluster: str, *, were_stopped: bool) -> None:
    """Take back all that an ended cluster held, jobs and rings; at once, because its workers are known to be gone.

    Args:
        cluster: its id, as in the names of its workers.
        were_stopped: they were ended on purpose, and the attempt does not count.
    """
    for job in _held_by(cluster):
        if were_stopped and not job.cancel_requested_at:
            queue.requeue(job, counts=False)
        else:
            take_back(job)
    # It may have taken rings that it had no free worker for.
    most = settings.Q_CLUSTER["queue_limit"] + 2
    for _ in range(queue.waiting()[:most].count()):
        queue.ring()


def take_back_from_the_dead(cluster: str) -> None:
    """Take back what a cluster on this machine held with workers that have died. Sooner than their leases run out."""
    for job in _held_by(cluster):
        _, pid, _ = job.worker.rsplit(":", 2)
        if not Path("/proc", pid).exists():
            take_back(job)


def _held_by(cluster: str) -> QuerySet[ConversionJob]:
    return ConversionJob.objects.filter(status=JobStatus.RUNNING, worker__endswith=f":{cluster}")


def _remove_abandoned_directories() -> None:
    """An attempt removes its own directory; one that was killed could not."""
    directories = list(settings.TEMP_DIR.iterdir())  # before asking who runs: an attempt runs before it has one
    running = ConversionJob.objects.filter(status=JobStatus.RUNNING).values_list("pk", "attempts")
    kept = {f"{job}-{attempt}" for job, attempt in running}
    for directory in directories:
        with suppress(FileNotFoundError):  # its attempt has just ended, or another reaper is at it
            if directory.name not in kept and time.time() - directory.stat().st_mtime > _ABANDONED_SECONDS:
                shutil.rmtree(directory, ignore_errors=True)
