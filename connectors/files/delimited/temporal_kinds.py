"""The kinds of column that tell a time: dates, timestamps, times of day, in ISO's form and in others."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from connectors.files.casts import read_times
from connectors.files.dates import Layout, from_layout
from connectors.files.delimited.kinds import Fixed, longest, shortest, strictly

_STRING, _DATE, _TIME = pa.string(), pa.date32(), pa.time64("us")
_FIRST_DAY = -719_162  # days from 1970-01-01 to 0001-01-01, the first day most readers know
_TICKS_PER_DAY = {"us": 86_400_000_000, "ns": 86_400_000_000_000}


@dataclass(frozen=True)
class Date(Fixed):
    """``YYYY-MM-DD``."""

    name: str = "date"
    type: pa.DataType = _DATE
    has_parts: bool = True

    def could_be(self, value: str) -> bool:
        return value[4:5] == "-"

    def convert(self, text: pa.Array) -> pa.Array | None:
        return _known_to_readers(strictly(text, self.type))


@dataclass(frozen=True)
class Timestamp(Fixed):
    """``YYYY-MM-DD`` and ``HH:MM[:SS[.f]]`` with ``T`` or a space between; with an offset it becomes UTC."""

    unit: str = "us"
    zoned: bool = False
    has_parts: bool = True

    @property
    def name(self) -> str:
        return "timestamp with offset" if self.zoned else "timestamp"

    @property
    def type(self) -> pa.DataType:
        return pa.timestamp(self.unit, tz="UTC" if self.zoned else None)

    def could_be(self, value: str) -> bool:
        return value[4:5] == "-"

    def convert(self, text: pa.Array) -> pa.Array | None:
        return _known_to_readers(strictly(text, self.type)) if shortest(text) >= 16 else None


@dataclass(frozen=True)
class Time(Fixed):
    """``HH:MM[:SS[.ffffff]]``, a time of day; zeros may follow where nanoseconds would stand."""

    name: str = "time"
    type: pa.DataType = _TIME
    has_parts: bool = True

    def could_be(self, value: str) -> bool:
        return value[2:3] == ":"

    def convert(self, text: pa.Array) -> pa.Array | None:
        try:
            return read_times(text) if shortest(text) >= 5 and longest(text) <= 18 else None
        except pa.ArrowInvalid:
            return None


@dataclass(frozen=True)
class Arranged(Fixed):
    """Dates, timestamps or times whose parts stand in another order or form than ISO's."""

    layout: Layout
    name: str
    has_parts: bool = False

    @property
    def type(self) -> pa.DataType:
        return self.layout.type

    def could_be(self, value: str) -> bool:
        return re.match(self.layout.pattern, value) is not None

    def convert(self, text: pa.Array) -> pa.Array | None:
        try:
            return _known_to_readers(from_layout(text, self.layout))
        except pa.ArrowInvalid:
            return None


@dataclass(frozen=True)
class AmbiguousDate(Fixed):
    """Dates that could all be day first and could all be month first: they stay text."""

    day_first: Arranged
    month_first: Arranged
    name: str = "ambiguous date"
    type: pa.DataType = _STRING
    issue: str | None = "ambiguous_dates"
    has_parts: bool = True

    def could_be(self, value: str) -> bool:
        return self.day_first.could_be(value)

    def convert(self, text: pa.Array) -> pa.Array | None:
        both = self.day_first.convert(text) is not None and self.month_first.convert(text) is not None
        return text if both else None


def _known_to_readers(values: pa.Array | None) -> pa.Array | None:
    """The dates or timestamps, or None if one is before the year 1, which many readers refuse."""
    if values is None or len(values) == values.null_count:
        return values
    ticks = pc.min(values.view(pa.int32() if pa.types.is_date(values.type) else pa.int64())).as_py()
    per_day = 1 if pa.types.is_date(values.type) else _TICKS_PER_DAY[values.type.unit]
    return values if ticks >= _FIRST_DAY * per_day else None
