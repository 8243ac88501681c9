"""PostgreSQL as a source: described first, then read by ConnectorX inside one exported snapshot."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
import pyarrow as pa

from connectors.databases import connectorx
from connectors.databases.columns import ColumnPlan
from connectors.databases.connecting import connect_postgresql, find_endpoint, postgresql_url
from connectors.databases.connectorx import ReadFailed, Session
from connectors.databases.credentials import Credentials
from connectors.databases.ending import end_postgresql_sessions
from connectors.databases.hosts import HostPolicy
from connectors.databases.postgresql.catalog import (
    Heap,
    ResultColumn,
    are_tables,
    describe_heap,
    describe_query,
    describe_table,
    hold_in_place,
    quoted,
    quoted_table,
    spare_connections,
)
from connectors.databases.postgresql.failures import mapped, read_failure
from connectors.databases.postgresql.ranges import column_ranges, ctid_ranges
from connectors.databases.postgresql.types import plan_column
from connectors.databases.ranges import in_order, names_of
from connectors.databases.repeatable import NOT_PARTITIONED, NOT_PARTITIONED_MESSAGE, repeatable_tables
from connectors.databases.request import DatabaseRequest
from connectors.databases.source import DatabaseSource
from connectors.databases.spool import spooled
from connectors.errors import ConversionError, InvalidRequest
from connectors.source import Context, Source

_TRIES = 3
_AUTO_BYTES_PER_CONNECTION = 32 * 2**20
_MOST_AUTOMATIC = 4
_LONGEST_MILLISECONDS = 2**31 - 1
_STREAM_ROWS = 16_384
_TID_RANGE_SCANS = 140_000
_NOTICE_A_VANISHED_CLIENT = (
    "SELECT set_config(name, '1s', false) FROM pg_catalog.pg_settings WHERE name = 'client_connection_check_interval'"
)


@contextmanager
def open_postgresql(
    request: DatabaseRequest, credentials: Credentials, context: Context, policy: HostPolicy, seconds: float
) -> Iterator[Source]:
    """Open a table or query; see ``connectors.databases.opening.open_database``."""
    endpoint = find_endpoint(credentials, policy, context.connect_timeout, context.temp_dir)
    name = context.session
    connection = connect_postgresql(endpoint, context.connect_timeout, name)
    try:
        with mapped():
            extract = _Extract(
                request,
                context,
                connection,
                endpoint_url=postgresql_url(endpoint, connection, name),
                name=name,
                seconds=seconds,
            )
            source = extract.describe()
        try:
            yield source
        finally:
            extract.stop(lambda: connect_postgresql(endpoint, context.connect_timeout, name))
    finally:
        connection.close()


class _Extract:
    """One snapshot and what is read in it. The connection only keeps the snapshot alive while ConnectorX reads."""

    def __init__(
        self,
        request: DatabaseRequest,
        context: Context,
        connection: psycopg.Connection[Any],
        *,
        endpoint_url: str,
        name: str,
        seconds: float,
    ) -> None:
        self._request = request
        self._context = context
        self._connection = connection
        self._name = name
        self._reading = False
        settings = _settings(seconds)
        for statement in settings:
            connection.execute(statement)
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        row: Any = connection.execute(
            "SELECT pg_export_snapshot(), current_setting('server_version_num')::int"
        ).fetchone()
        self._server_version = int(row[1])
        in_snapshot = ("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", f"SET TRANSACTION SNAPSHOT '{row[0]}'")
        self._session = Session(endpoint_url, (*settings, *in_snapshot))
        self._facts: dict[str, Any] = {"connector_type": "postgresql", "query": request.description}

    def describe(self) -> DatabaseSource:
        columns, self._relation, heap = self._describe_table() if self._request.table else self._describe_query()
        if not columns:
            raise InvalidRequest("There are no columns to read.", code="no_columns")
        names = names_of([column.name for column in columns], self._context)
        self._divide(heap, [column.name for column in columns])
        plans = [
            plan_column(name, column.type, column.nullable, self._request.policies)
            for name, column in zip(names, columns, strict=True)
        ]
        self._facts |= {
            "partitioned": self._connections > 1,
            "partitions": self._connections,
            "consistent_snapshot": True,
        }
        return DatabaseSource(
            plans, self._read, self._context, total_rows=heap.rows if heap else None, facts=self._facts
        )

    def _describe_table(self) -> tuple[list[ResultColumn], str, Heap | None]:
        assert self._request.table is not None  # noqa: S101 - the caller looked
        table = quoted_table(self._request.table, self._connection)
        columns = describe_query(self._connection, f"SELECT * FROM {table}")  # noqa: S608 - quoted
        columns = describe_table(self._connection, table, columns)
        self._inputs = [quoted(column.name, self._connection) for column in columns]
        if wanted := self._request.columns:
            places = [_place_of(name, columns) for name in wanted]
            columns, self._inputs = [columns[place] for place in places], [self._inputs[place] for place in places]
        heap = describe_heap(self._connection, table)
        if heap.has_policies:
            message = "The table has row-level security: rows that its policies hide from this account are not read."
            self._context.warnings.add("row_security", message)
        return columns, table, heap

    def _describe_query(self) -> tuple[list[ResultColumn], str, Heap | None]:
        assert self._request.query is not None  # noqa: S101 - a request has a table or a query
        columns = describe_query(self._connection, self._request.query)
        # Numbered, because a result's names may repeat; the line ends close a comment inside the query.
        self._inputs = [f"c{number}" for number in range(len(columns))]
        listed = f"({', '.join(self._inputs)})" if columns else ""
        return columns, f"(\n{self._request.query}\n) AS q{listed}", None

    def _divide(self, heap: Heap | None, names: list[str]) -> None:
        """Choose the conditions of which every row fulfils exactly one, and how many are read at the same time.

        A heap is read by the places of its rows: that balances whatever the values are, and bounds each range.
        """
        column, wanted = self._request.partition_column, self._request.partition_num
        spare = spare_connections(self._connection)
        if column is not None and column not in names:
            raise InvalidRequest(
                f"There is no column '{column}' to partition by; there are {', '.join(names)}.",
                code="partition_column_not_found",
            )
        self._by_place = heap is not None and heap.has_ctid and self._server_version >= _TID_RANGE_SCANS
        self._conditions = ["true"]
        self._connections = 1
        if self._request.limit:
            self._by_place = False
            return
        if heap is not None and self._by_place:
            connections = min(spare, wanted if isinstance(wanted, int) else _automatic(heap.size))
            self._conditions = ctid_ranges(heap.blocks, heap.size, connections)
            self._connections = min(connections, len(self._conditions))
        elif column is not None and self._is_repeatable(column):
            connections = min(spare, wanted if isinstance(wanted, int) else _MOST_AUTOMATIC)
            given = self._inputs[names.index(column)]
            self._conditions = column_ranges(self._connection, self._relation, given, connections, name=column)
            self._connections = len(self._conditions)
        if heap is not None and len(heap.parts) > 1:
            # A partition attached meanwhile, rows and all, would be in the later ranges only.
            known = f"tableoid IN ({', '.join(map(str, heap.parts))})"
            self._conditions = [f"({condition}) AND {known}" for condition in self._conditions]

    def _is_repeatable(self, column: str) -> bool:
        """Whether every run gives the same rows, so that each range may have a run of its own; warns if not."""
        if self._request.query is None:
            tables: list[str] | None = [self._relation]
        else:
            tables = repeatable_tables(self._request.query, column, "postgresql")
            hold_in_place(self._connection, self._request.query)
        if tables is not None and are_tables(self._connection, tables):
            return True
        self._context.warnings.add(NOT_PARTITIONED, NOT_PARTITIONED_MESSAGE)
        return False

    def _read(self, plans: Sequence[ColumnPlan], restore: Callable[[pa.RecordBatch], Any]) -> Iterator[Any]:
        started = time.monotonic()
        selected = ", ".join(
            f"{plan.travels.format(given)} AS c{number}"
            for number, (plan, given) in enumerate(zip(plans, self._inputs, strict=True))
        )
        statement = f"SELECT {selected} FROM {self._relation}"  # noqa: S608 - made of quoted names and checked SQL
        if self._reading:
            # An earlier read was given up: its connections would go on filling memory.
            end_postgresql_sessions(self._connection, self._name)
        self._reading = True
        read = self._read_ranges if self._by_place else self._read_streams
        limit = self._request.limit
        yield from read([f"{statement} WHERE {condition}{limit}" for condition in self._conditions], restore)
        self._reading = False
        self._facts["query_execution_time_ms"] = round((time.monotonic() - started) * 1000, 1)

    def _read_ranges(self, queries: list[str], restore: Callable[[pa.RecordBatch], Any]) -> Iterator[Any]:
        def read(query: str) -> list[Any]:
            return [restore(batch) for batch in self._fetch(query).to_batches()]

        for batches in in_order(read, queries, self._connections):
            yield from batches

    def _fetch(self, query: str) -> pa.Table:
        """One range; read again when its connection breaks, as long as the snapshot exists."""
        for attempt in range(1, _TRIES + 1):
            try:
                return connectorx.fetch(self._session, query)
            except ReadFailed as failed:
                error = read_failure(str(failed))
                if not getattr(error, "retryable", False) or attempt == _TRIES or not self._snapshot_stands():
                    raise error from failed
        raise AssertionError

    def _snapshot_stands(self) -> bool:
        try:
            self._connection.execute("SELECT 1")
        except psycopg.Error:
            return False
        return True

    def _read_streams(self, queries: list[str], restore: Callable[[pa.RecordBatch], Any]) -> Iterator[Any]:
        try:
            batches = connectorx.stream(self._session, queries, min(self._context.batch_rows, _STREAM_ROWS))
            yield from (restore(batch) for batch in spooled(batches, self._context.temp_dir))
        except ReadFailed as failed:
            raise read_failure(str(failed)) from failed

    def stop(self, connect: Callable[[], psycopg.Connection[Any]]) -> None:
        """Leave no statement behind on the server.

        The snapshot goes first, so that nothing can be begun in it any more.
        """
        self._connection.close()
        if not self._reading:
            return
        try:
            with connect() as side:
                end_postgresql_sessions(side, self._name)
        except (ConversionError, psycopg.Error):
            # The server is gone or full: client_connection_check_interval and statement_timeout end what still runs.
            return


def _settings(seconds: float) -> tuple[str, ...]:
    """Read-only, bounded, and with one text form of every value whatever the server's defaults are."""
    return (
        "SET default_transaction_read_only = on",
        f"SET statement_timeout = {min(max(1, int(seconds * 1000)), _LONGEST_MILLISECONDS)}",
        "SET lock_timeout = '10s'",
        "SET idle_in_transaction_session_timeout = 0",
        "SET TimeZone = 'UTC'",
        "SET DateStyle = 'ISO'",
        "SET IntervalStyle = 'postgres'",
        "SET extra_float_digits = 1",
        "SET bytea_output = 'hex'",
        "SET standard_conforming_strings = on",
        _NOTICE_A_VANISHED_CLIENT,
    )


def _automatic(size: int) -> int:
    return max(1, min(_MOST_AUTOMATIC, size // _AUTO_BYTES_PER_CONNECTION))


def _place_of(name: str, columns: list[ResultColumn]) -> int:
    names = [column.name for column in columns]
    if name not in names:
        raise InvalidRequest(f"The table has no column '{name}'; it has {', '.join(names)}.", code="column_not_found")
    return names.index(name)
