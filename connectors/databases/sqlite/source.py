"""SQLite files in the one directory that the operator allows, opened so that nothing can be written.

A column of SQLite may hold values of any kind. So its type is found by looking at all of its values first.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from connectors.databases.credentials import Credentials
from connectors.databases.failures import table_not_found
from connectors.databases.hosts import HostPolicy
from connectors.databases.ranges import names_of
from connectors.databases.request import DatabaseRequest
from connectors.databases.sqlite.file import mapped, opened, path_of
from connectors.databases.sqlite.types import Survey, Text, choose, mixes_texts_and_blobs
from connectors.errors import InvalidRequest
from connectors.source import Column, Context, Source, schema_of

_READING = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
_BATCH_ROWS = 8192


@contextmanager
def open_sqlite(
    request: DatabaseRequest, credentials: Credentials, context: Context, policy: HostPolicy, seconds: float
) -> Iterator[Source]:
    """Open a table or query; see ``connectors.databases.opening.open_database``."""
    path = path_of(credentials, policy)
    with opened(path, seconds) as connection:
        connection.execute("BEGIN")
        yield _SqliteSource(connection, request, context, path)


class _SqliteSource:
    """One table or query, read in one transaction. Its columns were found by looking at every value."""

    rows_rejected = 0

    def __init__(self, connection: sqlite3.Connection, request: DatabaseRequest, context: Context, path: Path) -> None:
        self._connection = connection
        self._context = context
        self._path = path
        self._statement, declared = _statement(connection, request)
        if request.limit:
            self._statement = f"SELECT * FROM (\n{self._statement}\n){request.limit}"  # noqa: S608 - checked
        connection.set_authorizer(_only_reading)
        given = [column[0] for column in connection.execute(self._statement).description]
        _check_partition_column(request.partition_column, given)
        names = names_of(given, context)
        self.total_rows, surveys = _survey(connection, self._statement, len(given))
        if any(map(mixes_texts_and_blobs, surveys)):
            connection.text_factory = Text
        self._columns = [
            choose(name, declared.get(original, ("", True)), survey, context.warnings)
            for name, original, survey in zip(names, given, surveys, strict=True)
        ]
        self.facts: dict[str, Any] = {
            "connector_type": "sqlite",
            "query": request.description,
            "partitioned": False,
            "partitions": 1,
            "consistent_snapshot": True,
        }

    @property
    def columns(self) -> list[Column]:
        """The type ledger."""
        return [column.column for column in self._columns]

    def batches(self) -> Iterator[pa.RecordBatch]:
        """See ``connectors.source.Source.batches``."""
        started = time.monotonic()
        schema = schema_of(self.columns)
        with mapped(self._path):
            cursor = self._connection.execute(self._statement)
            while rows := cursor.fetchmany(min(_BATCH_ROWS, self._context.batch_rows)):
                values = zip(self._columns, zip(*rows, strict=True), strict=True)
                yield pa.RecordBatch.from_arrays([column.array(each) for column, each in values], schema=schema)
        self.facts["query_execution_time_ms"] = round((time.monotonic() - started) * 1000, 1)


def _only_reading(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    """SQLite asks before each thing a statement would do."""
    if action not in _READING or (action == sqlite3.SQLITE_FUNCTION and "load_extension" in (first, second)):
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


def _statement(connection: sqlite3.Connection, request: DatabaseRequest) -> tuple[str, dict[str, tuple[str, bool]]]:
    """What to run, and by column what the table declares: its type and whether it may be NULL."""
    if request.table is None:
        return request.query or "", {}
    table = ".".join(_quoted(part) for part in request.table)
    described = connection.execute("SELECT * FROM pragma_table_xinfo(?) WHERE hidden <> 1", (request.table[-1],))
    declared = {row[1].decode(): (row[2].decode(), not row[3]) for row in described}
    if not declared:
        raise table_not_found(f"no such table: {'.'.join(request.table)}")
    chosen = list(request.columns or declared)
    # SQLite would take an unknown name in double quotes for a text.
    if missing := [name for name in chosen if name not in declared]:
        raise InvalidRequest(
            f"The table has no column '{missing[0]}'; it has {', '.join(declared)}.", code="column_not_found"
        )
    return f"SELECT {', '.join(map(_quoted, chosen))} FROM {table}", declared  # noqa: S608 - quoted


def _check_partition_column(name: str | None, names: list[str]) -> None:
    """SQLite is read by one connection; the name is checked all the same."""
    if name is not None and name not in names:
        raise InvalidRequest(
            f"There is no column '{name}' to partition by; there are {', '.join(names)}.",
            code="partition_column_not_found",
        )


def _survey(connection: sqlite3.Connection, statement: str, columns: int) -> tuple[int, list[Survey]]:
    """How many rows there are, and what kinds of values each column holds."""
    numbered = [f"c{number}" for number in range(columns)]
    asked = ", ".join(Survey.EXPRESSION.format(name) for name in numbered)
    row = connection.execute(
        f"WITH q({', '.join(numbered)}) AS (\n{statement}\n) SELECT count(*), {asked} FROM q"  # noqa: S608 - checked
    ).fetchone()
    width = Survey.WIDTH
    return row[0], [Survey(*row[1 + place * width : 1 + (place + 1) * width]) for place in range(columns)]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
