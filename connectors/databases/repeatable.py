"""Whether a query may be run once for each range: only if every run of it gives the very same rows.

Connections share a snapshot but not a clock, a plan or a random seed. So a LIMIT, a window function, now() or random()
would lose rows between the ranges, or double them.
"""

from __future__ import annotations

from itertools import takewhile

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from connectors.databases.sql import DIALECTS

NOT_PARTITIONED = "not_partitioned"
NOT_PARTITIONED_MESSAGE = (
    "Read by one connection and not by ranges: run once for each range, it might give other rows each time"
    " (LIMIT, window functions, views, random or time functions and the like may)."
)
_CHANGING = (
    exp.Limit, exp.Offset, exp.Fetch, exp.Window, exp.TableSample, exp.Anonymous, exp.Rand, exp.Randn, exp.Randstr,
    exp.Uuid, exp.CurrentDate, exp.CurrentDatetime, exp.CurrentTime, exp.CurrentTimestamp, exp.Localtime,
    exp.Localtimestamp, exp.Systimestamp, exp.UtcDate, exp.UtcTime, exp.UtcTimestamp, exp.Parameter,
    exp.SessionParameter, exp.Command,
)  # fmt: skip
_CHANGING_TEXTS = {"now", "today", "tomorrow", "yesterday"}
# Their result does not depend on the order in which rows come.
_ORDERLESS = (exp.Count, exp.Min, exp.Max)


def repeatable_tables(query: str, key: str, connector_type: str) -> list[str] | None:
    """The tables that a query reads, as SQL, if it is repeatable as long as they are tables and no views.

    Args:
        query: one checked statement.
        key: the result column that the ranges are of.
        connector_type: whose dialect it is in.

    Returns:
        None if the query is not repeatable, or cannot be understood.
    """
    try:
        tree = sqlglot.parse_one(query, dialect=DIALECTS[connector_type])
    except (SqlglotError, RecursionError):
        return None
    if any(_may_change(node) for node in tree.walk()):
        return None
    if any(not isinstance(found, _ORDERLESS) and _may_reach(found, key, tree) for found in tree.find_all(exp.AggFunc)):
        return None
    tables = [table for table in tree.find_all(exp.Table) if table.db or not _is_expression(table)]
    if any(not isinstance(table.this, exp.Identifier) and not isinstance(table.this, exp.Func) for table in tables):
        return None
    named = (exp.Table(this=table.this, db=table.args.get("db"), catalog=table.args.get("catalog")) for table in tables)
    return [table.sql(DIALECTS[connector_type]) for table in named if isinstance(table.this, exp.Identifier)]


def _is_expression(table: exp.Table) -> bool:
    """Whether the name is that of a WITH's expression where it stands: elsewhere it may be a view's."""
    node: exp.Expr | None = table
    inside: exp.Expr | None = None
    while node is not None:
        if isinstance(node, exp.CTE):
            inside = node
        clause = node.args.get("with_")
        visible = _visible(clause, inside) if isinstance(clause, exp.With) else []
        if any(each.args["alias"].this == table.this for each in visible):
            return True
        node = node.parent
    return False


def _visible(clause: exp.With, inside: exp.Expr | None) -> list[exp.Expr]:
    """What a WITH's expression may name: those before it, or all if they may call themselves."""
    named: list[exp.Expr] = clause.expressions
    return named if clause.recursive else list(takewhile(lambda each: each is not inside, named))


def _may_change(node: exp.Expr) -> bool:
    if isinstance(node, exp.Distinct):
        return node.args.get("on") is not None
    if isinstance(node, exp.Literal):
        return node.name.strip().lower() in _CHANGING_TEXTS
    return isinstance(node, _CHANGING)


def _may_reach(aggregate: exp.Expr, key: str, tree: exp.Expr) -> bool:
    """Whether an order-dependent sum or list may decide which range a row is in.

    It may if it is the key itself, or stands deeper than in the outermost list of columns.
    """
    column = aggregate
    while column.parent is not None and column.parent is not tree:
        if isinstance(column.parent, exp.Query):
            return True
        column = column.parent
    return column.arg_key != "expressions" or column.alias_or_name == key
