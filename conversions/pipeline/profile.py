"""Schema inference: the types a conversion would write, and what a sample of the rows looks like."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from ipaddress import AddressValueError, IPv4Address
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc

from connectors.scalars import python_value, python_values
from connectors.source import Notice, SchemaChanged, Source
from connectors.types import type_name
from conversions.pipeline.attempt import Attempt
from conversions.pipeline.convert import transform_for
from conversions.pipeline.values import json_value

_SHOWN_ROWS = 100
_SHOWN_VALUES = 5
_MATCHING_SHARE = 0.8
_HIGH_NULL_SHARE = 0.5


def infer_schema(source: Source, attempt: Attempt) -> dict[str, Any]:
    """Read every row for the types, the first ``sample_size`` for the rest; return the contract's answer."""
    sample = _sample(source, attempt)
    columns = [_describe(field, sample.column(index)) for index, field in enumerate(sample.schema)]
    warnings = [*attempt.warnings.items, *_null_warnings(columns, sample.num_rows)]
    return {
        "schema": {
            "columns": columns,
            "total_rows": sample.num_rows,
            "total_columns": sample.num_columns,
            "file_size_bytes": source.facts.get("bytes"),
        },
        "sample_data": _rows(sample.slice(0, _SHOWN_ROWS)),
        "warnings": [_warning(warning) for warning in warnings],
        "source": dict(source.facts),
    }


def _rows(shown: pa.Table) -> list[dict[str, Any]]:
    rows = zip(*map(python_values, shown.columns), strict=True)
    return [dict(zip(shown.column_names, map(json_value, row), strict=True)) for row in rows]


def _sample(source: Source, attempt: Attempt) -> pa.Table:
    while True:
        try:
            return _sample_once(source, attempt)
        except SchemaChanged:
            continue


def _sample_once(source: Source, attempt: Attempt) -> pa.Table:
    """The first rows; the others are read too, because a type holds for all rows or not at all."""
    wanted = attempt.assignment.request["sample_size"]
    transform = transform_for(source, attempt)
    kept: list[pa.RecordBatch] = []
    rows = 0
    for batch in source.batches():
        shaped = transform.apply(batch)
        if rows < wanted:
            kept.append(shaped.slice(0, wanted - rows))
        rows += shaped.num_rows
        attempt.progress.advance(0.0, rows=rows)
    return pa.Table.from_batches(kept, schema=transform.schema)


def _describe(field: pa.Field, values: pa.ChunkedArray) -> dict[str, Any]:
    present = values.drop_null()
    shown = python_values(present)
    low, high = _extent(present)
    return {
        "name": field.name,
        "inferred_type": type_name(values.type),
        "detected_format": _detected_format(field, shown),
        "nullable": values.null_count > 0,
        "null_count": values.null_count,
        "unique_count": len({repr(value) for value in shown}),
        "sample_values": [json_value(value) for value in shown[:_SHOWN_VALUES]],
        "min_value": json_value(low),
        "max_value": json_value(high),
    }


def _extent(values: pa.ChunkedArray) -> tuple[Any, Any]:
    if pa.types.is_nested(values.type) or pa.types.is_dictionary(values.type) or not len(values):
        return None, None
    try:
        found = pc.min_max(values)
    except pa.ArrowNotImplementedError:  # types without an order, such as UUIDs, and half floats
        return None, None
    return python_value(found["min"]), python_value(found["max"])


def _null_warnings(columns: Sequence[dict[str, Any]], rows: int) -> list[Notice]:
    return [
        Notice(
            "high_null_percentage",
            f"Column '{column['name']}' is null in {column['null_count']} of {rows} sampled rows.",
            column["name"],
            column["null_count"],
        )
        for column in columns
        if rows and column["null_count"] / rows > _HIGH_NULL_SHARE
    ]


def _warning(warning: Notice) -> dict[str, Any]:
    return {
        "column": warning.column,
        "issue": warning.issue,
        "message": warning.message,
        "affected_rows": warning.affected_rows,
    }


def _detected_format(field: pa.Field, values: Sequence[Any]) -> str | None:
    is_text = pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
    if not is_text or not values:
        return None
    for name, matches in _FORMATS.items():
        if sum(map(matches, values)) / len(values) > _MATCHING_SHARE:
            return name
    return None


def _parses(parse: Callable[[str], object], *errors: type[Exception]) -> Callable[[str], bool]:
    def matches(text: str) -> bool:
        try:
            parse(text)
        except errors:
            return False
        return True

    return matches


def _is_json(text: str) -> bool:
    return text.lstrip()[:1] in ("{", "[") and _parses(json.loads, ValueError, RecursionError)(text)


_DATE = re.compile(r"\d{4}-\d{2}-\d{2}|\d{1,2}[/.-]\d{1,2}[/.-]\d{4}|\d{4}/\d{2}/\d{2}")
_DATETIME = re.compile(rf"(?:{_DATE.pattern})[T ]\d{{1,2}}:\d{{2}}(?::\d{{2}}(?:\.\d+)?)?(?:Z|[+-]\d{{2}}:?\d{{2}})?")
# Most specific first: a date is no phone number, and a UUID of digits is no phone number either.
_FORMATS: dict[str, Callable[[str], bool]] = {
    "uuid": lambda text: len(text) == 36 and _parses(UUID, ValueError)(text),
    "email": lambda text: re.fullmatch(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+", text) is not None,
    "url": lambda text: re.fullmatch(r"(?:https?|ftp)://[^\s/]+\S*", text) is not None,
    "ipv4": _parses(IPv4Address, AddressValueError),
    "datetime": lambda text: _DATETIME.fullmatch(text) is not None,
    "date": lambda text: _DATE.fullmatch(text) is not None,
    "json": _is_json,
    "phone": lambda text: (
        re.fullmatch(r"\+?[\d\s().-]{7,20}", text) is not None and 7 <= sum(map(str.isdigit, text)) <= 15
    ),
}
