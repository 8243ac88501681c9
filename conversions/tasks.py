"""What the queue calls."""

from __future__ import annotations

from django.conf import settings

from conversions import retention, supervisor


def run_next() -> None:
    """Run one attempt of the job whose turn it is, if one waits."""
    supervisor.run_next()


def prune() -> None:
    """Remove what is older than it is kept."""
    retention.prune(settings.TUNDRA.JOB_RETENTION_DAYS)
