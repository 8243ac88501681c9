"""The records of a binary workbook (xlsb), and those of its cells as calamine reads them.

calamine passes over formulas that came to an error, over texts with formats inside, and over the short kind of cells,
which stand in the column after the one before; whole numbers in few bytes it never takes for dates.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

from connectors.files.excel.formats import ANY_NUMBER, plain_format

ROW = 0
_RK, _ERROR, _REAL, _TEXT, _FORMULA_ERROR, _RICH_TEXT = 2, 3, 5, 6, 11, 62
_LONG, _SHORT = range(1, 12), range(12, 19)  # cells that say where they are, and cells that do not
_SHORTER = 11  # a short kind's number is as much greater
BLANKS = frozenset({_LONG[0], _SHORT[0]})
CELLS = frozenset({*_LONG, *_SHORT, _RICH_TEXT})
_FORMAT, _STYLE, _STYLES_BEGIN, _STYLES_END = 44, 47, 617, 618
_FLAGS, _IS_WHOLE = 3, 2  # of a number in few bytes: whether it is whole, and not hundredths
_LONGEST_HEADER = 6
_WHOLE = 1 << 28  # bytes of a record, more than any has


@dataclass(slots=True)
class Styles:
    """The formats of cells: for each style one that calamine knows; and the numbers of those the file only names."""

    plain: list[int] = field(default_factory=list)
    unknown: set[int] = field(default_factory=set)


def split(data: Iterator[bytes], most: int) -> Iterator[tuple[int, bytes]]:
    """(type, body) of each record; bodies are cut at ``most`` bytes."""
    buffer, at = b"", 0
    for piece in chain(data, [bytes(_LONGEST_HEADER - 1)]):  # the last record may be shorter than the longest header
        buffer, at = buffer[at:] + piece, max(at - len(buffer), 0)
        while at + _LONGEST_HEADER <= len(buffer):
            kind, length, body = _header(buffer, at)
            if body + min(length, most) > len(buffer):
                break
            yield kind, buffer[body : body + min(length, most)]
            at = body + length


def text(data: bytes) -> str:
    """A text behind its length."""
    return data[4 : 4 + 2 * int.from_bytes(data[:4], "little")].decode("utf-16-le", "replace")


def styles_of(data: Iterator[bytes]) -> Styles:
    """The formats in the part of styles."""
    numbers, codes, is_inside = list[int](), dict[int, str](), False
    for kind, body in split(data, _WHOLE):
        if kind == _FORMAT:
            codes[int.from_bytes(body[:2], "little")] = text(body[2:])
        elif kind in {_STYLES_BEGIN, _STYLES_END}:
            is_inside = kind == _STYLES_BEGIN
        elif kind == _STYLE and is_inside:
            numbers.append(int.from_bytes(body[2:4], "little"))
    return Styles([plain_format(number, codes) for number in numbers], set(numbers) - set(codes))


def column_of(kind: int, body: bytes, before: int) -> int:
    """A cell's column, from 0; ``before``: that of the cell before it."""
    return before + 1 if kind in _SHORT else int.from_bytes(body[:4], "little")


def is_odd(kind: int, body: bytes, styles: Styles) -> bool:
    """Whether calamine would pass over a cell, or take a date for a number."""
    if kind == _RK and len(body) >= 12:
        return body[8] & _FLAGS == _IS_WHOLE and styles.plain[_style(body) :][:1] not in ([], [ANY_NUMBER])
    return kind in {_FORMULA_ERROR, _RICH_TEXT} or kind in _SHORT


def plain_styles(data: Iterator[bytes], styles: Styles) -> Iterator[bytes]:
    """The part of styles with formats that calamine knows."""
    plain, is_inside = iter(styles.plain), False
    for kind, body in split(data, _WHOLE):
        if kind in {_STYLES_BEGIN, _STYLES_END}:
            is_inside = kind == _STYLES_BEGIN
        is_style = kind == _STYLE and is_inside
        yield _record(kind, body[:2] + next(plain).to_bytes(2, "little") + body[4:] if is_style else body)


def plain_cells(data: Iterator[bytes], styles: Styles) -> Iterator[bytes]:
    """A sheet's part with every cell in a way that calamine reads."""
    column = -1
    for kind, body in split(data, _WHOLE):
        if kind == ROW:
            column = -1
        if kind not in CELLS:
            yield _record(kind, body)
            continue
        column = column_of(kind, body, column)
        if kind in _SHORT:
            kind, body = kind - _SHORTER, column.to_bytes(4, "little") + body  # noqa: PLW2901 - the same cell
        yield _record(*_plain_cell(kind, body, styles))


def _plain_cell(kind: int, body: bytes, styles: Styles) -> tuple[int, bytes]:
    if kind == _FORMULA_ERROR:
        return _ERROR, body  # they begin alike
    if kind == _RICH_TEXT:
        return _TEXT, body[:8] + body[9 : 13 + 2 * int.from_bytes(body[9:13], "little")]
    if kind == _RK and is_odd(kind, body, styles):
        return _REAL, body[:8] + struct.pack("<d", struct.unpack_from("<i", body, 8)[0] >> 2)
    return kind, body


def _style(body: bytes) -> int:
    return int.from_bytes(body[4:7], "little")


def _header(buffer: bytes, at: int) -> tuple[int, int, int]:
    """A record's type, its length, and where its body begins: both numbers have seven bits to the byte."""
    kind, at = buffer[at], at + 1
    if kind & 0x80:
        kind, at = (kind & 0x7F) | (buffer[at] & 0x7F) << 7, at + 1
    length = 0
    for place in range(4):
        byte, at = buffer[at], at + 1
        length |= (byte & 0x7F) << 7 * place
        if not byte & 0x80:
            break
    return kind, length, at


def _record(kind: int, body: bytes) -> bytes:
    numbers = bytearray([kind] if kind < 0x80 else [kind & 0x7F | 0x80, kind >> 7])
    length = len(body)
    while length >= 0x80:
        numbers.append(length & 0x7F | 0x80)
        length >>= 7
    numbers.append(length)
    return bytes(numbers) + body
