"""MySQL and MariaDB as a source: described first, then read by ConnectorX connections that began in step.

A snapshot cannot be handed from one connection to another here. So the table is locked against writing for the moment
in which all connections begin their transactions; where the account may not lock, the facts say so.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from typing import Any

import pyarrow as pa
import pymysql

from connectors.databases import connectorx
from connectors.databases.columns import ColumnPlan
from connectors.databases.connecting import Endpoint, connect_mysql, find_endpoint, mysql_url
from connectors.databases.connectorx import ReadFailed, Session
from connectors.databases.credentials import Credentials
from connectors.databases.ending import end_mysql_sessions
from connectors.databases.hosts import HostPolicy
from connectors.databases.mysql.catalog import (
    ResultColumn,
    TableFacts,
    describe,
    describe_table,
    engines,
    quoted,
    quoted_table,
    table_facts,
)
from connectors.databases.mysql.failures import mapped, read_failure
from connectors.databases.mysql.habits import check_backslashes, habits, statement_limit
from connectors.databases.mysql.ranges import between, hashed, is_ordered
from connectors.databases.mysql.types import plan_column
from connectors.databases.ordering import keeping_order
from connectors.databases.ranges import names_of
from connectors.databases.repeatable import NOT_PARTITIONED, NOT_PARTITIONED_MESSAGE, repeatable_tables
from connectors.databases.request import DatabaseRequest
from connectors.databases.source import DatabaseSource
from connectors.databases.spool import spooled
from connectors.errors import ConversionError, InvalidRequest
from connectors.source import Context, Source

_STREAM_BATCH_ROWS = 16_384
_WORTH_DIVIDING_BYTES = 8 * 2**20
_AUTO_BYTES_PER_CONNECTION = 32 * 2**20
_MOST_AUTOMATIC = 4
_LOCK_WAIT_SECONDS = 2
_WITH_SNAPSHOTS = {"innodb", "rocksdb", "tokudb"}
# With these the server would refuse a literal that is an odd date of its own.
_MODES_NOT_KEPT = {"NO_ZERO_DATE", "NO_ZERO_IN_DATE", "TRADITIONAL"}
_PLAIN_NAME = re.compile(r"\w{1,64}")


@contextmanager
def open_mysql(
    request: DatabaseRequest, credentials: Credentials, context: Context, policy: HostPolicy, seconds: float
) -> Iterator[Source]:
    """Open a table or query; see ``connectors.databases.opening.open_database``."""
    endpoint = find_endpoint(credentials, policy, context.connect_timeout, context.temp_dir)
    with closing(connect_mysql(endpoint, context.connect_timeout)) as connection:
        with mapped():
            extract = _Extract(request, context, connection, endpoint, seconds)
            source = extract.describe()
        try:
            yield source
        finally:
            extract.stop()


class _Extract:
    """One table or query and how it is read. The connection describes, locks, and ends what is left running."""

    def __init__(
        self,
        request: DatabaseRequest,
        context: Context,
        connection: pymysql.Connection[Any],
        endpoint: Endpoint,
        seconds: float,
    ) -> None:
        self._request = request
        self._context = context
        self._connection = connection
        self._endpoint = endpoint
        self._tag = context.session
        self._reading = False
        self._snapshots = True
        with connection.cursor() as cursor:
            version, modes = habits(cursor)
        check_backslashes(request.query or "", modes)
        settings = _settings(version, modes, seconds)
        for statement in settings:
            self._run(statement)
        self._session = Session(
            mysql_url(endpoint, connection),
            (
                *settings,
                "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
                # Tells this extract's connections from others when they have to be ended.
                f"DO GET_LOCK(CONCAT('{self._tag}-', CONNECTION_ID()), 0)",
            ),
        )
        self._facts: dict[str, Any] = {"connector_type": "mysql", "query": request.description}

    def describe(self) -> DatabaseSource:
        """The source, its columns and ranges planned."""
        table = self._request.table
        columns = self._describe_table(table) if table else self._describe_query()
        names = names_of([column.name for column in columns], self._context)
        plans = [
            plan_column(name, column.type, column.nullable, self._request.policies)
            for name, column in zip(names, columns, strict=True)
        ]
        self._facts |= {"partitioned": len(self._conditions) > 1, "partitions": len(self._conditions)}
        return DatabaseSource(plans, self._read, self._context, total_rows=self._rows, facts=self._facts)

    def _describe_table(self, parts: tuple[str, ...]) -> list[ResultColumn]:
        table = quoted_table(parts)
        columns = describe_table(self._connection, parts)
        facts = table_facts(self._connection, parts)
        self._rows = facts.rows
        self._tables = [table]
        self._conditions = self._divide(table, columns, facts)
        wanted = self._request.columns
        columns = [_column(name, columns) for name in wanted] if wanted else self._visible(columns)
        self._inputs = [quoted(column.name) for column in columns]
        self._before, self._relation = "", table
        return columns

    def _visible(self, columns: list[ResultColumn]) -> list[ResultColumn]:
        """What ``SELECT *`` gives; warns of what it leaves out."""
        if invisible := [column.name for column in columns if column.invisible]:
            self._context.warnings.add(
                "invisible_columns",
                f"The table's invisible columns were not read: {', '.join(invisible)}. 'columns' reads them.",
            )
        return [column for column in columns if not column.invisible]

    def _describe_query(self) -> list[ResultColumn]:
        query = self._request.query or ""
        columns = describe(self._connection, query)
        self._inputs, listed = _names_inside([column.name for column in columns])
        # The line ends close a comment inside the query.
        self._before = f"WITH q{listed} AS (\n{keeping_order(query)}\n) "
        self._relation = "q"
        self._rows = None
        self._tables = []
        self._conditions = ["TRUE"]
        if (key := self._request.partition_column) is not None:
            place = columns.index(_column(key, columns))
            tables = repeatable_tables(query, key, "mysql")
            if not self._request.limit and self._is_repeatable(tables):
                self._tables = list(dict.fromkeys(tables or []))
                self._conditions = hashed(self._inputs[place], self._connections(None))
        return columns

    def _is_repeatable(self, tables: list[str] | None) -> bool:
        """Whether every run gives the same rows, so that each range may have a run of its own; warns if not."""
        found = None if tables is None else engines(self._connection, tables)
        if found is not None:
            self._snapshots = found <= _WITH_SNAPSHOTS
            return True
        self._context.warnings.add(NOT_PARTITIONED, NOT_PARTITIONED_MESSAGE)
        return False

    def _divide(self, table: str, columns: list[ResultColumn], facts: TableFacts) -> list[str]:
        """Conditions that each row fulfils exactly one of."""
        given = self._request.partition_column
        key = given or facts.primary_key
        ranges = self._connections(facts.size)
        if (
            key is None
            or ranges == 1
            or self._request.limit
            or (given is None and (facts.size or 0) < _WORTH_DIVIDING_BYTES)
        ):
            return ["TRUE"]
        kind = _column(key, columns).type
        if not self._is_repeatable([table]):
            return ["TRUE"]
        if key in facts.indexed and is_ordered(kind):
            return between(self._connection, table, quoted(key), kind, ranges)
        return hashed(quoted(key), ranges) if given else ["TRUE"]

    def _connections(self, size: int | None) -> int:
        wanted = self._request.partition_num
        if isinstance(wanted, int):
            return wanted
        return max(1, min(_MOST_AUTOMATIC, (size or 0) // _AUTO_BYTES_PER_CONNECTION))

    def _read(self, plans: Sequence[ColumnPlan], restore: Callable[[pa.RecordBatch], Any]) -> Iterator[Any]:
        started = time.monotonic()
        selected = ", ".join(
            f"{plan.travels.format(given)} AS c{number}"
            for number, (plan, given) in enumerate(zip(plans, self._inputs, strict=True))
        )
        statement = f"{self._before}SELECT {selected} FROM {self._relation}"  # noqa: S608 - quoted names, checked SQL
        queries = [f"{statement} WHERE {condition}" for condition in self._conditions]
        if self._conditions == ["TRUE"]:
            queries = [statement + self._request.limit]
        if self._reading:
            # An earlier read was given up: its connections would go on filling memory.
            end_mysql_sessions(self._connection, self._tag)
        self._reading = True
        try:
            batches = self._begin(queries)
            yield from (restore(batch) for batch in spooled(batches, self._context.temp_dir))
        except ReadFailed as failed:
            raise read_failure(str(failed)) from failed
        self._reading = False
        self._facts["query_execution_time_ms"] = round((time.monotonic() - started) * 1000, 1)

    def _begin(self, queries: list[str]) -> Iterator[pa.RecordBatch]:
        """Start all connections; when that returns, each has its snapshot."""
        problem = self._why_not_in_step() if len(queries) > 1 else None
        self._facts["consistent_snapshot"] = problem is None
        if problem is not None:
            self._facts["snapshot_note"] = problem
        try:
            return connectorx.stream(self._session, queries, _STREAM_BATCH_ROWS)
        finally:
            with mapped():
                self._run("UNLOCK TABLES")

    def _why_not_in_step(self) -> str | None:
        """None once nobody can write until ``UNLOCK TABLES``; else why the connections may see different moments."""
        if not self._snapshots:
            return "A table's storage engine has no snapshots."
        try:
            if self._tables:
                self._run("LOCK TABLES " + ", ".join(f"{table} READ" for table in self._tables))
        except pymysql.err.Error as error:
            return f"The connections could not begin at the same moment: {error.args[-1]}."
        return None

    def _run(self, statement: str) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)

    def stop(self) -> None:
        """Leave no statement behind on the server."""
        if not self._reading:
            return
        # If the server is gone or full, max_statement_time ends what still runs.
        with suppress(ConversionError, pymysql.err.Error):
            side = connect_mysql(self._endpoint, self._context.connect_timeout)
            with closing(side):
                end_mysql_sessions(side, self._tag)


def _settings(version: str, modes: list[str], seconds: float) -> tuple[str, ...]:
    """Read-only, bounded, and with one reading of times and dates whatever the server's defaults are."""
    kept = [mode for mode in modes if mode not in _MODES_NOT_KEPT]
    return (
        "SET NAMES utf8mb4",
        "SET SESSION TRANSACTION READ ONLY",
        "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        f"SET SESSION sql_mode = '{','.join([*kept, 'ALLOW_INVALID_DATES'])}'",
        "SET SESSION time_zone = '+00:00'",
        "SET SESSION sql_select_limit = 18446744073709551615",
        "SET SESSION group_concat_max_len = 1073741824",  # what is longer would be cut, and only SHOW WARNINGS says so
        f"SET SESSION lock_wait_timeout = {_LOCK_WAIT_SECONDS}",
        "SET SESSION net_write_timeout = 3600",
        statement_limit(version, seconds),
    )


def _names_inside(names: list[str]) -> tuple[list[str], str]:
    """What a query's columns are called once it is inside another one, and the list that calls them so, if any.

    Numbers are for names that repeat or are expressions. Elsewhere they would hide the names from an ORDER BY at the
    end of a UNION.
    """
    if all(map(_PLAIN_NAME.fullmatch, names)) and len({name.casefold() for name in names}) == len(names):
        return [quoted(name) for name in names], ""
    numbered = [f"c{number}" for number in range(len(names))]
    return numbered, f"({', '.join(numbered)})"


def _column(name: str, columns: list[ResultColumn]) -> ResultColumn:
    for column in columns:
        if column.name == name:
            return column
    known = ", ".join(column.name for column in columns)
    raise InvalidRequest(f"There is no column '{name}'; there are {known}.", code="column_not_found")
