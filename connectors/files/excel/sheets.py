"""The sheets of a workbook that hold a table: each can then be opened by its index."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from connectors.files.excel.biff import plain_xls
from connectors.files.excel.book import open_workbook
from connectors.files.excel.inflate import count_parts, pieces
from connectors.files.excel.kind import named_workbook
from connectors.files.excel.ods import filled_sheets
from connectors.files.excel.parts import read_index
from connectors.files.excel.scan import OVERLAP, PREFIX
from connectors.files.excel.xlsb import scan_xlsb
from connectors.source import Context

_VALUE = re.compile(rf"<{PREFIX}(?:v|is)[\s>]".encode())


def sheets_with_cells(path: Path, context: Context) -> list[tuple[int, str]]:
    """The index, as in ``sheet_index``, and the name of each sheet with cells; charts and blank sheets have none.

    Raises:
        UnreadableFile: not a workbook, corrupt, or encrypted.
        TooLarge: a bomb.
    """
    with named_workbook(path, context) as (named, kind):
        if kind != "xls":
            count_parts(named, context.max_bytes)
        if kind == "ods":
            return filled_sheets(named)
        if kind == "xlsx":
            return [*_of_xlsx(named)]
        return [*(_of_xlsb(named) if kind == "xlsb" else _of_xls(named))]


def _of_xls(path: Path) -> Iterator[tuple[int, str]]:
    path, found = plain_xls(path)
    with open_workbook(path) as book:
        names = book.sheet_names
    for index, name in enumerate(names):
        if index >= len(found.sheets) or found.sheets[index].cells:
            yield index, name


def _of_xlsb(path: Path) -> Iterator[tuple[int, str]]:
    found = scan_xlsb(path)
    for index, (name, findings) in enumerate(zip(found.names, found.sheets, strict=True)):
        if findings is not None and findings.cells:
            yield index, name


def _of_xlsx(path: Path) -> Iterator[tuple[int, str]]:
    with zipfile.ZipFile(path) as archive:
        for index, sheet in enumerate(read_index(path).sheets):
            if sheet.part is not None and _holds_values(pieces(archive, sheet.part)):
                yield index, sheet.name


def _holds_values(data: Iterator[bytes]) -> bool:
    tail = b""
    for piece in data:
        if _VALUE.search(tail + piece):
            return True
        tail = (tail + piece[-OVERLAP:])[-OVERLAP:]
    return False
