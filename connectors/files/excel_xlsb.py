"""A look through the records of a binary workbook (xlsb): how large it becomes, and what calamine passes over."""

from __future__ import annotations

import zipfile
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from connectors.files.excel_scan import Findings, pieces, refuse_sparse

_ROW, _FIRST_CELL, _LAST_CELL = 0, 2, 11  # record types: a row's header, and the kinds of cells with a value
_CELL_ERROR, _FORMULA_ERROR = 3, 11
_LONGEST_HEADER = 6
_WHOLE_RECORD = 4  # bytes of a record's body that matter here


@dataclass(slots=True)
class XlsbFindings:
    """What the sheets hold.

    Attributes:
        rectangle: how many cells calamine makes of the largest sheet.
        formula_errors: by part, the places of the records of formulas that came to an error.
    """

    rectangle: int = 1
    formula_errors: dict[str, array[int]] = field(default_factory=dict)


def scan_xlsb(path: Path) -> XlsbFindings:
    """Look through every sheet.

    Raises:
        UnreadableFile: stray cells far away.
        TooLarge: too many cells.
    """
    result = XlsbFindings()
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.lower().startswith("xl/worksheets/") and name.lower().endswith(".bin"):
                found, errors = _scan(pieces(archive, name))
                refuse_sparse(found, found.rectangle)
                result.rectangle = max(result.rectangle, found.rectangle)
                if errors:
                    result.formula_errors[name] = errors
    return result


def write_with_plain_errors(path: Path, formula_errors: dict[str, array[int]], target: Path) -> None:
    """Copy the workbook, formulas that came to an error as plain error cells: calamine passes over the former.

    The two kinds of records begin alike, so that only the kind has to be changed.
    """
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as copy:
        for name in dict.fromkeys(archive.namelist()):
            with copy.open(name, "w", force_zip64=True) as part:
                for piece in _changed(pieces(archive, name), formula_errors.get(name, array("Q"))):
                    part.write(piece)


def _changed(data: Iterator[bytes], places: array[int]) -> Iterator[bytes]:
    start, following = 0, 0
    for piece in data:
        changed = bytearray(piece)
        while following < len(places) and places[following] < start + len(piece):
            changed[places[following] - start] = _CELL_ERROR
            following += 1
        yield bytes(changed)
        start += len(piece)


def _scan(data: Iterator[bytes]) -> tuple[Findings, array[int]]:
    found, row, errors = Findings(), 0, array("Q")
    for kind, place, body in _records(data):
        if kind == _ROW:
            row = int.from_bytes(body, "little")
        elif _FIRST_CELL <= kind <= _LAST_CELL:
            found.cells += 1
            found.last_row = max(found.last_row, row)
            found.last_column = max(found.last_column, int.from_bytes(body, "little"))
        if kind == _FORMULA_ERROR:
            errors.append(place)
    return found, errors


def _records(data: Iterator[bytes]) -> Iterator[tuple[int, int, bytes]]:
    """(type, place in the part, first bytes) of each record, of which only those of rows and cells matter."""
    buffer, at, passed = b"", 0, 0
    for piece in data:
        passed += min(at, len(buffer))
        buffer, at = buffer[at:] + piece, max(at - len(buffer), 0)
        while at + _LONGEST_HEADER <= len(buffer):
            kind, length, body = _header(buffer, at)
            if body + _WHOLE_RECORD > len(buffer) and length >= _WHOLE_RECORD:
                break
            yield kind, passed + at, buffer[body : body + _WHOLE_RECORD]
            at = body + length


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
