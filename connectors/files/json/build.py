"""Arrow arrays from decoded JSON values, under a plan that holds them exactly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import accumulate
from typing import Any, cast

import pyarrow as pa

from connectors.files.json.decode import json_text, plain_text
from connectors.files.json.shape import Plan

_CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "int": int,
    "float": float,
    "decimal": Decimal,
    "text": plain_text,
    "json": json_text,
}


def build(values: Sequence[Any], plan: Plan) -> Any:
    """An array of ``plan.type`` with one entry for each value; None is null.

    Raises:
        UnicodeEncodeError: a text holds half a surrogate pair.
    """
    if plan.kind == "struct":
        return _structs(values, plan)
    if plan.kind == "list":
        return _lists(values, plan)
    convert = _CONVERSIONS.get(plan.kind)
    if convert is not None:
        values = [None if value is None else convert(value) for value in values]
    return pa.array(values, plan.type)


def _structs(values: Sequence[Any], plan: Plan) -> Any:
    present = [value or {} for value in values]
    seen = set[str]().union(*present)
    children = [
        build([value.get(key) for value in present], child) if key in seen else pa.nulls(len(values), child.type)
        for key, child in plan.children
    ]
    return pa.StructArray.from_arrays(children, fields=list(cast("pa.StructType", plan.type)), mask=_nulls(values))


def _lists(values: Sequence[Any], plan: Plan) -> Any:
    items = build([item for value in values if value for item in value], plan.children[0][1])
    offsets = pa.array([0, *accumulate(len(value or ()) for value in values)], pa.int32())
    return pa.ListArray.from_arrays(offsets, items, type=plan.type, mask=_nulls(values))


def _nulls(values: Sequence[Any]) -> Any:
    return pa.array([value is None for value in values], pa.bool_())
