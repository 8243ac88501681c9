"""Exact casts: to the type the caller asked for, with every value that does not fit known by its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connectors.files.dates import from_layout, layout_of
from connectors.files.numbers import read_decimals

_TRUE = ["true", "t", "yes", "y", "1"]
_FALSE = ["false", "f", "no", "n", "0"]
_INTEGER = r"^\s*[+-]?\d+(\.0*)?\s*$"
_NUMBER = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"
_FLOAT = r"(?i)^\s*([+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?inf(inity)?|nan)\s*$"
_DATE = r"^\d{4}-\d{2}-\d{2}([T ]00:00(:00(\.0+)?)?)?$"
_DATETIME = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?)?$"
_THROUGH_TEXT = (pa.types.is_string, pa.types.is_dictionary, pa.types.is_decimal)
_TIME = r"^\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?$"


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
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        return _from_text(values, target, date_format)
    if any(is_kind(target) for is_kind in _THROUGH_TEXT) or pa.types.is_decimal(values.type):
        return _from_text(_shown(values), target, date_format)
    return _from_values(values, target)


def _shown(values: pa.Array) -> pa.Array:
    """Values as text; what has no text form of its own is shown as Python shows it."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    try:
        return values.cast(pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return pa.array([None if value is None else str(value) for value in values.to_pylist()], pa.string())


def _from_values(values: pa.Array, target: pa.DataType) -> Cast:
    if pa.types.is_float32(target) and pa.types.is_float64(values.type):
        narrow = values.cast(target)
        return _checked(values, narrow, pc.equal(narrow.cast(pa.string()), values.cast(pa.string())))
    if pa.types.is_timestamp(values.type) and pa.types.is_timestamp(target) and values.type.tz != target.tz:
        return _nothing_fits(values, target)
    try:
        cast = values.cast(target, safe=False)
        return _checked(values, cast, _same(cast.cast(values.type, safe=False), values))
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return _nothing_fits(values, target)


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
    """``HH:MM[:SS[.ffffff]]`` as times in microseconds.

    Raises:
        pa.ArrowInvalid: a text is not a time of day.
    """
    return pc.binary_join_element_wise("1970-01-01", text, "T").cast(pa.timestamp("us")).cast(pa.time64("us"))


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
