"""How much a table or query would bring, as the server's planner sees it. Nothing is run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from psycopg import sql

from connectors.databases.browsing import asking
from connectors.databases.credentials import Credentials
from connectors.databases.hosts import HostPolicy
from connectors.databases.mysql import catalog as mysql_catalog
from connectors.databases.mysql.habits import check_backslashes, habits
from connectors.databases.request import DatabaseRequest

# What MySQL calls the steps that bring rows into the result; the others prepare something for them.
_OUTERMOST = {"SIMPLE", "PRIMARY", "UNION"}


@dataclass(frozen=True, slots=True)
class Estimate:
    """What the server's planner expects of a statement; None where it says nothing.

    Attributes:
        rows: how many there will be.
        bytes: how many those are, as the server holds them.
    """

    rows: int | None
    bytes: int | None


def estimate(request: DatabaseRequest, credentials: Credentials, timeout: float, policy: HostPolicy) -> Estimate:
    """What the planner expects of a checked request.

    Raises:
        ConversionError: the connection fails, or the server refuses to explain the statement.
    """
    if credentials.connector_type == "sqlite":
        return Estimate(None, None)  # SQLite's planner does not say
    with asking(credentials, timeout, policy) as cursor:
        if credentials.connector_type == "postgresql":
            cursor.execute(f"EXPLAIN (FORMAT JSON) {request.query or _postgresql_table(request)}")
            plan = cursor.fetchone()[0]
            root = (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]
            return Estimate(root["Plan Rows"], root["Plan Rows"] * root["Plan Width"])
        check_backslashes(request.query or "", habits(cursor)[1])
        cursor.execute(f"EXPLAIN {request.query or _mysql_table(request)}")
        names = [column[0] for column in cursor.description]
        return Estimate(_rows_of([dict(zip(names, step, strict=True)) for step in cursor.fetchall()]), None)


def _postgresql_table(request: DatabaseRequest) -> str:
    columns = sql.SQL(", ").join(map(sql.Identifier, request.columns)) if request.columns else sql.SQL("*")
    return sql.SQL("SELECT {} FROM {}").format(columns, sql.Identifier(*(request.table or ()))).as_string()


def _mysql_table(request: DatabaseRequest) -> str:
    return f"SELECT * FROM {mysql_catalog.quoted_table(request.table or ())}"  # noqa: S608 - quoted


def _rows_of(steps: Sequence[Mapping[str, Any]]) -> int | None:
    """MySQL tells the rows of every step: those that are joined are multiplied, those of a UNION added."""
    joined: dict[int, list[float]] = {}
    for step in steps:
        if step["select_type"] in _OUTERMOST and step["rows"] is not None:
            share = float(step.get("filtered") or 100) / 100
            joined.setdefault(step["id"], []).append(float(step["rows"]) * share)
    return round(sum(map(prod, joined.values()))) if joined else None
