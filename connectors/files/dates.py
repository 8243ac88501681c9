"""Dates written in other orders than ISO's: a layout turns them into ISO text, which one strict cast reads."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from connectors.errors import InvalidRequest

MONTH_NAMES = [
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
]
MONTHS = [name[:3] for name in MONTH_NAMES]
_DIRECTIVES = {
    "Y": r"(?P<year>\d{4})",
    "y": r"(?P<short_year>\d{2})",
    "m": r"(?P<month>\d{1,2})",
    "d": r"(?P<day>\d{1,2})",
    "H": r"(?P<hour>\d{1,2})",
    "I": r"(?P<hour>0?[1-9]|1[0-2])",
    "p": r"(?P<half>(?i:[ap]\.?m\.?))",
    "M": r"(?P<minute>\d{1,2})",
    "S": r"(?P<second>\d{1,2})",
    "f": r"(?P<fraction>\d{1,6})",
    "b": "(?P<name>(?i:" + "|".join(MONTHS) + "))",
    "B": "(?P<name>(?i:" + "|".join(MONTH_NAMES) + "))",
    "z": r"(?P<zone>Z|[+-]\d{2}:?\d{2})",
    "%": "%",
}
_SHORTHANDS = {"%F": "%Y-%m-%d", "%T": "%H:%M:%S", "%D": "%m/%d/%Y"}


@dataclass(frozen=True, slots=True)
class Layout:
    """How a date or timestamp is written: an RE2 pattern whose groups are named after its parts."""

    pattern: str
    groups: frozenset[str]

    @property
    def type(self) -> pa.DataType:
        """date32 without a time of day, time64 without a day, else timestamp in microseconds; in UTC with a zone."""
        if "day" not in self.groups:
            return pa.time64("us")
        if "hour" not in self.groups:
            return pa.date32()
        return pa.timestamp("us", tz="UTC" if "zone" in self.groups else None)


def layout_of(date_format: str) -> Layout:
    """The layout of a ``strptime`` format such as ``%d/%m/%Y %H:%M``.

    Raises:
        InvalidRequest: a directive it does not know, or no full date in it.
    """
    expanded = date_format
    for shorthand, meaning in _SHORTHANDS.items():
        expanded = expanded.replace(shorthand, meaning)
    pattern, groups = "", set[str]()
    for literal, directive in re.findall(r"([^%]+)|%(.?)", expanded):
        part = re.escape(literal) if literal else _DIRECTIVES.get(directive)
        if part is None:
            raise InvalidRequest(f"date_format '{date_format}' uses '%{directive}'. Use %{', %'.join(_DIRECTIVES)}.")
        names = set(re.findall(r"\?P<(\w+)>", part)) if directive else set()
        if names & groups:
            raise InvalidRequest(f"date_format '{date_format}' gives the {names.pop()} twice.")
        pattern, groups = pattern + part, groups | names
    if not groups & {"year", "short_year"} or "day" not in groups or not groups & {"month", "name"}:
        raise InvalidRequest(
            f"date_format '{date_format}' has to hold a year (%Y or %y), a month (%m, %b or %B) and a day (%d)."
        )
    return Layout(f"^{pattern}$", frozenset(groups))


def from_layout(text: pa.Array, layout: Layout) -> pa.Array:
    """The dates, timestamps or times that texts in a layout stand for; nulls stay null.

    Raises:
        pa.ArrowInvalid: a text has another layout, or is no date of the calendar.
    """
    parts = pc.extract_regex(text, pattern=layout.pattern)
    if parts.null_count != text.null_count:
        raise pa.ArrowInvalid("a text has another layout")
    if "day" not in layout.groups:
        moment = pc.binary_join_element_wise("1970-01-01", _clock(parts, layout), "T")
        return moment.cast(pa.timestamp("us")).cast(layout.type)
    if "hour" not in layout.groups:
        return _day(parts, layout).cast(layout.type)
    return pc.binary_join_element_wise(_day(parts, layout), _clock(parts, layout), "T").cast(layout.type)


def _two_digits(parts: pa.StructArray, layout: Layout, name: str) -> pa.Array:
    return pc.utf8_lpad(pc.struct_field(parts, name), 2, "0") if name in layout.groups else "00"


def _day(parts: pa.StructArray, layout: Layout) -> pa.Array:
    """The day as ISO text; a year of two digits is one from 1969 to 2068, as strptime has it."""
    if "year" in layout.groups:
        year = pc.struct_field(parts, "year")
    else:
        short = pc.struct_field(parts, "short_year")
        year = pc.binary_join_element_wise(pc.if_else(pc.greater_equal(short, "69"), "19", "20"), short, "")
    named = "name" in layout.groups
    month = _month_number(pc.struct_field(parts, "name")) if named else _two_digits(parts, layout, "month")
    return pc.binary_join_element_wise(year, month, _two_digits(parts, layout, "day"), "-")


def _clock(parts: pa.StructArray, layout: Layout) -> pa.Array:
    hour = _two_digits(parts, layout, "hour")
    if "half" in layout.groups:
        hour = _hour_of_day(hour, pc.struct_field(parts, "half"))
    minute, second = _two_digits(parts, layout, "minute"), _two_digits(parts, layout, "second")
    clock = pc.binary_join_element_wise(hour, minute, second, ":")
    if "fraction" in layout.groups:
        clock = pc.binary_join_element_wise(clock, pc.struct_field(parts, "fraction"), ".")
    if "zone" in layout.groups:
        clock = pc.binary_join_element_wise(clock, pc.struct_field(parts, "zone"), "")
    return clock


def _hour_of_day(hour: pa.Array, half: pa.Array) -> pa.Array:
    """Hours from 01 to 12 with AM or PM as hours from 00 to 23."""
    number = hour.cast(pa.int32())
    number = pc.if_else(pc.equal(number, 12), 0, number)
    afternoon = pc.starts_with(pc.ascii_lower(half), "p")
    return pc.utf8_lpad(pc.if_else(afternoon, pc.add(number, 12), number).cast(pa.string()), 2, "0")


def _month_number(names: pa.Array) -> pa.Array:
    short = pc.utf8_slice_codeunits(pc.utf8_lower(names), 0, 3)
    number = pc.add(pc.index_in(short, value_set=pa.array(MONTHS)), 1)
    return pc.utf8_lpad(number.cast(pa.string()), 2, "0")
