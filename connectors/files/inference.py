"""What a column of text is: kinds in order of preference, each of which takes a column only if nothing is lost.

A kind is proven for every batch: ``convert`` gives the values, or None where one value would not be given back by its
type. Which kinds are left after all rows is the column's type; a sample only says where to start.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from connectors.files.casts import read_times
from connectors.files.dates import Layout, from_layout
from connectors.files.numbers import float_text_is_exact, is_written_plainly, keeps_zeros, measure_digits

_NO_DATE_BEFORE = -719_162  # days from 1970-01-01 to 0001-01-01, the first day most readers know
_INT64_DIGITS = 18


class Kind(Protocol):
    """What the values of a column may be.

    Attributes:
        name: for people: ``integer``, ``date``.
        type: the Arrow type they get.
        issue: what to warn of when a column is of this kind, or None.
    """

    @property
    def name(self) -> str: ...
    @property
    def type(self) -> pa.DataType: ...
    @property
    def issue(self) -> str | None: ...

    def could_be(self, value: str) -> bool:
        """A cheap look at one value: False only if ``convert`` would be None for it."""
        ...

    def convert(self, text: pa.Array) -> pa.Array | None:
        """The texts as values, or None if one of them is not exactly such a value. Null stays null."""
        ...

    def fitted(self, text: pa.Array) -> Kind | None:
        """This kind, wide enough for these texts as well, or None if it cannot be."""
        ...


class _Fixed:
    """A kind that has nothing to adapt to its values."""

    issue: str | None = None

    def could_be(self, value: str) -> bool:
        return True

    def convert(self, text: pa.Array) -> pa.Array | None:
        raise NotImplementedError

    def fitted(self, text: pa.Array) -> Kind | None:
        return self if self.convert(text) is not None else None  # type: ignore[return-value]


@dataclass(frozen=True)
class Nothing(_Fixed):
    """No value at all."""

    name: str = "nothing"
    type: pa.DataType = pa.string()

    def convert(self, text: pa.Array) -> pa.Array | None:
        return text if text.null_count == len(text) else None


@dataclass(frozen=True)
class Boolean(_Fixed):
    """``true`` and ``false`` in any case."""

    name: str = "boolean"
    type: pa.DataType = pa.bool_()

    def convert(self, text: pa.Array) -> pa.Array | None:
        return _strictly(text, self.type) if _shortest(text) >= 4 else None


@dataclass(frozen=True)
class Integer(_Fixed):
    """Whole numbers that Int64 gives back digit by digit: no leading zeros, no plus."""

    name: str = "integer"
    type: pa.DataType = pa.int64()

    def convert(self, text: pa.Array) -> pa.Array | None:
        values = _strictly(text, self.type)
        if values is None or not _all_equal(values.cast(pa.string()), text):
            return None
        return values


@dataclass(frozen=True)
class Float(_Fixed):
    """Numbers that a double gives back; ``plain`` ones also have no zeros at the end that a double would drop."""

    plain: bool = True
    name: str = "float"
    type: pa.DataType = pa.float64()

    def convert(self, text: pa.Array) -> pa.Array | None:
        values = _strictly(text, self.type)
        if values is None or (self.plain and keeps_zeros(text)) or not float_text_is_exact(text, values):
            return None
        return values


@dataclass(frozen=True)
class Decimals:
    """Numbers of at most 38 digits with a point, as written: ``digits`` before it and ``scale`` after it."""

    digits: int = 0
    scale: int = 0
    name: str = "decimal"
    issue: str | None = None

    @property
    def type(self) -> pa.DataType:
        return pa.decimal128(_INT64_DIGITS if self.digits + self.scale <= _INT64_DIGITS else 38, self.scale)

    def could_be(self, value: str) -> bool:
        return re.match(r"-?\d", value) is not None

    def convert(self, text: pa.Array) -> pa.Array | None:
        values = _strictly(text, self.type)
        if values is None:
            return None
        other = text.filter(pc.not_equal(values.cast(pa.string()), text))
        return values if is_written_plainly(other) else None

    def fitted(self, text: pa.Array) -> Kind | None:
        if not is_written_plainly(text):
            return None
        digits, scale = measure_digits(text)
        digits, scale = max(digits, self.digits), max(scale, self.scale)
        return Decimals(digits, scale) if digits + scale <= 38 else None


@dataclass(frozen=True)
class Date(_Fixed):
    """``YYYY-MM-DD``."""

    name: str = "date"
    type: pa.DataType = pa.date32()

    def could_be(self, value: str) -> bool:
        return value[4:5] == "-"

    def convert(self, text: pa.Array) -> pa.Array | None:
        values = _strictly(text, self.type)
        if values is None or len(values) == values.null_count:
            return values
        first = pc.min(values.view(pa.int32())).as_py()
        return values if first >= _NO_DATE_BEFORE else None


@dataclass(frozen=True)
class Timestamp(_Fixed):
    """``YYYY-MM-DD`` and ``HH:MM[:SS[.f]]`` with ``T`` or a space between; with an offset it becomes UTC."""

    unit: str = "us"
    zoned: bool = False

    @property
    def name(self) -> str:
        return "timestamp with offset" if self.zoned else "timestamp"

    @property
    def type(self) -> pa.DataType:
        return pa.timestamp(self.unit, tz="UTC" if self.zoned else None)

    def could_be(self, value: str) -> bool:
        return value[4:5] == "-"

    def convert(self, text: pa.Array) -> pa.Array | None:
        return _strictly(text, self.type) if _shortest(text) >= 16 and not _year_zero(text) else None


@dataclass(frozen=True)
class Time(_Fixed):
    """``HH:MM[:SS[.ffffff]]``, a time of day."""

    name: str = "time"
    type: pa.DataType = pa.time64("us")

    def could_be(self, value: str) -> bool:
        return value[2:3] == ":"

    def convert(self, text: pa.Array) -> pa.Array | None:
        try:
            return read_times(text) if _shortest(text) >= 5 and _longest(text) <= 15 else None
        except pa.ArrowInvalid:
            return None


@dataclass(frozen=True)
class Arranged(_Fixed):
    """Dates or timestamps whose parts stand in another order than ISO's."""

    layout: Layout
    name: str

    @property
    def type(self) -> pa.DataType:
        return self.layout.type

    def could_be(self, value: str) -> bool:
        return re.match(self.layout.pattern, value) is not None

    def convert(self, text: pa.Array) -> pa.Array | None:
        try:
            return from_layout(text, self.layout) if not _year_zero(text) else None
        except pa.ArrowInvalid:
            return None


@dataclass(frozen=True)
class AmbiguousDate(_Fixed):
    """Dates that could all be day first and could all be month first: they stay text."""

    day_first: Arranged
    month_first: Arranged
    name: str = "ambiguous date"
    type: pa.DataType = pa.string()
    issue: str | None = "ambiguous_dates"

    def could_be(self, value: str) -> bool:
        return self.day_first.could_be(value)

    def convert(self, text: pa.Array) -> pa.Array | None:
        both = self.day_first.convert(text) is not None and self.month_first.convert(text) is not None
        return text if both else None


@dataclass(frozen=True)
class Patterned(_Fixed):
    """Numbers of one surprising look; they stay text. ``telling`` finds those that are surprising."""

    name: str
    pattern: str
    telling: str
    issue: str | None
    type: pa.DataType = pa.string()

    def could_be(self, value: str) -> bool:
        return re.match(self.pattern, value) is not None

    def convert(self, text: pa.Array) -> pa.Array | None:
        return text if pc.all(pc.match_substring_regex(text, self.pattern)).as_py() is not False else None


@dataclass(frozen=True)
class Mixed(_Fixed):
    """Text among values: ``pattern`` is how the values look."""

    values: str
    pattern: str
    name: str = "mixed"
    type: pa.DataType = pa.string()
    issue: str | None = "type_inconsistency"

    def convert(self, text: pa.Array) -> pa.Array | None:
        return text


@dataclass(frozen=True)
class Text(_Fixed):
    """Anything."""

    name: str = "text"
    type: pa.DataType = pa.string()

    def convert(self, text: pa.Array) -> pa.Array | None:
        return text


def _orders() -> list[Kind]:
    year, month, day = r"(?P<year>\d{4})", r"(?P<month>\d{1,2})", r"(?P<day>\d{1,2})"
    kinds: list[Kind] = []
    clock = ["hour", "minute", "second"]
    for parts in range(0, 4):
        if parts == 1:
            continue
        time = "[ T]" + ":".join(rf"(?P<{part}>\d{{1,2}})" for part in clock[:parts]) if parts else ""
        groups = frozenset({"year", "month", "day", *clock[:parts]})
        for separator in ("/", r"\.", "-"):

            def arranged(
                name: str, *order: str, joint: str = separator, end: str = time, of: frozenset[str] = groups
            ) -> Arranged:
                return Arranged(Layout(f"^{joint.join(order)}{end}$", of), f"{name} date")

            first, second = arranged("day-first", day, month, year), arranged("month-first", month, day, year)
            kinds += [arranged("year-first", year, month, day), AmbiguousDate(first, second), first, second]
    return kinds


LADDER: tuple[Kind, ...] = (
    Nothing(),
    Boolean(),
    Integer(),
    Float(),
    Decimals(),
    Float(plain=False),
    Date(),
    Timestamp(),
    Timestamp("ns"),
    Timestamp(zoned=True),
    Timestamp("ns", zoned=True),
    Time(),
    *_orders(),
    Patterned("number of more digits than a type holds", r"^-?(0|[1-9]\d*)(\.\d+)?$", "over_long_numbers", r"\d{16}"),
    Patterned(
        "number that no double holds",
        r"^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$",
        "over_long_numbers",
        r"[eE]|\d{16}",
    ),
    Patterned("number with leading zeros", r"^-?\d+(\.\d+)?$", r"^-?0\d", "leading_zeros"),
    Patterned("number with a plus", r"^[+-]?\d+(\.\d+)?$", r"^\+", "plus_signs"),
    Patterned(
        "number with separators",
        "^[+-]?\\d{1,3}([., '\u00a0\u202f]\\d{3})*([.,]\\d+)?$",
        "thousands_separators",
        r"[^\d.+-]|\..*\.",
    ),
    Patterned("number with a decimal comma", r"^[+-]?\d+(,\d+)?$", ",", "decimal_commas"),
    Text(),
)
TEXT = Text()
_NUMBERS = r"^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$"
_DATES = r"^\d{4}-\d{2}-\d{2}([T ][\d:.+Z-]+)?$"


def choose(text: pa.Array) -> Kind:
    """The first kind of the ladder that takes all these texts."""
    kind = next(kind for candidate in LADDER if (kind := _fitted(candidate, text)) is not None)
    return text_or_mixed(text) if isinstance(kind, Text) else kind


def text_or_mixed(text: pa.Array) -> Kind:
    """``Text``, or ``Mixed`` when half of these texts look like numbers or like dates."""
    for values, pattern in (("numbers", _NUMBERS), ("dates", _DATES)):
        if (pc.mean(pc.match_substring_regex(text, pattern)).as_py() or 0) >= 0.5:
            return Mixed(values, pattern)
    return TEXT


def surprising(kind: Kind, text: pa.Array) -> pa.Array | None:
    """Which of the texts a warning of the kind's issue is about; None if there is nothing to warn of."""
    if isinstance(kind, Patterned):
        return pc.match_substring_regex(text, kind.telling)
    if isinstance(kind, Mixed):
        return pc.invert(pc.match_substring_regex(text, kind.pattern))
    return pc.is_valid(text) if kind.issue else None


def narrow(candidates: Sequence[Kind], text: pa.Array) -> tuple[Kind, ...]:
    """The candidates that take these texts as well, in the same order; ``Text`` always does."""
    return tuple(kind for candidate in candidates if (kind := _fitted(candidate, text)) is not None)


def _fitted(kind: Kind, text: pa.Array) -> Kind | None:
    values = text.slice(0, 8).drop_null()
    if len(values) and not (kind.could_be(values[0].as_py()) and kind.fitted(values) is not None):
        return None
    return kind.fitted(text)


def _strictly(text: pa.Array, kind: pa.DataType) -> pa.Array | None:
    try:
        return text.cast(kind)
    except pa.ArrowInvalid:
        return None


def _all_equal(left: pa.Array, right: pa.Array) -> bool:
    return pc.all(pc.equal(left, right)).as_py() is not False


def _shortest(text: pa.Array) -> int:
    length = pc.min(pc.binary_length(text)).as_py()
    return 1 << 31 if length is None else int(length)


def _longest(text: pa.Array) -> int:
    return int(pc.max(pc.binary_length(text)).as_py() or 0)


def _year_zero(text: pa.Array) -> bool:
    return bool(pc.any(pc.match_substring(text, "0000")).as_py()) and bool(
        pc.any(pc.match_substring_regex(text, r"^0000|[/.-]0000([ T]|$)")).as_py()
    )
