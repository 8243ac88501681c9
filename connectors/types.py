"""Type names of the contract (Polars') and the Arrow types behind them."""

from __future__ import annotations

import re

import pyarrow as pa

from connectors.errors import InvalidRequest

_PLAIN: dict[str, pa.DataType] = {
    "String": pa.string(),
    "Utf8": pa.string(),
    "Int8": pa.int8(),
    "Int16": pa.int16(),
    "Int32": pa.int32(),
    "Int64": pa.int64(),
    "UInt8": pa.uint8(),
    "UInt16": pa.uint16(),
    "UInt32": pa.uint32(),
    "UInt64": pa.uint64(),
    "Float32": pa.float32(),
    "Float64": pa.float64(),
    "Boolean": pa.bool_(),
    "Date": pa.date32(),
    "Datetime": pa.timestamp("us"),
    "Time": pa.time64("us"),
    "Binary": pa.binary(),
    "Categorical": pa.dictionary(pa.int32(), pa.string()),
}
_NAMES: dict[pa.DataType, str] = {kind: name for name, kind in _PLAIN.items() if name != "Utf8"}
_DECIMAL = re.compile(r"Decimal\(\s*(\d{1,2})\s*,\s*(\d{1,2})\s*\)")
MAX_DECIMAL_DIGITS = 38


def parse_type(name: str) -> pa.DataType:
    """The Arrow type that a contract type name such as ``Int64`` or ``Decimal(12,2)`` stands for.

    Raises:
        InvalidRequest: the name is not one of the contract's.
    """
    if name in _PLAIN:
        return _PLAIN[name]
    if match := _DECIMAL.fullmatch(name):
        precision, scale = int(match[1]), int(match[2])
        if 1 <= precision <= MAX_DECIMAL_DIGITS and scale <= precision:
            return pa.decimal128(precision, scale)
    raise InvalidRequest(
        f"Unknown type '{name}'. Use one of {', '.join(_PLAIN)} or Decimal(p,s) with 1 <= p <= 38 and s <= p.",
        code="unknown_type",
    )


def type_name(kind: pa.DataType) -> str:
    """The contract's name of an Arrow type, nested types included (``List(Int64)``, ``Struct({'a': String})``)."""
    if kind in _NAMES:
        return _NAMES[kind]
    if pa.types.is_decimal(kind):
        return f"Decimal({kind.precision},{kind.scale})"
    if pa.types.is_timestamp(kind):
        unit = "" if kind.unit == "us" else f"time_unit='{kind.unit}'"
        zone = f"time_zone='{kind.tz}'" if kind.tz else ""
        inside = ", ".join(part for part in (unit, zone) if part)
        return f"Datetime({inside})" if inside else "Datetime"
    if pa.types.is_time(kind):
        return "Time"
    if pa.types.is_duration(kind):
        return "Duration"
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return f"List({type_name(kind.value_type)})"
    return _nested_or_other_name(kind)


def _nested_or_other_name(kind: pa.DataType) -> str:
    if pa.types.is_struct(kind):
        fields = ", ".join(f"'{field.name}': {type_name(field.type)}" for field in kind)
        return f"Struct({{{fields}}})"
    if pa.types.is_map(kind):
        return f"Map({type_name(kind.key_type)}, {type_name(kind.item_type)})"
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return "String"
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return "Binary"
    if pa.types.is_dictionary(kind):
        return "Categorical"
    if pa.types.is_null(kind):
        return "Null"
    return str(kind)
