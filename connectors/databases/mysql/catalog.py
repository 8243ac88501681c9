"""What a MySQL or MariaDB server says of a result's columns and of a table."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import Any

import pymysql
from pymysql.constants import COMMAND, FLAG
from pymysql.protocol import FieldDescriptorPacket
from sqlglot import exp

from connectors.databases.failures import query_refused
from connectors.databases.mysql.types import MysqlType

_TABLE = """
    SELECT table_rows, data_length FROM information_schema.tables
    WHERE table_schema = COALESCE(%s, DATABASE()) AND table_name = %s
"""
_COLUMN_TYPES = """
    SELECT column_name, column_type, extra LIKE '%%INVISIBLE%%' FROM information_schema.columns
    WHERE table_schema = COALESCE(%s, DATABASE()) AND table_name = %s ORDER BY ordinal_position
"""
_INDEXED = """
    SELECT index_name, column_name FROM information_schema.statistics
    WHERE table_schema = COALESCE(%s, DATABASE()) AND table_name = %s AND seq_in_index = 1 AND sub_part IS NULL
"""
_ENGINE = """
    SELECT engine FROM information_schema.tables
    WHERE table_schema = COALESCE(NULLIF(%s, ''), DATABASE()) AND table_name = %s
      AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED')
"""


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """One column of a result.

    Attributes:
        nullable: False only where a table promises it.
        invisible: ``SELECT *`` leaves it out.
    """

    name: str
    type: MysqlType
    nullable: bool = True
    invisible: bool = False


@dataclass(frozen=True, slots=True)
class TableFacts:
    """How a table is stored.

    Attributes:
        rows, size: the server's estimates (rows, bytes); None for views.
        primary_key: the first column of the primary key.
        indexed: the columns that an index begins with.
    """

    rows: int | None
    size: int | None
    primary_key: str | None
    indexed: frozenset[str]


def describe(connection: pymysql.Connection[Any], query: str) -> list[ResultColumn]:
    """The columns of a query's result: the server prepares it and does not run it.

    Raises:
        pymysql.err.Error: the server refuses the query.
        InvalidRequest: the query has placeholders.
    """
    protocol: Any = connection  # PyMySQL has no public way to prepare.
    protocol._execute_command(COMMAND.COM_STMT_PREPARE, query)
    answer = protocol._read_packet()
    statement, columns, parameters = struct.unpack_from("<IHH", answer.get_all_data(), 1)
    for _ in range(parameters + bool(parameters)):
        protocol._read_packet()
    fields = [protocol._read_packet(FieldDescriptorPacket) for _ in range(columns)]
    if columns:
        protocol._read_packet()
    protocol._execute_command(COMMAND.COM_STMT_CLOSE, struct.pack("<I", statement))
    if parameters:
        raise query_refused("it has a placeholder (?), and no value is given for one")
    return [_column(field) for field in fields]


def _column(field: Any) -> ResultColumn:
    kind = MysqlType(field.type_code, field.flags, field.charsetnr, field.length, field.scale)
    return ResultColumn(field.name, kind)


def describe_table(connection: pymysql.Connection[Any], parts: tuple[str, ...]) -> list[ResultColumn]:
    """The columns of a table, the invisible ones last, with what only it knows: NOT NULL, and a type's own name."""
    with connection.cursor() as cursor:
        cursor.execute(_COLUMN_TYPES, _place(parts))
        known = cursor.fetchall()
    labels = {name: label for name, label, _ in known}
    invisible = [name for name, _, hidden in known if hidden]
    selected = ", ".join(["*", *map(quoted, invisible)])
    return [
        ResultColumn(
            column.name,
            replace(column.type, label=labels.get(column.name)),
            not column.type.flags & FLAG.NOT_NULL,
            column.name in invisible,
        )
        for column in describe(connection, f"SELECT {selected} FROM {quoted_table(parts)}")  # noqa: S608 - quoted
    ]


def table_facts(connection: pymysql.Connection[Any], parts: tuple[str, ...]) -> TableFacts:
    """How a table is stored; a view has no rows or keys."""
    with connection.cursor() as cursor:
        cursor.execute(_TABLE, _place(parts))
        row: Any = cursor.fetchone()
        cursor.execute(_INDEXED, _place(parts))
        indexes = list(cursor.fetchall())
    rows, size = row or (None, None)
    primary = next((column for index, column in indexes if index == "PRIMARY"), None)
    return TableFacts(rows, size, primary, frozenset(column for _, column in indexes))


def engines(connection: pymysql.Connection[Any], tables: list[str]) -> set[str] | None:
    """What stores these tables (as SQL); None if one is missing, or a view, whose text may be anything."""
    found = set()
    with connection.cursor() as cursor:
        for table in tables:
            named = exp.to_table(table, dialect="mysql")
            cursor.execute(_ENGINE, (named.db, named.name))
            row = cursor.fetchone()
            if row is None:
                return None
            found.add(str(row[0]).lower())
    return found


def quoted_table(parts: tuple[str, ...]) -> str:
    """The table's name, each part quoted; the catalog of MySQL is always ``def`` and is not written."""
    return ".".join(quoted(part) for part in parts[-2:])


def quoted(name: str) -> str:
    """One quoted name."""
    return "`" + name.replace("`", "``") + "`"


def _place(parts: tuple[str, ...]) -> tuple[str | None, str]:
    return (parts[-2] if len(parts) > 1 else None), parts[-1]
