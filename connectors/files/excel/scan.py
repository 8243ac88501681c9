"""A look through an xlsx sheet for what few have, and calamine hides: merged areas, hidden rows, lacking results."""

from __future__ import annotations

import re
import struct
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from connectors.files.excel.cells import READ_ERRORS, Exact, long_integer, place_of, row_of
from connectors.files.excel.inflate import pieces

OVERLAP = 4096  # of one piece with the next, so that no element is cut in two
PREFIX = r"(?:[^<>\s/\"']*:)?"
_BLANK = rf"(?:<{PREFIX}v ?/>|<{PREFIX}v></{PREFIX}v>)?</{PREFIX}c>"
_NO_CACHED_VALUE = rf"(?:</{PREFIX}f>|<{PREFIX}f(?: [^<>]*)?/>){_BLANK}"
_FORMULA = rf"<{PREFIX}f(?:\s[^<>]*)?(?:/>|>[^<]*</{PREFIX}f>)"
_BOOLEAN_WORD = rf"t=[\"']b[\"'][^<>]*>(?:{_FORMULA})?<{PREFIX}v>[^01<]"
_SPACED_VALUE = rf"<{PREFIX}v>\s"
_EXTENDED_CELL = rf"extLst>\s*</{PREFIX}c>"
_LONG_NUMBER = rf"<{PREFIX}v>\s*-?[0-9]{{16}}"
# Anything that is looked for below: most pieces of most sheets have nothing of it, and one pass shows that.
_ANY_RARITY = (
    rf"hidden=|mergeCell |dimension|<!|extLst>|t=[\"']e|[<:]f[ />]|{_SPACED_VALUE}|{_LONG_NUMBER}|{_BOOLEAN_WORD}"
)
_NUMBER_CELL = re.compile(rf"<{PREFIX}c(\s[^<>]*)?>(?:{_FORMULA})?<{PREFIX}v>\s*(-?[0-9]{{16,}})\s*<".encode())
# No cell has more attributes; looking for them without end takes minutes where nothing ends.
_ERROR_CELL = re.compile(rf"t=[\"']e[\"'][^<>]{{0,500}}>(?:{_FORMULA})?<{PREFIX}v>([^<]*)<".encode())
_ATTRIBUTE = re.compile(rb"\b([rt])=[\"']([^\"']*)[\"']")
_UNCACHED_CELL = re.compile(
    (
        rf"<{PREFIX}c\s(?:[^<>]*\s)?r=[\"']([A-Z]+[0-9]+)[\"'][^<>]*>"
        rf"<{PREFIX}f(?:\s[^<>]*)?(?:/>|>[^<]*</{PREFIX}f>){_BLANK}"
    ).encode()
)
_COLUMNS = re.compile(rf"<{PREFIX}col\s[^<>]*?\bhidden=[\"'](?:1|true)[\"'][^<>]*>".encode())
_RANGE = re.compile(rb"\b(min|max)=[\"']([0-9]{1,5})[\"']")
_DIMENSION = re.compile(
    rf"<{PREFIX}dimension\s+ref=[\"'][A-Za-z]{{1,3}}[1-9][0-9]*(?::[A-Za-z]+[1-9][0-9]*)?[\"']".encode()
)
_READ_ERRORS = {error.encode() for error in READ_ERRORS} | {b""}
_HIDDEN_ROW = re.compile(rf"<{PREFIX}row\s(?:[^<>]*\s)?hidden=[\"'](?:1|true)[\"']".encode())


@dataclass(slots=True)
class Findings:
    """What a sheet holds.

    Attributes:
        cells: whether there are any; known of binary workbooks only.
        merged, hidden_rows: how many.
        hidden_columns: the first and the last of each group that is hidden, from 0.
        is_odd: whether it has cells that calamine refuses or takes for others, and what it says of it is void.
        exact: cells that calamine does not give exactly.
        uncached_count, uncached: formulas without a stored result: how many, and the first addresses.
    """

    cells: bool = False
    merged: int = 0
    hidden_rows: int = 0
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)
    is_odd: bool = False
    exact: Exact = field(default_factory=dict)
    uncached_count: int = 0
    uncached: list[str] = field(default_factory=list)


def find_rarities(path: Path, name: str) -> Findings:
    """Look through a sheet."""
    found, tail = Findings(), b""
    with zipfile.ZipFile(path) as archive:
        for piece in pieces(archive, name):
            if matches(tail + piece[:OVERLAP], _ANY_RARITY) or matches(piece, _ANY_RARITY):
                _find_rarities(found, tail, tail + piece)
            tail = (tail + piece[-OVERLAP:])[-OVERLAP:]
    return found


def matches(data: bytes, pattern: str) -> bool:
    """Whether a regular expression is found, in a fraction of the time that ``re`` takes."""
    offsets = pa.py_buffer(struct.pack("<qq", 0, len(data)))
    array = pa.LargeBinaryArray.from_buffers(pa.large_binary(), 1, [None, offsets, pa.py_buffer(data)])
    return bool(pc.match_substring_regex(array, pattern)[0].as_py())


def _find_rarities(found: Findings, tail: bytes, data: bytes) -> None:
    """Look through a piece and the tail of those before, where things were found already."""
    if b"hidden=" in data:
        found.hidden_rows += len(_HIDDEN_ROW.findall(data)) - len(_HIDDEN_ROW.findall(tail))
        for columns in _COLUMNS.findall(data):
            ends = {end: int(number) - 1 for end, number in _RANGE.findall(columns)}
            found.hidden_columns.append((ends.get(b"min", 0), ends.get(b"max", 0)))
    if b"mergeCell " in data:
        found.merged += data.count(b"mergeCell ") - tail.count(b"mergeCell ")
    found.is_odd = found.is_odd or _holds_odd_cells(data)
    if matches(data, _LONG_NUMBER):
        _find_long_numbers(found, data)
    if matches(data, _NO_CACHED_VALUE):
        addresses = [match.decode() for match in _UNCACHED_CELL.findall(data)]
        found.uncached_count += len(addresses) - len(_UNCACHED_CELL.findall(tail))
        found.uncached = [*dict.fromkeys(found.uncached + addresses)][:5]


def _holds_odd_cells(data: bytes) -> bool:
    """What calamine refuses or misreads: see ``excel_plain_sheet``."""
    if b"dimension" in data and not _DIMENSION.search(data):
        return True
    if b"<!" in data or (b"extLst>" in data and matches(data, _EXTENDED_CELL)):
        return True
    errors = set(_ERROR_CELL.findall(data)) if b't="e"' in data or b"t='e'" in data else set()
    return bool(errors - _READ_ERRORS) or matches(data, _BOOLEAN_WORD) or matches(data, _SPACED_VALUE)


def _find_long_numbers(found: Findings, data: bytes) -> None:
    for attributes, text in _NUMBER_CELL.findall(data):
        named = {name: value.decode() for name, value in _ATTRIBUTE.findall(attributes)}
        number = long_integer(text.decode())
        if number is None or named.get(b"t", "n") != "n":
            continue
        if b"r" in named:
            found.exact[row_of(named[b"r"]), place_of(named[b"r"])] = number
        else:
            found.is_odd = True
