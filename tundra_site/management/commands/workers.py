"""``manage.py workers``: queue workers alone, watched, until Ctrl-C or SIGTERM."""

from __future__ import annotations

from typing import Any

from django.core.management import BaseCommand

from conversions.engine.processes import StopSignals
from tundra_site.parts import Workers, keep_running, stop


class Command(BaseCommand):
    """Run a queue cluster for a portal whose web process runs elsewhere."""

    help = "Run queue workers in the foreground; start them again when they die or are stuck."

    def handle(self, *_: Any, **__: Any) -> None:
        """Start, watch, stop."""
        signals = StopSignals()
        parts = [Workers()]
        keep_running(parts, signals)
        stop(parts)
