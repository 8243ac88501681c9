"""How far a job is, told a few times a second at most."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

_INTERVAL = 0.25
# Where each phase begins and ends in percent, for a bar that only ever moves forward.
_SPANS = {"download": (0, 15), "convert": (15, 85), "upload": (85, 100)}


class Progress:
    """The state behind the job's progress object."""

    def __init__(self, report: Callable[[dict[str, Any]], None]) -> None:
        self._report = report
        self._started = time.monotonic()
        self._told = 0.0
        self.phase = "download"
        self.rows = 0
        self.total_rows: int | None = None
        self.bytes_in = 0
        self.bytes_out = 0
        self._share = 0.0

    def enter(self, phase: str) -> None:
        """Begin a phase and say so."""
        self.phase, self._share = phase, 0.0
        self._tell()

    def advance(self, share: float, **values: int) -> None:
        """Say how much of the phase is done (0 to 1) and any of rows, bytes_in and bytes_out."""
        self._share = min(max(share, self._share), 1.0)
        for name, value in values.items():
            setattr(self, name, value)
        if time.monotonic() - self._told >= _INTERVAL:
            self._tell()

    def snapshot(self) -> dict[str, Any]:
        """The job's progress object, as the contract has it."""
        low, high = _SPANS[self.phase]
        percent = round(low + (high - low) * self._share, 1)
        elapsed = time.monotonic() - self._started
        return {
            "phase": self.phase,
            "rows": self.rows,
            "total_rows": self.total_rows,
            "bytes_in": self.bytes_in,
            "bytes_out": self.bytes_out,
            "percent": percent,
            "eta_seconds": round(elapsed * (100 - percent) / percent, 1) if percent >= 1 else None,
        }

    def _tell(self) -> None:
        self._told = time.monotonic()
        self._report(self.snapshot())
