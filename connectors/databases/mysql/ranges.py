"""Conditions on a key of a MySQL table that every row fulfils exactly one of."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pymysql
from pymysql.constants import FIELD_TYPE, FLAG

from connectors.databases.mysql.types import BINARY_CHARSET, MysqlType

_INTEGERS = {FIELD_TYPE.TINY, FIELD_TYPE.SHORT, FIELD_TYPE.INT24, FIELD_TYPE.LONG, FIELD_TYPE.LONGLONG}
_NUMBERS = {*_INTEGERS, FIELD_TYPE.NEWDECIMAL, FIELD_TYPE.YEAR}
_TEXTS = {FIELD_TYPE.STRING, FIELD_TYPE.VAR_STRING}
_TIMES = {FIELD_TYPE.DATE, FIELD_TYPE.DATETIME, FIELD_TYPE.TIMESTAMP}
# A key with at most so many possible numbers for each row is cut into equal widths, without asking for quantiles.
_DENSE = 3


def is_ordered(kind: MysqlType) -> bool:
    """Whether values compare with literals in the order that they are sorted in."""
    if kind.flags & (FLAG.ENUM | FLAG.SET):
        return False
    return kind.code in _NUMBERS | _TIMES or (kind.code in _TEXTS and kind.charset != BINARY_CHARSET)


def hashed(key: str, ranges: int) -> list[str]:
    """Conditions that need no order: any type, any skew; each reads over the whole table."""
    return [f"COALESCE(CRC32({key}), 0) MOD {ranges} = {number}" for number in range(ranges)]


def between(connection: pymysql.Connection[Any], table: str, key: str, kind: MysqlType, ranges: int) -> list[str]:
    """Ranges of about equally many rows; NULL is in the first.

    Args:
        connection: to find where to cut.
        table, key: quoted.
        kind: an ordered type, of a column that an index begins with.
        ranges: how many, at most.
    """
    cuts = _cuts(connection, table, key, kind, ranges)
    if not cuts:
        return ["TRUE"]
    inner = [f"({key} >= {low} AND {key} < {high})" for low, high in pairwise(cuts)]
    return [f"({key} < {cuts[0]} OR {key} IS NULL)", *inner, f"{key} >= {cuts[-1]}"]


def _cuts(connection: pymysql.Connection[Any], table: str, key: str, kind: MysqlType, ranges: int) -> list[str]:
    """Literals in ascending order, each once."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT MIN({key}), MAX({key}) FROM {table}")  # noqa: S608 - quoted
        low, high = cursor.fetchone() or (None, None)
        if low is None or low == high:
            return []
        rows = _estimate(cursor, table)
        if kind.code in _INTEGERS and high - low < _DENSE * rows:
            values = [low + (high - low) * number // ranges for number in range(1, ranges)]
        else:
            values = _quantiles(cursor, table, key, rows, ranges)
        return list(dict.fromkeys(connection.escape(value) for value in values if value is not None))


def _estimate(cursor: Any, table: str) -> int:
    cursor.execute(f"EXPLAIN SELECT 1 FROM {table}")  # noqa: S608 - quoted
    names = [field[0] for field in cursor.description]
    return int(cursor.fetchone()[names.index("rows")] or 0)


def _quantiles(cursor: Any, table: str, key: str, rows: int, ranges: int) -> list[Any]:
    values = []
    for number in range(1, ranges):
        offset = rows * number // ranges
        # Only a place to cut: the same literal bounds both neighbours, so a moving table loses nothing.
        cursor.execute(f"SELECT {key} FROM {table} WHERE {key} IS NOT NULL ORDER BY {key} LIMIT 1 OFFSET {offset}")  # noqa: S608
        found = cursor.fetchone()
        if found is None:
            break
        values.append(found[0])
    return values
