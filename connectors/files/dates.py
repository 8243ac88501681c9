"""Dates written in other orders than ISO's: a layout turns them into ISO text, which one strict cast reads."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from connectors.errors import InvalidRequest

_MONTH_NAMES = [
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
]
_MONTHS = [name[:3] for name in _MONTH_NAMES]
_DIRECTIVES = {
    "Y": r"(?P<year>\d{4})",
    "m": r"(?P<month>\d{1,2})",
    "d": r"(?P<day>\d{1,2})",
    "H": r"(?P<hour>\d{1,2})",
    "M": r"(?P<minute>\d{1,2})",
    "S": r"(?P<second>\d{1,2})",
    "f": r"(?P<fraction>\d{1,6})",
    "b": "(?P<name>(?i:" + "|".join(_MONTHS) + "))",
    "B": "(?P<name>(?i:" + "|".join(_MONTH_NAMES) + "))",
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
        """date32 without a time of day, else timestamp in microseconds, in UTC where the text has a zone."""
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
    if not {"year", "day"} <= groups or not groups & {"month", "name"}:
        raise InvalidRequest(
            f"date_format '{date_format}' has to hold a year (%Y), a month (%m, %b or %B) and a day (%d)."
        )
    return Layout(f"^{pattern}$", frozenset(groups))


def from_layout(text: pa.Array, layout: Layout) -> pa.Array:
    """The dates or timestamps that texts in a layout stand for; nulls stay null.

    Raises:
        pa.ArrowInvalid: a text has another layout, or is no date of the calendar.
    """
    parts = pc.extract_regex(text, pattern=layout.pattern)
    if parts.null_count != text.null_count:
        raise pa.ArrowInvalid("a text has another layout")
    return _iso(parts, layout).cast(layout.type)


def _iso(parts: pa.StructArray, layout: Layout) -> pa.Array:
    def part(name: str) -> pa.Array:
        return pc.struct_field(parts, name)

    def two_digits(name: str) -> pa.Array:
        return pc.utf8_lpad(part(name), 2, "0") if name in layout.groups else "00"

    month = two_digits("month") if "month" in layout.groups else _month_number(part("name"))
    iso = pc.binary_join_element_wise(part("year"), month, two_digits("day"), "-")
    if "hour" not in layout.groups:
        return iso
    clock = pc.binary_join_element_wise(two_digits("hour"), two_digits("minute"), two_digits("second"), ":")
    if "fraction" in layout.groups:
        clock = pc.binary_join_element_wise(clock, part("fraction"), ".")
    if "zone" in layout.groups:
        clock = pc.binary_join_element_wise(clock, part("zone"), "")
    return pc.binary_join_element_wise(iso, clock, "T")


def _month_number(names: pa.Array) -> pa.Array:
    short = pc.utf8_slice_codeunits(pc.utf8_lower(names), 0, 3)
    number = pc.add(pc.index_in(short, value_set=pa.array(_MONTHS)), 1)
    return pc.utf8_lpad(number.cast(pa.string()), 2, "0")
