"""``manage.py prune_jobs``: remove old jobs with all that is kept of them, old outputs and uploads."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management import BaseCommand
from django.core.management.base import CommandParser

from conversions import retention


class Command(BaseCommand):
    """What the portal does by itself once an hour, at once."""

    help = (
        "Remove jobs that ended long ago, with their events and files; outputs and uploads after their own times. "
        "The portal does so by itself every hour."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """How old is old."""
        parser.add_argument(
            "--days", type=float, default=settings.TUNDRA.JOB_RETENTION_DAYS, help="default: JOB_RETENTION_DAYS"
        )

    def handle(self, *_: Any, **given: Any) -> None:
        """Prune and say how many."""
        pruned = retention.prune(given["days"])
        self.stdout.write(
            f"{pruned.jobs:,} jobs removed, {pruned.outputs:,} outputs of others, {pruned.uploads:,} uploads."
        )
