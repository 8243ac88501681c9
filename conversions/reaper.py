"""Mends what died. Any number of reapers at once are harmless: each change is one that only one can make."""

from __future__ import annotations

import shutil
import time
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from connectors.errors import WorkerFailed
from conversions import queue
from conversions.models import TERMINAL, ConversionJob, JobStatus

_RING_PATIENCE = timedelta(seconds=30)
_RETRY_PERIOD = timedelta(days=1)
_ABANDONED_SECONDS = 120
_INTERVAL_SECONDS = 20.0
_next_reaping = 0.0


def reap_if_due() -> None:
    """Reap unless this process did so a moment ago. Busy workers call it, because the schedule's own task waits in the
    queue behind their jobs."""
    global _next_reaping  # noqa: PLW0603 - one clock per process
    if time.monotonic() >= _next_reaping:
        _next_reaping = time.monotonic() + _INTERVAL_SECONDS
        reap()


def reap() -> None:
    """Mend what died: jobs whose lease ran out, rings that were lost, URLs nobody needs, files nobody owns."""
    now = timezone.now()
    for job in ConversionJob.objects.filter(status=JobStatus.RUNNING, lease_expires_at__lt=now):
        _take_back(job)
    if queue.is_empty():
        for job in ConversionJob.objects.filter(status=JobStatus.QUEUED, queued_at__lt=now - _RING_PATIENCE):
            if not job.is_local:
                queue.ring(job)
    ConversionJob.objects.filter(status__in=TERMINAL, finished_at__lt=now - _RETRY_PERIOD).exclude(sealed=b"").update(
        sealed=b""
    )
    _remove_abandoned_directories()


def _take_back(job: ConversionJob) -> bool:
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


def _remove_abandoned_directories() -> None:
    """An attempt removes its own directory; one that was killed could not."""
    running = ConversionJob.objects.filter(status=JobStatus.RUNNING).values_list("pk", "attempts")
    kept = {f"{job}-{attempt}" for job, attempt in running}
    for directory in settings.TEMP_DIR.iterdir():
        if directory.name not in kept and time.time() - directory.stat().st_mtime > _ABANDONED_SECONDS:
            shutil.rmtree(directory, ignore_errors=True)  # another reaper may be at it
