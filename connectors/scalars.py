"""Arrow's values as Python's, also the times that Python has no type for."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connectors.files.names import unique_names
from connectors.source import Warnings

OUT_OF_RANGE = "<"  # how the text begins that stands for a time whose year has more than five digits
_DIGITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}


def python_values(values: pa.Array | pa.ChunkedArray) -> list[Any]:
    """Each value as ``python_value`` has it."""
    try:
        return list(values.to_pylist())
    except (ValueError, OverflowError):
        return [python_value(value) for value in values]


def python_value(scalar: pa.Scalar) -> Any:
    """A value; where Python's types do not hold a time (no nanoseconds, no year 10,000, no such zone), its ISO text.

    Durations that they do not hold are decimals, in seconds. A struct's names are made unique.
    """
    try:
        return scalar.as_py()
    except (ValueError, OverflowError):
        return _beyond_python(scalar)


def _beyond_python(scalar: pa.Scalar) -> Any:
    kind = scalar.type
    if pa.types.is_struct(kind):
        names = unique_names([field.name for field in kind], Warnings())
        return {name: python_value(scalar[place]) for place, name in enumerate(names)}
    if pa.types.is_map(kind):
        return [(python_value(pair[0]), python_value(pair[1])) for pair in scalar.values]
    if pa.types.is_nested(kind):
        return [python_value(value) for value in scalar.values]
    if pa.types.is_dictionary(kind) or isinstance(kind, pa.BaseExtensionType):
        return python_value(scalar.value)
    if pa.types.is_duration(kind):
        return Decimal(scalar.value).scaleb(-_DIGITS[kind.unit])
    text = str(time_texts(pa.repeat(scalar, 1))[0])
    return text if text.startswith(OUT_OF_RANGE) else text.replace(" ", "T", 1)


def time_texts(times: pa.Array) -> pa.Array:
    """Dates, moments and times of day as text; moments of a zone that nobody knows in UTC.

    Arrow writes nonsense for zoned moments in years of more than five digits; for others it says ``OUT_OF_RANGE``.
    """
    kind = times.type
    if not pa.types.is_timestamp(kind) or not kind.tz:
        return times.cast(pa.string())
    in_utc = times.view(pa.timestamp(kind.unit)).cast(pa.string())
    try:
        text = times.cast(pa.string())
    except pa.ArrowInvalid:
        text = pc.binary_join_element_wise(in_utc, "Z", "")
    return pc.if_else(pc.starts_with(in_utc, OUT_OF_RANGE), in_utc, text)


def duration_text(count: int, unit: str) -> str:
    """A duration as hours, minutes and seconds: ``-30:05:00.25``."""
    seconds, fraction = divmod(abs(count), 10 ** _DIGITS[unit])
    rest = f".{fraction:0{_DIGITS[unit]}d}".rstrip("0") if fraction else ""
    return f"{'-' if count < 0 else ''}{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{rest}"
