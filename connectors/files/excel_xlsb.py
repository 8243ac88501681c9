"""How large the sheets of a binary workbook (xlsb) become: the furthest cells among their records."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

from connectors.files.excel_scan import Findings, pieces, refuse_sparse

_ROW, _FIRST_CELL, _LAST_CELL = 0, 2, 11  # record types: a row's header, and the kinds of cells with a value
_LONGEST_HEADER = 6


def scan_xlsb(path: Path) -> Findings:
    """The largest sheet; each is looked through.

    Raises:
        UnreadableFile: stray cells far away.
        TooLarge: too many cells.
    """
    largest = Findings()
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.lower().startswith("xl/worksheets/") and name.lower().endswith(".bin"):
                found = _scan(pieces(archive, name))
                refuse_sparse(found, found.rectangle)
                largest = max(largest, found, key=lambda one: one.rectangle)
    return largest


def _scan(data: Iterator[bytes]) -> Findings:
    found, row = Findings(), 0
    for kind, body in _records(data):
        if kind == _ROW:
            row = int.from_bytes(body[:4], "little")
        elif _FIRST_CELL <= kind <= _LAST_CELL:
            found.cells += 1
            found.last_row = max(found.last_row, row)
            found.last_column = max(found.last_column, int.from_bytes(body[:4], "little"))
    return found


def _records(data: Iterator[bytes]) -> Iterator[tuple[int, bytes]]:
    """(type, first bytes) of each record, of which only those of rows and cells matter."""
    buffer, at = b"", 0
    for piece in data:
        buffer, at = buffer[at:] + piece, max(at - len(buffer), 0)
        while at + _LONGEST_HEADER <= len(buffer):
            kind, length, body = _header(buffer, at)
            if body + 4 > len(buffer) and length >= 4:
                break
            yield kind, buffer[body : body + 4]
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
