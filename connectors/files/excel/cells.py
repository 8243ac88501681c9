"""What a spreadsheet's cell holds, from the exact description that calamine gives of a cell it could not coerce."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta
from typing import Any

_DESCRIPTION = re.compile(r"Expected \w+ but got '(\w+)(?:\((.*)\))?'?$", re.DOTALL)  # no quote after booleans
_SERIAL = re.compile(r"value: (\S+), datetime_type: (\w+), is_1904: (\w+)")
_ISO_DURATION = re.compile(r"(-?)P(?:(\d+)D)?T?(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?")
_ISO_DATETIME = re.compile(r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:[.]\d{1,6}0*)?)?)?")
_ESCAPE = re.compile(r"\\(?:u\{([0-9a-f]+)\}|(.))", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "0": "\0"}
_ERRORS = {
    "Div0": "#DIV/0!",
    "NA": "#N/A",
    "Name": "#NAME?",
    "Null": "#NULL!",
    "Num": "#NUM!",
    "Ref": "#REF!",
    "Value": "#VALUE!",
    "GettingData": "#GETTING_DATA",
}
READ_ERRORS = frozenset(_ERRORS.values()) - {"#GETTING_DATA"}  # as calamine reads them in XML
Exact = dict[tuple[int, int], Any]  # cells by (row, place), from 0, that calamine cannot tell as they are
LARGEST_EXACT = 2**53  # of whole numbers in a double
_LONG = re.compile(r"-?[0-9]{16,}")
_DAY = 86_400_000  # milliseconds, which is as fine as Excel counts
_MIDNIGHT = time()


class CellError(str):
    """An error in a cell, such as ``#DIV/0!``."""

    __slots__ = ()


def described(description: str) -> Any:
    """The value that a description like ``Expected int but got 'Float(1.5)'`` speaks of.

    Returns:
        float, int, bool, str, CellError, date, time, datetime or timedelta.
    """
    match = _DESCRIPTION.match(description)
    if match is None:
        raise ValueError(f"calamine describes a cell in an unknown way: {description[:80]}")
    kind, inside = match[1], match[2] or ""
    if kind in {"Float", "Int"}:
        return float(inside) if kind == "Float" else int(inside)
    if kind == "Bool":
        return inside == "true"
    if kind == "Error":
        return CellError(_ERRORS.get(inside, f"#{inside.upper()}"))
    if kind == "DateTime":
        return _from_serial(inside)
    text = _unescaped(inside[1:-1])
    if kind == "DurationIso":
        return iso_duration(text)
    return iso_datetime(text) if kind == "DateTimeIso" else text


def text_of(value: Any) -> str | None:
    """A cell's value as text: 1 and not 1.0, ISO dates, durations as hours, minutes and seconds."""
    if value is None or isinstance(value, str):
        return None if value is None else str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e16 else repr(value)
    if isinstance(value, datetime):
        return str(value.date()) if value.time() == _MIDNIGHT else str(value)
    return _duration_text(value) if isinstance(value, timedelta) else str(value)


def address(row: int, column: int) -> str:
    """``A1`` for row 0, column 0."""
    letters, column = "", column + 1
    while column:
        column, letter = divmod(column - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return f"{letters}{row + 1}"


def place_of(reference: str) -> int:
    """The column, from 0, of a reference like ``A1``, or of its letters."""
    number = 0
    for letter in reference.strip("$0123456789").upper():
        number = number * 26 + ord(letter) - 64
    return number - 1


def row_of(reference: str) -> int:
    """The row, from 0, of a reference like ``A1``."""
    return int(reference.lstrip("$ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")) - 1


def long_integer(text: str) -> int | None:
    """A whole number beyond all that a double holds exactly; None: it is none."""
    return int(text) if _LONG.fullmatch(text) and abs(int(text)) > LARGEST_EXACT else None


def _from_serial(inside: str) -> Any:
    found = _SERIAL.search(inside)
    if found is None:
        raise ValueError(f"calamine describes a date in an unknown way: {inside[:80]}")
    serial = float(found[1])
    try:
        since = timedelta(milliseconds=round(serial * _DAY))
        if found[2] == "TimeDelta":
            return since
        if timedelta(0) <= since < timedelta(1):
            return (datetime.min + since).time()
        return _epoch(serial, found[3] == "true") + since
    except (OverflowError, ValueError):
        return serial


def _epoch(serial: float, is_1904: bool) -> datetime:
    """From when a date counts.

    Raises:
        ValueError: it is Excel's 29th of February 1900, a day that never was.
    """
    if is_1904:
        return datetime(1904, 1, 1)
    if 60 <= serial < 61:
        raise ValueError("no such day")
    # Excel has no dates below zero, and other programs, which write them, know of no such day.
    return datetime(1899, 12, 31) if 0 <= serial < 60 else datetime(1899, 12, 30)


def iso_duration(text: str) -> timedelta | str:
    """A duration like ``PT30H05M00S``; what is none, or too long for one, comes back as it is."""
    match = _ISO_DURATION.fullmatch(text)
    if match is None:
        return text
    sign, days, hours, minutes, seconds = match.groups()
    try:
        found = timedelta(int(days or 0), hours=int(hours or 0), minutes=int(minutes or 0), seconds=float(seconds or 0))
    except (OverflowError, ValueError):
        return text
    return -found if sign else found


def iso_datetime(text: str) -> datetime | str:
    """A date or a moment in ISO form; what is none, or finer than microseconds, comes back as it is."""
    try:
        return datetime.fromisoformat(text) if _ISO_DATETIME.fullmatch(text) else text
    except ValueError:
        return text


def _unescaped(text: str) -> str:
    def character(match: re.Match[str]) -> str:
        return chr(int(match[1], 16)) if match[1] else _ESCAPED.get(match[2], match[2])

    return _ESCAPE.sub(character, text) if "\\" in text else text


def _duration_text(value: timedelta) -> str:
    sign, value = ("-", -value) if value < timedelta(0) else ("", value)
    seconds, fraction = divmod(value, timedelta(seconds=1))
    rest = f".{fraction.microseconds:06d}".rstrip("0") if fraction else ""
    return f"{sign}{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{rest}"
