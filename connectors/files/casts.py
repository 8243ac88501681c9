"""Exact casts: to the type the caller asked for, with every value that does not fit known by its place."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connectors.files.dates import from_layout, layout_of
from connectors.files.numbers import read_decimals
from connectors.scalars import OUT_OF_RANGE, duration_text, python_values, time_texts

_TRUE = ["true", "t", "yes", "y", "1"]
_FALSE = ["false", "f", "no", "n", "0"]
_INTEGER = r"^\s*[+-]?\d+(\.0*)?\s*$"
_NUMBER = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"
_FLOAT = r"(?i)^\s*([+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?inf(inity)?|nan)\s*$"
_DATE = r"^\d{4}-\d{2}-\d{2}([T ]00:00(:00(\.0+)?)?)?$"
_DATETIME = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?)?$"
_THROUGH_TEXT = (pa.types.is_string, pa.types.is_dictionary, pa.types.is_decimal)
_TEXTS = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
_BYTES = (
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_binary_view,
    pa.types.is_fixed_size_binary,
)
_TIME = r"^\d{2}:\d{2}(:\d{2}(\.\d{1,6}0{0,3})?)?$"


@dataclass(frozen=True, slots=True)
class Cast:
    """Cast values, null where a value did not fit; ``misfits`` are the 0-based places of those."""

    values: pa.Array
    misfits: np.ndarray[tuple[int], np.dtype[np.int64]]


def cast_exact(values: pa.Array, target: pa.DataType, date_format: str | None = None) -> Cast:
    """Cast so that nothing is lost, and say which values cannot be.

    Text is read as the number, date or word it shows (decimal text takes the nearest Float64); other values
    must give themselves back. ``date_format`` (strptime) says how text dates are written, instead of ISO.
    """
    if values.type == target:
        return Cast(values, np.empty(0, np.int64))
    if any(is_text(values.type) for is_text in _TEXTS):
        return _from_text(values.cast(pa.string()), target, date_format)
    if any(is_kind(target) for is_kind in _THROUGH_TEXT) or pa.types.is_decimal(values.type):
        text = _shown(values)
        cast = _from_text(text, target, date_format)
        textless = np.flatnonzero(pc.and_(values.is_valid(), text.is_null()).to_numpy(zero_copy_only=False))
        return Cast(cast.values, np.union1d(cast.misfits, textless))
    return _from_values(values, target)


def _shown(values: pa.Array) -> pa.Array:
    """Values as text; what is nested becomes JSON text. Null where there is none: bytes, years of six digits."""
    kind = values.type
    if pa.types.is_dictionary(kind):
        return _shown(values.dictionary_decode())
    if pa.types.is_duration(kind):
        counts = values.cast(pa.int64()).to_pylist()
        return pa.array([None if count is None else duration_text(count, kind.unit) for count in counts], pa.string())
    if pa.types.is_temporal(kind):
        text = time_texts(values)
        return pc.if_else(pc.starts_with(text, OUT_OF_RANGE), None, text)
    if any(is_kind(kind) for is_kind in _BYTES):
        return _decoded(values.cast(pa.binary()))
    if pa.types.is_nested(kind) or isinstance(kind, pa.UuidType):
        shown = python_values(values)
        return pa.array([None if value is None else _as_json(value) for value in shown], pa.string())
    return values.cast(pa.string())


def _decoded(values: pa.Array) -> pa.Array:
    """Bytes as the text they are in UTF-8, null where they are none."""
    try:
        return values.cast(pa.string())
    except pa.ArrowInvalid:
        readable = _readable(values, lambda some: some.cast(pa.string()))
        return pc.if_else(readable, values, None).cast(pa.string())


def _as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=_json_text) if isinstance(value, dict | list) else str(value)


def _json_text(value: Any) -> str:
    if isinstance(value, timedelta):
        return duration_text(value // timedelta(microseconds=1), "us")
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value.isoformat() if isinstance(value, datetime | date | time) else str(value)


def _from_values(values: pa.Array, target: pa.DataType) -> Cast:
    if pa.types.is_float16(values.type):  # which Arrow does not compare
        values = values.cast(pa.float32())
    if pa.types.is_float32(target) and pa.types.is_float64(values.type):
        narrow = values.cast(target)
        return _checked(values, narrow, pc.equal(narrow.cast(pa.string()), values.cast(pa.string())))
    if pa.types.is_timestamp(values.type) and pa.types.is_timestamp(target) and values.type.tz != target.tz:
        return _nothing_fits(values, target)
    try:
        cast = values.cast(target, safe=False)
        fits = _same(cast.cast(values.type, safe=False), values)
        if pa.types.is_integer(target) and pa.types.is_integer(values.type):  # too large ones wrap around, and back
            fits = pc.and_(fits, pc.equal(_is_negative(values), _is_negative(cast)))
        return _checked(values, cast, pc.and_(fits, _within_a_day(cast)) if pa.types.is_time(target) else fits)
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return _nothing_fits(values, target)


def _is_negative(numbers: pa.Array) -> pa.Array:
    return pc.less(numbers, pa.scalar(0, numbers.type))


def _within_a_day(times: pa.Array) -> pa.Array:
    """Whether they are times of day, and not just numbers that are called so."""
    counts, day = times.cast(pa.time64("us")).cast(pa.int64()), pa.scalar(86_400_000_000)
    return pc.and_(pc.greater_equal(counts, 0), pc.less(counts, day))


def _nothing_fits(values: pa.Array, target: pa.DataType) -> Cast:
    return _checked(values, pa.nulls(len(values), target), pa.repeat(pa.scalar(False), len(values)))


def _same(left: pa.Array, right: pa.Array) -> pa.Array:
    same = pc.equal(left, right)
    if pa.types.is_floating(left.type):
        return pc.or_(same, pc.and_(pc.is_nan(left), pc.is_nan(right)))
    return same


def _from_text(text: pa.Array, target: pa.DataType, date_format: str | None) -> Cast:
    if pa.types.is_string(target) or pa.types.is_dictionary(target) or pa.types.is_binary(target):
        converted = text.cast(pa.string())
        return Cast(
            converted.dictionary_encode() if pa.types.is_dictionary(target) else converted.cast(target),
            np.empty(0, np.int64),
        )
    shape, read = _reader(target, date_format)
    shaped = pc.match_substring_regex(text, shape) if shape else pc.is_valid(text)
    candidates = pc.if_else(shaped, text, None)
    try:
        return _checked(text, read(candidates), shaped)
    except pa.ArrowInvalid:
        readable = _readable(candidates, read)
        return _checked(text, read(pc.if_else(readable, candidates, None)), pc.and_(shaped, readable))


def _checked(values: pa.Array, cast: pa.Array, fits: pa.Array) -> Cast:
    """The cast with null for what does not fit; a null value always fits."""
    misfit = pc.and_(pc.is_valid(values), pc.invert(pc.fill_null(fits, False)))
    places = np.flatnonzero(misfit.to_numpy(zero_copy_only=False))
    return Cast(pc.if_else(misfit, None, cast) if len(places) else cast, places)


def _readable(text: pa.Array, read: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """Which texts ``read`` accepts: by halving the distinct values, as native casts only say that one failed."""
    distinct = text.unique()
    accepted = np.ones(len(distinct), bool)

    def search(start: int, length: int) -> None:
        try:
            read(distinct.slice(start, length))
        except pa.ArrowInvalid:
            if length == 1:
                accepted[start] = False
                return
            search(start, length // 2)
            search(start + length // 2, length - length // 2)

    search(0, len(distinct))
    return pc.is_in(text, value_set=distinct.filter(pa.array(accepted)))


def _reader(  # noqa: PLR0911 - one line per family of types
    target: pa.DataType, date_format: str | None
) -> tuple[str | None, Callable[[pa.Array], pa.Array]]:
    """What text of a type looks like, and how it is read (raising ArrowInvalid for what is not a value)."""
    if date_format is not None and (pa.types.is_date(target) or pa.types.is_timestamp(target)):
        layout = layout_of(date_format)
        return layout.pattern, lambda text: from_layout(text, layout).cast(target)
    if pa.types.is_integer(target):
        return _INTEGER, lambda text: _plain_number(pc.replace_substring_regex(text, r"\.0*\s*$", "")).cast(target)
    if pa.types.is_floating(target):
        return _FLOAT, lambda text: _read_floats(_plain_number(text), target)
    if pa.types.is_decimal(target):
        return _NUMBER, lambda text: read_decimals(_plain_number(text), target)
    if pa.types.is_boolean(target):
        return "(?i)^(" + "|".join(_TRUE + _FALSE) + ")$", _read_booleans
    if pa.types.is_date(target):
        return _DATE, lambda text: pc.utf8_slice_codeunits(text, 0, 10).cast(target)
    if pa.types.is_timestamp(target):
        return _DATETIME, lambda text: text.cast(target)
    if pa.types.is_time(target):
        return _TIME, lambda text: read_times(text).cast(target)
    return None, lambda text: text.cast(target)


def read_times(text: pa.Array) -> pa.Array:
    """``HH:MM[:SS[.fffffffff]]`` as times in microseconds.

    Raises:
        pa.ArrowInvalid: a text is not a time of day, or has less than a microsecond.
    """
    return pc.binary_join_element_wise("1970-01-01", text, "T").cast(pa.timestamp("ns")).cast(pa.time64("us"))


def _plain_number(text: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(pc.utf8_trim_whitespace(text), r"^\+", "")


def _read_booleans(text: pa.Array) -> pa.Array:
    return pc.if_else(pc.is_valid(text), pc.is_in(pc.utf8_lower(text), value_set=pa.array(_TRUE)), None)


def _read_floats(text: pa.Array, target: pa.DataType) -> pa.Array:
    values = text.cast(pa.float64())
    overflowed = pc.and_(pc.is_inf(values), pc.match_substring_regex(text, r"\d"))
    vanished = pc.and_(pc.equal(values, 0.0), pc.match_substring_regex(text, r"^[^eE]*[1-9]"))
    if pc.any(pc.or_(overflowed, vanished)).as_py():
        raise pa.ArrowInvalid("a number is outside the range of a double")
    if pa.types.is_float64(target):
        return values
    narrow = values.cast(target)
    if (
        not pc.all(pc.equal(narrow.cast(pa.string()), values.cast(pa.string()))).as_py()
        and len(narrow) > narrow.null_count
    ):
        raise pa.ArrowInvalid("a number needs more digits than a single holds")
    return narrow
