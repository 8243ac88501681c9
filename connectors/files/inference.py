"""Which kind a column is: the first in order of preference that takes all its values, not only a sample's."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from connectors.files.dates import Layout, layout_of
from connectors.files.kinds import (
    AmbiguousDate,
    Arranged,
    Boolean,
    Date,
    Decimals,
    Float,
    Integer,
    Kind,
    Mixed,
    Nothing,
    Patterned,
    Text,
    Time,
    Timestamp,
    WithComma,
    longest,
)

_LONGEST_VALUE = 100  # characters; anything longer is text


def _orders() -> list[Kind]:
    year, month, day = r"(?P<year>\d{4})", r"(?P<month>\d{1,2})", r"(?P<day>\d{1,2})"
    kinds: list[Kind] = []
    clock = ["hour", "minute", "second"]
    for parts in range(4):
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


_NUMBERS_LADDER: tuple[Kind, ...] = (Float(), Decimals(), Float(plain=False))
_DATES_LADDER: tuple[Kind, ...] = (
    Date(),
    Timestamp(),
    Timestamp("ns"),
    Timestamp(zoned=True),
    Timestamp("ns", zoned=True),
    Time(),
    *_orders(),
)
_TEXTS_LADDER: tuple[Kind, ...] = (
    Patterned("number of more digits than a type holds", r"^-?(0|[1-9]\d*)(\.\d+)?$", r"\d{16}", "over_long_numbers"),
    Patterned(
        "number that no double holds",
        r"^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$",
        r"[eE]|\d{16}",
        "over_long_numbers",
    ),
    Patterned("number with leading zeros", r"^-?\d+(\.\d+)?$", r"^-?0\d", "leading_zeros"),
    Patterned("number with a plus", r"^[+-]?\d+(\.\d+)?$", r"^\+", "plus_signs"),
    Patterned(
        "number with separators",
        "^[+-]?\\d{1,3}([., '\u00a0\u202f]\\d{3})*([.,]\\d+)?$",
        r"[^\d.+-]|\..*\.",
        "thousands_separators",
    ),
    Patterned("number with a decimal comma", r"^[+-]?\d+(,\d+)?$", ",", "decimal_commas"),
    Text(),
)
TEXT = Text()
_NUMBERS = r"^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$"
_DATES = r"^\d{4}-\d{2}-\d{2}([T ][\d:.+Z-]+)?$"


def ladder(*, decimal_comma: bool, date_format: str | None) -> tuple[Kind, ...]:
    """The kinds in order of preference, with what the caller says of decimals and dates.

    Raises:
        InvalidRequest: a ``date_format`` that cannot be understood.
    """
    asked = (Arranged(layout_of(date_format), f"date as {date_format}"),) if date_format else ()
    numbers = tuple(map(WithComma, _NUMBERS_LADDER)) if decimal_comma else _NUMBERS_LADDER
    return (Nothing(), Boolean(), *asked, Integer(), *numbers, *_DATES_LADDER, *_TEXTS_LADDER)


def choose(kinds: Sequence[Kind], text: pa.Array) -> Kind:
    """The first of the kinds that takes all these texts; the last one always does."""
    if longest(text) > _LONGEST_VALUE:
        return kinds[-1]
    kind = next(kind for candidate in kinds if (kind := _fitted(candidate, text)) is not None)
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
    """The candidates that take these texts as well, in the same order; the last one always does."""
    if longest(text) > _LONGEST_VALUE:
        return (candidates[-1],)
    return tuple(kind for candidate in candidates if (kind := _fitted(candidate, text)) is not None)


def _fitted(kind: Kind, text: pa.Array) -> Kind | None:
    values = text.slice(0, 8).drop_null()
    if len(values) and not (kind.could_be(values[0].as_py()) and kind.fitted(values) is not None):
        return None
    return kind.fitted(text)
