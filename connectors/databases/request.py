"""What is to be read from a database, checked without asking it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from connectors.databases.credentials import ConnectorType, parse_connector_type
from connectors.databases.sql import checked_statement
from connectors.errors import InvalidRequest

DEFAULT_PARTITIONS = 4
NumericPolicy = Literal["auto", "text", "float"]
ValuePolicy = Literal["null", "text", "fail"]
_TABLE_NAME = re.compile(r"[a-zA-Z0-9_\.]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Policies:
    """What becomes of values that have no exact form in a Parquet type. Whatever is changed is counted in a warning.

    Attributes:
        numeric: numbers without a declared precision. ``auto``: a decimal that holds every one exactly, else text;
            ``text``: always text; ``float``: the nearest Float64.
        infinite_dates: ``infinity``, and years beyond 1 to 9999. ``text``: the column becomes text if it holds one;
            ``null``; ``fail``.
        zero_dates: MySQL's ``0000-00-00`` and impossible dates; as above.
        long_times: times that are no time of a day (MySQL beyond 24 hours or negative, PostgreSQL's 24:00:00).
    """

    numeric: NumericPolicy = "auto"
    infinite_dates: ValuePolicy = "text"
    zero_dates: ValuePolicy = "text"
    long_times: ValuePolicy = "text"

    @classmethod
    def parse(cls, options: Mapping[str, Any]) -> Policies:
        """Check a request's ``options``.

        Raises:
            InvalidRequest: an option is unknown or has an unknown value.
        """
        allowed = {
            "numeric": get_args(NumericPolicy),
            **dict.fromkeys(("infinite_dates", "zero_dates", "long_times"), get_args(ValuePolicy)),
        }
        for name, value in options.items():
            if name not in allowed:
                raise _refused("options", f"has an unknown option '{name}'; known are {', '.join(allowed)}")
            if value not in allowed[name]:
                raise _refused("options", f"has {name} {value!r}; it must be one of {', '.join(allowed[name])}")
        return cls(**options)


@dataclass(frozen=True, slots=True)
class DatabaseRequest:
    """What is to be read: a checked query, or a table by the parts of its name.

    Attributes:
        query: one reading statement without what surrounds it; exactly one of this and ``table`` is set.
        table: one to three parts: table, schema.table, catalog.schema.table.
        columns: the table's columns to read, in this order; None: all.
        partition_column: what to split the reading by; None: the connector decides.
        partition_num: how many connections read at once; ``auto``: the connector decides.
        rows: for a preview: so many at most, by one connection; None: all.
    """

    connector_type: ConnectorType
    query: str | None = None
    table: tuple[str, ...] | None = None
    columns: tuple[str, ...] | None = None
    partition_column: str | None = None
    partition_num: int | Literal["auto"] = DEFAULT_PARTITIONS
    policies: Policies = field(default_factory=Policies)
    rows: int | None = None

    @classmethod
    def parse(cls, values: Mapping[str, Any], max_partitions: int = 16) -> DatabaseRequest:
        """Check a request's fields: ``connector_type``, ``query`` or ``table_name``, ``columns``,
        ``partition_column``, ``partition_num``, ``options`` (the policies) and ``sample_size`` (a preview's rows).

        Raises:
            InvalidRequest: one sentence that names the field.
        """
        kind = parse_connector_type(values.get("connector_type"))
        query, table = values.get("query"), values.get("table_name")
        if (query is None) == (table is None):
            raise _refused("query", "or table_name: give exactly one of the two")
        columns = values.get("columns")
        if columns is not None and table is None:
            raise _refused("columns", "goes with table_name; a query names its own columns")
        return cls(
            kind,
            None if query is None else checked_statement(query, kind),
            None if table is None else parse_table_name(table),
            _columns(columns),
            _name(values, "partition_column"),
            _partition_num(values.get("partition_num"), max_partitions),
            Policies.parse(values.get("options") or {}),
            values.get("sample_size"),
        )

    @property
    def limit(self) -> str:
        """What ends a statement that reads no more than ``rows``."""
        return "" if self.rows is None else f" LIMIT {self.rows:d}"

    @property
    def description(self) -> str:
        """The query, or the table's name, as the caller gave it."""
        return self.query or ".".join(self.table or ())


def parse_table_name(name: object) -> tuple[str, ...]:
    """The parts of ``table``, ``schema.table`` or ``catalog.schema.table``.

    Raises:
        InvalidRequest: it is none of these.
    """
    if isinstance(name, str) and _TABLE_NAME.fullmatch(name):
        parts = tuple(name.split("."))
        if len(parts) <= 3 and all(parts):
            return parts
    sentence = (
        f"Invalid table name: '{name}'. Table names must contain only alphanumeric characters, underscores, and dots."
    )
    raise InvalidRequest(sentence, code="invalid_table_name", errors={"table_name": [sentence]})


def _columns(value: object) -> tuple[str, ...] | None:
    if value is None:
        return None
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise _refused("columns", "must be a list of at least one column name")
    if not all(isinstance(name, str) and name for name in value):
        raise _refused("columns", "must hold only column names")
    repeated = {name for name in value if list(value).count(name) > 1}
    if repeated:
        raise _refused("columns", f"names '{min(repeated)}' twice")
    return tuple(value)


def _name(values: Mapping[str, Any], field_name: str) -> str | None:
    value = values.get(field_name)
    if value is None:
        return None
    if not isinstance(value, str) or not value or "\0" in value:
        raise _refused(field_name, "must be the name of a column")
    return value


def _partition_num(value: object, most: int) -> int | Literal["auto"]:
    if value is None:
        return min(DEFAULT_PARTITIONS, most)
    if value == "auto":
        return "auto"
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise _refused("partition_num", f"must be a whole number from 1 to {most}, or 'auto'")
    return value


def _refused(field_name: str, why: str) -> InvalidRequest:
    sentence = f"{field_name} {why}."
    return InvalidRequest(sentence, errors={field_name: [sentence]})
