"""What has to happen again and again, wherever workers are watched. Any number of housekeepers at once are harmless."""

from __future__ import annotations

import time

from conversions import queue, schedules
from conversions.outages import contained
from conversions.reaper import INTERVAL_SECONDS, Reaper

_PRUNE_SECONDS = 3600.0


class Housekeeper:
    """Takes back what died and submits what is due, every few seconds; has old jobs removed, every hour."""

    def __init__(self) -> None:
        self._reaper = Reaper()
        self._due = self._prune_due = time.monotonic() + INTERVAL_SECONDS

    def tidy_if_due(self) -> None:
        """Do what it is time for."""
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + INTERVAL_SECONDS
        contained(self._reaper.reap)
        contained(schedules.run_due)
        if time.monotonic() >= self._prune_due:
            self._prune_due = time.monotonic() + _PRUNE_SECONDS
            queue.ask_to_prune()
