"""What every connector opens: a schema that is fixed before the first row, then bounded Arrow batches."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a source and how faithfully it travels: a line of the type ledger.

    Attributes:
        name: as the source calls it (deduplicated, never empty).
        type: the Arrow type of every batch, and so of the Parquet file.
        nullable: False only where the source promises it.
        source_type: the source's own name for the type (``numeric(12,2)``, ``xlsx date``), where it has one.
        fidelity: ``exact``, or what was agreed to instead, in a few words (``text form of interval``).
    """

    name: str
    type: pa.DataType
    nullable: bool = True
    source_type: str | None = None
    fidelity: str = "exact"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the caller should know of an otherwise successful conversion.

    Attributes:
        issue: stable and machine readable, e.g. ``ambiguous_dates``.
        message: one sentence with the counts and the first places (column, line, value).
        column: the column concerned, if one is.
        affected_rows: how many rows are concerned, if that is known.
    """

    issue: str
    message: str
    column: str | None = None
    affected_rows: int | None = None


class Warnings:
    """Collects the warnings of one attempt, in order, each once: rows may be read twice, and columns may be many."""

    def __init__(self) -> None:
        self._found: dict[Notice, None] = {}

    @property
    def items(self) -> list[Notice]:
        return list(self._found)

    def add(self, issue: str, message: str, *, column: str | None = None, affected_rows: int | None = None) -> None:
        """Append one warning, unless it is there already."""
        self._found[Notice(issue, message, column, affected_rows)] = None

    def forget(self, kept: int = 0) -> None:
        """Drop all but the first ``kept``."""
        self._found = dict.fromkeys(self.items[:kept])


@dataclass(frozen=True, slots=True)
class Context:
    """All that the engine knows of the world: no settings, no Django.

    Attributes:
        temp_dir: this attempt's own directory; whoever made it removes it.
        batch_rows: no batch is longer than this many rows.
        max_bytes: how large an input may become, decompressed; None: no limit.
        max_rows: how many rows one conversion may have; None: no limit.
        connect_timeout: seconds until a connection attempt is given up.
        warnings: where sources put what the caller should know.
        session: what this attempt's sessions on a database server are called, so that another process can end them.
        progress: called with bytes read from the source so far (of the input's own size); cheap, call it per batch.
    """

    temp_dir: Path
    batch_rows: int = 50_000
    max_bytes: int | None = None
    max_rows: int | None = None
    connect_timeout: float = 5.0
    warnings: Warnings = field(default_factory=Warnings)
    session: str = field(default_factory=lambda: f"tundra-{secrets.token_hex(8)}")
    progress: Callable[[int], None] = lambda _bytes_in: None


class SchemaChanged(Exception):
    """Raised by ``Source.batches``: a column's type had to be widened by a later row.

    The batches yielded so far are void. ``Source.columns`` is now final: it was found by reading all the remaining
    rows, so it is raised at most once. The reader drops what it has written and calls ``batches`` again.
    """


class Source(Protocol):
    """An opened source. Open it with ``with``: leaving ends queries and closes files.

    Attributes:
        columns: the schema that every batch of the next ``batches()`` call has.
        total_rows: for progress only: exact, an estimate, or None.
        rows_rejected: rows left out on the caller's word (``on_bad_row: skip``), counted by the last full read.
        facts: what was detected or done, JSON-ready, for the answer (``metadata.source`` or ``connection_info``).
    """

    @property
    def columns(self) -> Sequence[Column]: ...
    @property
    def total_rows(self) -> int | None: ...
    @property
    def rows_rejected(self) -> int: ...
    @property
    def facts(self) -> Mapping[str, Any]: ...

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Every row once, in the source's order, in batches of at most ``Context.batch_rows`` rows.

        Raises:
            SchemaChanged: see there.
            ConversionError: anything expected that goes wrong.
        """
        ...


def schema_of(columns: Sequence[Column]) -> pa.Schema:
    """The Arrow schema of a source's columns."""
    return pa.schema([pa.field(column.name, column.type, nullable=column.nullable) for column in columns])
