"""What there is to read: an account's tables, and a table's columns. It runs in the web process: no Arrow here."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import sql

from connectors.databases.connecting import connect_mysql, connect_postgresql, find_endpoint
from connectors.databases.credentials import Credentials
from connectors.databases.failures import table_not_found
from connectors.databases.hosts import HostPolicy
from connectors.databases.mysql import failures as mysql_failures
from connectors.databases.mysql.habits import habits, statement_limit
from connectors.databases.postgresql import failures as postgresql_failures
from connectors.databases.request import parse_table_name
from connectors.databases.sqlite import file as sqlite_file
from connectors.errors import InvalidRequest

_TABLES = {
    "postgresql": """
        SELECT n.nspname, c.relname, CASE WHEN c.relkind IN ('v', 'm') THEN 'view' ELSE 'table' END,
               CASE WHEN c.relkind IN ('r', 'm') AND c.reltuples >= 0 THEN c.reltuples::bigint END
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
          AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
          AND has_schema_privilege(n.oid, 'USAGE') AND has_any_column_privilege(c.oid, 'SELECT')
          AND position(lower(%s) IN lower(n.nspname || '.' || c.relname)) > 0
        ORDER BY 1, 2 LIMIT %s
    """,
    "mysql": """
        SELECT table_schema, table_name, CASE WHEN table_type LIKE '%%VIEW' THEN 'view' ELSE 'table' END, table_rows
        FROM information_schema.tables
        WHERE table_schema NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema')
          AND table_type <> 'SEQUENCE' AND LOCATE(LOWER(%s), LOWER(CONCAT(table_schema, '.', table_name))) > 0
        ORDER BY 1, 2 LIMIT %s
    """,
    "sqlite": r"""
        SELECT 'main', name, type, NULL FROM sqlite_master
        WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\_%' ESCAPE '\'
          AND instr(lower('main.' || name), lower(?)) > 0
        ORDER BY 2 LIMIT ?
    """,
}
_COLUMNS = {
    "postgresql": """
        SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), NOT a.attnotnull,
               COALESCE(a.attnum = ANY (i.indkey), false)
        FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
        WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped
          AND has_column_privilege(a.attrelid, a.attnum, 'SELECT')
        ORDER BY a.attnum
    """,
    "mysql": """
        SELECT column_name, column_type, is_nullable = 'YES', column_key = 'PRI' FROM information_schema.columns
        WHERE table_schema = COALESCE(%s, DATABASE()) AND table_name = %s ORDER BY ordinal_position
    """,
    "sqlite": """
        SELECT name, type, NOT "notnull", pk > 0 FROM pragma_table_xinfo(?) WHERE hidden <> 1
    """,
}


@dataclass(frozen=True, slots=True)
class Table:
    """A table or view that the account may read.

    Attributes:
        kind: ``table`` or ``view``.
        rows: the server's estimate; None if it has none.
    """

    schema: str
    name: str
    kind: str
    rows: int | None

    @property
    def table_name(self) -> str | None:
        """What a conversion calls it; None where only a query can name it."""
        name = f"{self.schema}.{self.name}"
        try:
            return name if len(parse_table_name(name)) == 2 else None
        except InvalidRequest:
            return None


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column as its table declares it."""

    name: str
    type: str
    nullable: bool
    is_key: bool


def list_tables(credentials: Credentials, timeout: float, policy: HostPolicy, search: str, most: int) -> list[Table]:
    """The first tables and views whose ``schema.name`` contains a text, by name.

    Raises:
        ConversionError: the connection fails.
    """
    with asking(credentials, timeout, policy) as cursor:
        cursor.execute(_TABLES[credentials.connector_type], (search, most))
        return [Table(*row) for row in cursor.fetchall()]


def list_columns(
    credentials: Credentials, timeout: float, policy: HostPolicy, table: Sequence[str]
) -> list[TableColumn]:
    """The columns of a table, named by its parts, that the account may read.

    Raises:
        NotFound: there is no such table for this account.
        ConversionError: the connection fails.
    """
    place: dict[str, tuple[str | None, ...]] = {
        "postgresql": (sql.Identifier(*table).as_string(),),
        "mysql": (table[-2] if len(table) > 1 else None, table[-1]),
        "sqlite": (table[-1],),
    }
    with asking(credentials, timeout, policy) as cursor:
        cursor.execute(_COLUMNS[credentials.connector_type], place[credentials.connector_type])
        rows = cursor.fetchall()
    if not rows:
        raise table_not_found(f"there is no '{'.'.join(table)}' that the account may read")
    return [TableColumn(name, kind, bool(nullable), bool(is_key)) for name, kind, nullable, is_key in rows]


@contextmanager
def asking(credentials: Credentials, timeout: float, policy: HostPolicy) -> Iterator[Any]:
    """A cursor of a connection that only reads and takes no longer than the timeout for each question.

    Raises:
        ConversionError: the connection fails, or the server refuses a question.
    """
    if credentials.connector_type == "sqlite":
        with sqlite_file.opened(sqlite_file.path_of(credentials, policy), timeout) as file:
            file.text_factory = lambda text: text.decode(errors="replace")
            yield file.cursor()
        return
    with tempfile.TemporaryDirectory(prefix="tundra-browse-") as directory:
        endpoint = find_endpoint(credentials, policy, timeout, Path(directory))
        if credentials.connector_type == "postgresql":
            with connect_postgresql(endpoint, timeout) as connection, postgresql_failures.mapped():
                connection.execute("SET default_transaction_read_only = on")
                connection.execute("SET standard_conforming_strings = on")
                connection.execute(f"SET statement_timeout = {int(timeout * 1000)}")
                yield connection.cursor()
            return
        with closing(connect_mysql(endpoint, timeout)) as mysql, mysql.cursor() as cursor, mysql_failures.mapped():
            cursor.execute("SET SESSION TRANSACTION READ ONLY")
            cursor.execute(statement_limit(habits(cursor)[0], timeout))
            yield cursor
