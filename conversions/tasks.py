"""What the queue calls."""

from __future__ import annotations

from conversions import reaper, supervisor


def run_job(job_id: str) -> None:
    """Run one attempt of a job, if it still waits for one."""
    supervisor.run(job_id)


def reap() -> None:
    """Take back what dead workers held."""
    reaper.reap()
