"""Dividing a PostgreSQL table or query into ranges that hold every row exactly once."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import psycopg
from psycopg import sql

from connectors.errors import InvalidRequest

# What all connections together may hold of ranges being read, in the table's own bytes.
_IN_FLIGHT_BYTES = 64 * 2**20
_MAX_RANGE_BYTES = 16 * 2**20


def ctid_ranges(blocks: int, size: int, connections: int) -> list[str]:
    """Conditions on PostgreSQL's ctid: consecutive blocks of about equal size, the last range without an end.

    Args:
        blocks: of the table, or of its largest part: a range is the same blocks of every part.
        size: of all parts in bytes, with values stored out of line.
        connections: how many ranges are read at the same time.
    """
    bytes_per_range = min(_MAX_RANGE_BYTES, _IN_FLIGHT_BYTES // connections)
    ranges = max(1, min(blocks, -(-size // bytes_per_range)), min(blocks, connections) if size > 2**20 else 1)
    starts = [blocks * number // ranges for number in range(1, ranges)]
    lower = [None, *starts]
    upper = [*starts, None]
    return [_ctid_condition(low, high) for low, high in zip(lower, upper, strict=True)]


def _ctid_condition(low: int | None, high: int | None) -> str:
    parts = [f"ctid >= '({low},0)'"] if low is not None else []
    parts += [f"ctid < '({high},0)'"] if high is not None else []
    return " AND ".join(parts) or "true"


def column_ranges(
    connection: psycopg.Connection[Any], relation: str, column: str, number: int, *, name: str
) -> list[str]:
    """Conditions on a column that divide a relation into at most ``number`` ranges of about as many rows.

    ``column`` is how the relation calls it, ``name`` how the caller does. The bounds are values of the column in its
    own order, so it may have any type that has one. NULLs go with the first.

    Raises:
        InvalidRequest: the column's type has no order.
    """
    if number == 1:
        return ["true"]
    cuts = [f"percentile_disc({place}.0 / {number}) WITHIN GROUP (ORDER BY {column})" for place in range(1, number)]
    names = [f"b{place}" for place in range(1, number)]
    found = ", ".join(f"{cut} AS {each}" for cut, each in zip(cuts, names, strict=True))
    try:
        rows = connection.execute(f"""
            SELECT shown, type FROM (
                SELECT DISTINCT bound, bound::text AS shown, pg_typeof(bound)::text AS type
                FROM (SELECT {found} FROM {relation}) AS found, LATERAL (VALUES ({"), (".join(names)})) AS v(bound)
            ) AS bounds WHERE bound IS NOT NULL ORDER BY bound
        """).fetchall()  # noqa: S608 - made of quoted names and checked SQL
    except psycopg.errors.UndefinedFunction:
        raise InvalidRequest(
            f"The column '{name}' cannot be partitioned by: its type has no order.",
            code="partition_column_not_orderable",
        ) from None
    bounds = [sql.Literal(text).as_string(connection) + f"::{kind}" for text, kind in rows]
    if not bounds:
        return ["true"]
    between = [f"{column} >= {low} AND {column} < {high}" for low, high in pairwise(bounds)]
    return [f"({column} < {bounds[0]} OR {column} IS NULL)", *between, f"{column} >= {bounds[-1]}"]
