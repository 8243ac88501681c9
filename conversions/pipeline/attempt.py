"""What the steps of one attempt share."""

from __future__ import annotations

import time
from copy import copy
from pathlib import Path
from typing import Any

from connectors.source import Context, Warnings
from conversions.pipeline.assignment import Assignment
from conversions.pipeline.progress import Progress


class Attempt:
    """An assignment being carried out: its progress, its deadline, its warnings, and how its output looks."""

    def __init__(self, assignment: Assignment, progress: Progress) -> None:
        self.assignment = assignment
        self.progress = progress
        self.started = time.monotonic()
        self.deadline = self.started + assignment.limits.seconds
        self.warnings = Warnings()
        self.inspection: dict[str, Any] | None = None

    def part(self) -> Attempt:
        """The same attempt at a part of the work, with warnings and an output of its own."""
        part = copy(self)
        part.warnings = Warnings()
        part.inspection = None
        return part

    @property
    def rejects_path(self) -> Path:
        """Where rows left out by ``on_bad_row: skip`` are kept until they are delivered."""
        return self.assignment.temp_dir / "rejects.ndjson"

    def context(self, input_bytes: int | None = None) -> Context:
        """What a source is told. ``input_bytes`` turns bytes read into a share of the phase."""
        limits = self.assignment.limits
        return Context(
            temp_dir=self.assignment.temp_dir,
            batch_rows=self.assignment.request["row_group_size"],
            max_bytes=limits.max_file_bytes,
            max_rows=limits.max_rows,
            connect_timeout=limits.connect_timeout,
            warnings=self.warnings,
            session=f"tundra-{self.assignment.job_id.replace('-', '')}",
            progress=lambda read: self.progress.advance(read / max(input_bytes or 1, read, 1), bytes_in=read),
        )
