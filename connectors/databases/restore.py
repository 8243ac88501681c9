"""From the array that arrives to the array that was meant: vectorised, exact, or a Misfit."""

from __future__ import annotations

import json
from collections.abc import Callable

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from connectors.types import MAX_DECIMAL_DIGITS

Restore = Callable[[pa.Array], pa.Array]
_DATE = r"^\d{4}-\d{2}-\d{2}$"
_TIMESTAMP = r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(\.\d{1,6})?$"
_TIME = r"^([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?$"
# What every reader of Parquet can show: years 1 to 9999.
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896
_DAY_MICROSECONDS = 86_400_000_000


class Misfit(Exception):
    """Some value cannot be held by the type that its column was given."""


def cast_to(kind: pa.DataType) -> Restore:
    """The same values in the type meant: from a wider one (as ConnectorX streams them) or from the server's text."""
    return lambda values: _cast(values, kind)


def decimals(precision: int, scale: int) -> Restore:
    """Decimal text, every digit kept; NaN, infinities and digits beyond the type are misfits.

    Arrow's own cast wraps around silently for numbers of more than 38 digits, so only texts that are too short for that
    are left to it unseen.
    """
    kind = pa.decimal128(precision, scale)
    fraction = rf"(\.\d{{0,{scale}}}0*)?" if scale else r"(\.0*)?"
    shape = rf"^-?0*\d{{0,{precision - scale}}}{fraction}$"
    excess = rf"(\.\d{{{scale}}})0+$" if scale else r"(\b)\.0*$"

    def restore(values: pa.Array) -> pa.Array:
        longest = pc.max(pc.binary_length(values)).as_py() or 0
        if longest > MAX_DECIMAL_DIGITS - scale:
            values = pc.replace_substring_regex(_shaped(values, shape), excess, r"\1")
        return _cast(values, kind)

    return restore


def dates(values: pa.Array) -> pa.Array:
    """Dates of the years 1 to 9999, from dates or ISO text."""
    if pa.types.is_string(values.type):
        values = _shaped(values, _DATE)
    days = _cast(values, pa.date32())
    _within(days.cast(pa.int32()), _FIRST_DAY, _LAST_DAY)
    return days


def timestamps(zone: str | None) -> Restore:
    """Timestamps of the years 1 to 9999, from timestamps or ISO text (of that zone)."""

    def restore(values: pa.Array) -> pa.Array:
        if pa.types.is_string(values.type):
            if zone is not None:
                values = pc.replace_substring_regex(values, r"\+00(:00)?$", "")
            values = _cast(_shaped(values, _TIMESTAMP), pa.timestamp("us"))
        ticks = values.cast(pa.int64())
        _within(ticks, _FIRST_DAY * _DAY_MICROSECONDS, (_LAST_DAY + 1) * _DAY_MICROSECONDS - 1)
        return ticks.cast(pa.timestamp("us", zone))

    return restore


def times(values: pa.Array) -> pa.Array:
    """Times of day, from times or text; 24:00:00 and elapsed times are misfits."""
    if pa.types.is_string(values.type):
        values = _shaped(values, _TIME)
        values = _cast(pc.binary_join_element_wise("1970-01-01", values, "T"), pa.timestamp("us"))
    return values.cast(pa.time64("us"))


def hexadecimal(values: pa.Array) -> pa.Array:
    """Bytes that travelled as ``\\x…`` text."""
    digits = pl.Series(pc.utf8_slice_codeunits(values, 2))
    return digits.str.decode("hex", strict=True).to_arrow().cast(pa.binary())


def lists(kind: pa.DataType, element: Restore) -> Restore:
    """One-dimensional arrays that travelled as JSON arrays of text; any other array travelled as its own text."""

    def restore(values: pa.Array) -> pa.Array:
        if pc.any(pc.match_substring_regex(values, r"^(\{|\[-?\d)")).as_py():
            raise Misfit
        rows = json.loads(f"[{','.join('null' if row is None else row for row in values.to_pylist())}]")
        texts = pa.array(rows, pa.list_(pa.string()))
        elements = element(texts.flatten())
        return pa.ListArray.from_arrays(texts.offsets, elements.cast(kind), mask=texts.is_null())

    return restore


def words(true: str, false: str) -> Restore:
    """Booleans that travelled as text."""

    def restore(values: pa.Array) -> pa.Array:
        is_true = pc.equal(values, true)
        if not pc.all(pc.or_(is_true, pc.equal(values, false)), min_count=0).as_py():
            raise Misfit
        return is_true

    return restore


def misfits_as_null(restore: Restore, pattern: str) -> Restore:
    """``restore`` with null for every text that is not like ``pattern`` or that it cannot take."""

    def lenient(values: pa.Array) -> pa.Array:
        candidates = pc.if_else(pc.match_substring_regex(values, pattern), values, None)
        try:
            return restore(candidates)
        except Misfit:
            return pa.concat_arrays([_one(restore, candidates.slice(place, 1)) for place in range(len(candidates))])

    return lenient


def _one(restore: Restore, value: pa.Array) -> pa.Array:
    try:
        return restore(value)
    except Misfit:
        return restore(pa.nulls(1, value.type))


def _shaped(values: pa.Array, pattern: str) -> pa.Array:
    if not pc.all(pc.match_substring_regex(values, pattern), min_count=0).as_py():
        raise Misfit
    return values


def _cast(values: pa.Array, kind: pa.DataType) -> pa.Array:
    try:
        return values.cast(kind)
    except pa.ArrowInvalid as error:
        raise Misfit from error


def _within(values: pa.Array, low: int, high: int) -> None:
    bounds = pc.min_max(values).as_py()
    if bounds["min"] is not None and not low <= bounds["min"] <= bounds["max"] <= high:
        raise Misfit
