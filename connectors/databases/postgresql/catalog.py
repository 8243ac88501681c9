"""What PostgreSQL's catalogue says of a result's columns and of a table's size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from connectors.databases.postgresql.types import PostgresType

_TYPES = """
    SELECT t.oid, t.typname, format_type(t.oid, NULL), t.typtype::text, t.typelem, t.typbasetype, t.typtypmod,
           t.typcategory = 'A' AND t.typelem <> 0 AND t.typname NOT IN ('oidvector', 'int2vector')
    FROM pg_catalog.pg_type t WHERE t.oid = ANY(%s)
"""
_TABLE_COLUMNS = """
    SELECT attname, attnotnull, pg_catalog.format_type(atttypid, atttypmod)
    FROM pg_catalog.pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
# The table and all that inherits from it: what a SELECT from it reads.
_HEAPS = """
    WITH RECURSIVE tree(oid) AS (
        SELECT %s::regclass::oid UNION SELECT inhrelid FROM pg_catalog.pg_inherits JOIN tree ON inhparent = tree.oid
    )
    SELECT bool_and(c.relkind = 'p' OR (c.relkind IN ('r', 'm', 't') AND a.amname = 'heap')),
           max(pg_catalog.pg_relation_size(c.oid)) / current_setting('block_size')::bigint,
           sum(pg_catalog.pg_table_size(c.oid))::bigint,
           CASE WHEN bool_or(c.reltuples < 0 AND c.relkind <> 'p') THEN NULL
                ELSE sum(CASE WHEN c.relkind = 'p' THEN 0 ELSE c.reltuples END)::bigint END,
           array_agg(c.oid::bigint ORDER BY c.oid),
           row_security_active(%s::regclass)
    FROM tree JOIN pg_catalog.pg_class c USING (oid) LEFT JOIN pg_catalog.pg_am a ON a.oid = c.relam
"""
_ARE_TABLES = """
    WITH RECURSIVE named AS (SELECT to_regclass(name)::oid AS oid FROM unnest(%s::text[]) AS t(name)),
    tree AS (SELECT oid FROM named UNION SELECT inhrelid FROM pg_catalog.pg_inherits JOIN tree ON inhparent = tree.oid)
    SELECT count(*) = count(c.oid)
    FROM tree LEFT JOIN pg_catalog.pg_class c ON c.oid = tree.oid AND c.relkind IN ('r', 'p', 'm', 't')
"""


# How many more connections the role, the database and the server take.
_SPARE = """
    SELECT LEAST(
        (SELECT NULLIF(rolconnlimit, -1) - (SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE usename = rolname)
         FROM pg_catalog.pg_roles WHERE rolname = current_user),
        (SELECT NULLIF(datconnlimit, -1) - (SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE datid = d.oid)
         FROM pg_catalog.pg_database d WHERE datname = current_database()),
        current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
            - (SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend')
    )
"""


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """One column of a result: ``nullable`` is False only where a table promises it."""

    name: str
    type: PostgresType
    nullable: bool = True


@dataclass(frozen=True, slots=True)
class Heap:
    """How a table is stored, children included.

    Attributes:
        has_ctid: every part is an ordinary heap, whose rows can be read by their place.
        blocks: of the largest part.
        size: in bytes, values stored out of line included.
        rows: the server's estimate; None if it has none.
        parts: the tables' numbers.
        has_policies: row-level security may hide rows from the account.
    """

    has_ctid: bool
    blocks: int
    size: int
    rows: int | None
    parts: tuple[int, ...]
    has_policies: bool


def describe_query(connection: psycopg.Connection[Any], query: str) -> list[ResultColumn]:
    """The columns of a query's result: the server only parses it.

    Raises:
        psycopg.Error: the server refuses the query.
    """
    raw = connection.pgconn
    prepared = raw.prepare(b"", query.encode())
    described = raw.describe_prepared(b"") if prepared.status == psycopg.pq.ExecStatus.COMMAND_OK else prepared
    if described.status != psycopg.pq.ExecStatus.COMMAND_OK:
        raise psycopg.errors.error_from_result(described, encoding="utf-8")
    names = [(described.fname(place) or b"").decode() for place in range(described.nfields)]
    oids = [described.ftype(place) for place in range(described.nfields)]
    modifiers = [described.fmod(place) for place in range(described.nfields)]
    types = _types(connection, set(oids))
    return [
        ResultColumn(name, _modified(connection, types[oid], oid, modifier))
        for name, oid, modifier in zip(names, oids, modifiers, strict=True)
    ]


def describe_table(connection: psycopg.Connection[Any], table: str, columns: list[ResultColumn]) -> list[ResultColumn]:
    """The columns of ``SELECT * FROM table`` with what only the table knows: NOT NULL, and a domain's own name."""
    rows = connection.execute(_TABLE_COLUMNS, (table,)).fetchall()
    return [
        ResultColumn(column.name, _labelled(column.type, label), not not_null)
        for column, (_, not_null, label) in zip(columns, rows, strict=True)
    ]


def describe_heap(connection: psycopg.Connection[Any], table: str) -> Heap:
    """How the table is stored, and will be until the transaction ends."""
    hold_in_place(connection, f"SELECT FROM {table}")
    row: Any = connection.execute(_HEAPS, (table, table)).fetchone()
    return Heap(bool(row[0]), int(row[1] or 0), int(row[2] or 0), row[3], tuple(row[4]), row[5])


def hold_in_place(connection: psycopg.Connection[Any], query: str) -> None:
    """Until the transaction ends nobody can empty, drop or store anew what this query reads, partitions included.

    Planning locks those, as parsing does not; LOCK TABLE would ask for more than SELECT of some columns.
    """
    connection.execute(f"EXPLAIN {query}".encode())


def spare_connections(connection: psycopg.Connection[Any]) -> int:
    """How many connections may be opened besides this one; 1 even if it seems that there are none."""
    row: Any = connection.execute(_SPARE).fetchone()
    return max(1, int(row[0]))


def are_tables(connection: psycopg.Connection[Any], tables: list[str]) -> bool:
    """Whether all these, and what inherits from them, are tables of this server's snapshots.

    Views are not, whose text may be anything, nor are foreign tables.
    """
    row: Any = connection.execute(_ARE_TABLES, (tables,)).fetchone()
    return bool(row[0])


def quoted_table(parts: tuple[str, ...], connection: psycopg.Connection[Any]) -> str:
    """The table's name, each part quoted."""
    return sql.Identifier(*parts).as_string(connection)


def quoted(name: str, connection: psycopg.Connection[Any]) -> str:
    """One quoted name."""
    return sql.Identifier(name).as_string(connection)


def _labelled(kind: PostgresType, label: str) -> PostgresType:
    return PostgresType(kind.name, label, kind.kind, kind.modifier, kind.element)


def _modified(connection: psycopg.Connection[Any], kind: PostgresType, oid: int, modifier: int) -> PostgresType:
    """The type with the column's own modifier, as ``numeric(12,2)`` has; an array's elements share it."""
    if modifier < 0:
        return kind
    row: Any = connection.execute("SELECT pg_catalog.format_type(%s::oid, %s)", (oid, modifier)).fetchone()
    element = kind.element
    if element is not None:
        element = PostgresType(element.name, element.label, element.kind, modifier, element.element)
    return PostgresType(kind.name, row[0], kind.kind, modifier, element)


def _types(connection: psycopg.Connection[Any], oids: set[int]) -> dict[int, PostgresType]:
    """The types of these numbers, with their elements and the types that domains are over."""
    rows: dict[int, tuple[Any, ...]] = {}
    while missing := oids - rows.keys():
        found = connection.execute(_TYPES, (list(missing),)).fetchall()
        rows.update({row[0]: row for row in found})
        rows.update({oid: (oid, "unknown", "unknown", "p", 0, 0, -1, False) for oid in missing - rows.keys()})
        oids = oids | {row[4] for row in found if row[7]} | {row[5] for row in found if row[5]}
    return {oid: _type(oid, rows) for oid in rows}


def _type(oid: int, rows: dict[int, tuple[Any, ...]]) -> PostgresType:
    _, name, label, kind, element, base, modifier, is_array = rows[oid]
    if kind == "d":
        under = _type(base, rows)
        return PostgresType(under.name, label, under.kind, modifier if modifier >= 0 else under.modifier, under.element)
    return PostgresType(name, label, kind, -1, _type(element, rows) if is_array else None)
