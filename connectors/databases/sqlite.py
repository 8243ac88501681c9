"""SQLite files in the one directory that the operator allows, opened so that nothing can be written.

A column of SQLite may hold values of any kind. So its type is found by looking at all of its values first.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa

from connectors.databases.credentials import Credentials
from connectors.databases.failures import connection_failed, query_refused, query_timed_out, table_not_found
from connectors.databases.hosts import HostPolicy
from connectors.databases.ranges import names_of
from connectors.databases.request import DatabaseRequest
from connectors.databases.sqlite_types import Survey, Text, choose, mixes_texts_and_blobs
from connectors.errors import ConversionError, InvalidRequest, UpstreamFailed
from connectors.source import Column, Context, Source, schema_of

_READING = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
_BATCH_ROWS = 8192
_BUSY_SECONDS = 5.0
_STEPS_BETWEEN_LOOKS_AT_THE_CLOCK = 100_000


@contextmanager
def open_sqlite(
    request: DatabaseRequest, credentials: Credentials, context: Context, policy: HostPolicy, seconds: float
) -> Iterator[Source]:
    """Open a table or query; see ``connectors.databases.opening.open_database``."""
    path = _path(credentials, policy)
    with _mapped(path), closing(_connect(path)) as connection:
        connection.execute("BEGIN")
        _limit(connection, seconds)
        yield _SqliteSource(connection, request, context, path)


def check(credentials: Credentials, policy: HostPolicy) -> str:
    """SQLite's version, once the file has proved to be a database.

    Raises:
        ConversionError: the connector is off, the file is missing, elsewhere or no database.
    """
    path = _path(credentials, policy)
    with _mapped(path), closing(_connect(path)) as connection:
        connection.execute("SELECT count(*) FROM sqlite_master")
    return sqlite3.sqlite_version


class _SqliteSource:
    """One table or query, read in one transaction. Its columns were found by looking at every value."""

    rows_rejected = 0

    def __init__(self, connection: sqlite3.Connection, request: DatabaseRequest, context: Context, path: Path) -> None:
        self._connection = connection
        self._context = context
        self._path = path
        self._statement, declared = _statement(connection, request)
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
        with _mapped(self._path):
            cursor = self._connection.execute(self._statement)
            while rows := cursor.fetchmany(min(_BATCH_ROWS, self._context.batch_rows)):
                values = zip(self._columns, zip(*rows, strict=True), strict=True)
                yield pa.RecordBatch.from_arrays([column.array(each) for column, each in values], schema=schema)
        self.facts["query_execution_time_ms"] = round((time.monotonic() - started) * 1000, 1)


def _path(credentials: Credentials, policy: HostPolicy) -> Path:
    if policy.sqlite_directory is None:
        raise InvalidRequest("The SQLite connector is off: no directory is allowed.", code="connector_off")
    allowed = policy.sqlite_directory.resolve()
    path = (allowed / credentials.database).resolve()
    if not path.is_relative_to(allowed):
        raise InvalidRequest("The SQLite file lies outside the allowed directory.", code="host_not_allowed")
    if not path.is_file():
        raise connection_failed("database_not_found", f"There is no SQLite file '{credentials.database}'.")
    return path


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode=ro", uri=True, timeout=_BUSY_SECONDS, isolation_level=None
    )
    # Bytes, because a text may hold what is no UTF-8; the columns decode them.
    connection.text_factory = bytes
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def _limit(connection: sqlite3.Connection, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    connection.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS_BETWEEN_LOOKS_AT_THE_CLOCK)


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


@contextmanager
def _mapped(path: Path) -> Iterator[None]:
    """sqlite3's errors become ConversionErrors."""
    try:
        yield
    except sqlite3.Error as error:
        raise _described(error, path) from error


def _described(error: sqlite3.Error, path: Path) -> ConversionError:
    says = str(error)
    if "no such table" in says:
        return table_not_found(says)
    if says == "interrupted":
        return query_timed_out("the time is over")
    if "not authorized" in says or "prohibited" in says:
        return InvalidRequest(f"The query does more than read: {says}.", code="query_not_allowed")
    if "locked" in says or "busy" in says:
        return UpstreamFailed("The SQLite file is locked by a writer.", code="connection_lost", retryable=True)
    if isinstance(error, sqlite3.OperationalError) and "unable to open" not in says:
        return query_refused(says)
    return connection_failed("connection_failed", f"The SQLite file '{path.name}' cannot be read: {says}.")
