"""A look through the records of an xls workbook: how far its sheets reach, and what calamine does not tell apart."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from connectors.errors import UnreadableFile
from connectors.files.excel.book import encrypted
from connectors.files.excel.cfb import Stream, workbook_stream
from connectors.files.excel.extent import Extent
from connectors.files.excel.formats import ANY_NUMBER, plain_format
from connectors.files.excel.scan import Findings

_SHEET, _BEGIN, _END, _ROW, _MERGED, _PASSWORD = 0x85, 0x809, 0x0A, 0x208, 0xE5, 0x2F
_STYLE, _FORMAT, _CODEPAGE, _COLUMNS = 0xE0, 0x41E, 0x42, 0x7D
_DIMENSIONS, _DIMENSIONS_LENGTHS = 0x200, {10, 14}
_NAMES = {0x17, 0x18}  # what other sheets and areas are called in formulas
_FORMULA_LENGTH = 20  # where in a formula it says how long its text is
_FORMULA, _NUMBER, _LABEL, _RICH_LABEL = 0x06, 0x203, 0x204, 0xD6
# Formula, several numbers, number, label, boolean or error, text of a formula, rich text, short number, shared text.
_CELLS = {_FORMULA, 0xBD, _NUMBER, _LABEL, 0x205, 0x207, _RICH_LABEL, 0x27E, 0xFD}
_OLD_FORMULAS = {0x206, 0x406}  # what Excel 3 and 4 called formulas, and Numbers still does
_SEVERAL, _FORMULA_TEXT = 0xBD, 0x207
_IS_HIDDEN, _IS_HIDDEN_COLUMN = 0x20, 1
_IS_NO_NUMBER = b"\xff\xff"  # at the end of a formula's result
_UNKNOWN = 0x0FFF  # a kind of record that means nothing
_EXCEL_5 = 0x0500
_UNICODE = 1200
_OWN_CODEPAGES = {0x8000: 10000, 0x8001: 1252}  # Excel's numbers for those of the Macintosh and of Windows
_SEVERAL_BYTES = {932, 936, 949, 950, 1361}
_Record = tuple[int, int, int, bytes]  # kind, how deep in charts, where it begins, body


@dataclass(slots=True)
class XlsFindings:
    """What the sheets hold.

    Attributes:
        rectangle: how many cells calamine makes of the largest sheet.
        sheets: what each sheet holds, in the workbook's order.
        patches: bytes to change, by their places in the file, for calamine to read the workbook rightly.
    """

    rectangle: int = 1
    sheets: list[Findings] = field(default_factory=list)
    patches: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Globals:
    """What stands before the sheets: places are those in the stream."""

    version: int = 0
    codepage: tuple[int, int] = (0, _UNICODE)  # its place, and which
    sheets: list[int] = field(default_factory=list)
    names: list[int] = field(default_factory=list)
    styles: list[tuple[int, int]] = field(default_factory=list)  # the place and the number of each one's format
    formats: dict[int, str] = field(default_factory=dict)

    def plain_styles(self) -> list[int]:
        """For each style the number of a format that calamine knows."""
        return [plain_format(number, self.formats) for _, number in self.styles]


def plain_xls(path: Path) -> tuple[Path, XlsFindings]:
    """The workbook, or a copy beside it that calamine reads rightly; and what its sheets hold.

    Raises:
        UnreadableFile: the container is damaged, it needs a password, or stray cells stand far away.
        TooLarge: too many cells.
    """
    found = _scan(path)
    if not found.patches:
        return path, found
    data, copy = bytearray(path.read_bytes()), path.with_name("plain.xls")
    for place, byte in found.patches.items():
        data[place] = byte
    copy.write_bytes(data)
    return copy, found


def _scan(path: Path) -> XlsFindings:
    stream, result = workbook_stream(path), XlsFindings()
    found = _globals(stream.data)
    styles = found.plain_styles()
    for (at, number), plain in zip(found.styles, styles, strict=True):
        if plain != number:
            result.patches |= _patch(stream, at, plain)
    result.patches |= _codepage_patch(stream, found)
    for at in found.names if found.version == _EXCEL_5 else ():
        result.patches |= _patch(stream, at, _UNKNOWN)  # calamine gives up on how formulas were written then
    for start in found.sheets:
        _scan_sheet(stream, start, found.version, styles, result)
    return result


def _scan_sheet(stream: Stream, start: int, version: int, styles: list[int], result: XlsFindings) -> None:
    extent, found = Extent(), Findings()
    for kind, depth, at, body in _records(stream.data, start):
        if kind == _DIMENSIONS and len(body) not in _DIMENSIONS_LENGTHS:
            result.patches |= _patch(stream, at, _UNKNOWN)  # calamine gives up on another length
        if kind in _OLD_FORMULAS:
            result.patches |= _patch(stream, at, _FORMULA)  # calamine passes over them
            kind = _FORMULA  # noqa: PLW2901 - which it is
        if kind in _CELLS and depth > 1:
            result.patches |= _patch(stream, at, _UNKNOWN)  # calamine takes a chart's cells for the sheet's
            continue
        if kind == _RICH_LABEL:
            result.patches |= _patch(stream, at, _LABEL)  # calamine passes over it; it is one with more behind
        elif kind == _FORMULA and _is_formatted(body, styles):
            result.patches |= _patch(stream, at, _NUMBER)  # calamine has no dates for formulas; it begins like one
        elif kind == _FORMULA and version == _EXCEL_5 and len(body) > _FORMULA_LENGTH + 1:
            result.patches |= _patch(stream, at + 4 + _FORMULA_LENGTH, 0)
        _add(kind, body, extent, found)
    extent.refuse_sparse()
    found.cells = extent.cells > 0
    result.rectangle = max(result.rectangle, extent.rectangle)
    result.sheets.append(found)


def _is_formatted(body: bytes, styles: list[int]) -> bool:
    """Whether a formula's result is a number that its format makes something else."""
    style = int.from_bytes(body[4:6], "little")
    is_number = len(body) >= 14 and body[12:14] != _IS_NO_NUMBER
    return is_number and style < len(styles) and styles[style] != ANY_NUMBER


def _patch(stream: Stream, at: int, number: int) -> dict[int, int]:
    return {stream.place(at): number & 0xFF, stream.place(at + 1): number >> 8}


def _codepage_patch(stream: Stream, found: _Globals) -> dict[int, int]:
    """calamine reads texts by the code page even where they are Unicode (since Excel 97)."""
    at, codepage = found.codepage
    if found.version != _EXCEL_5:
        return _patch(stream, at, _UNICODE) if codepage != _UNICODE else {}
    if codepage in _SEVERAL_BYTES:
        raise UnreadableFile(
            f"The workbook was saved by Excel 5 or 95 in the code page {codepage}, of several bytes to a character.",
            code="wrong_format",
            hint="Open it in a spreadsheet program and save it as .xlsx.",
        )
    return _patch(stream, at, _OWN_CODEPAGES[codepage]) if codepage in _OWN_CODEPAGES else {}


def _globals(data: bytes) -> _Globals:
    found = _Globals()
    for kind, _, at, body in _records(data, 0):
        if kind == _PASSWORD:
            raise encrypted()
        if kind == _BEGIN and not found.version:
            found.version = int.from_bytes(body[:2], "little")
        elif kind == _SHEET:
            found.sheets.append(int.from_bytes(body[:4], "little"))
        elif kind in _NAMES:
            found.names.append(at)
        elif kind == _CODEPAGE:
            found.codepage = (at + 4, int.from_bytes(body[:2], "little"))
        elif kind == _FORMAT:
            found.formats[int.from_bytes(body[:2], "little")] = _format_code(body, found.version)
        elif kind == _STYLE and len(body) >= 4:
            found.styles.append((at + 6, int.from_bytes(body[2:4], "little")))
    return found


def _format_code(body: bytes, version: int) -> str:
    if version == _EXCEL_5:
        return body[3 : 3 + body[2]].decode("latin-1") if len(body) > 2 else ""
    length, is_wide = int.from_bytes(body[2:4], "little"), len(body) > 4 and body[4] & 1
    return body[5 : 5 + length * (1 + is_wide)].decode("utf-16-le" if is_wide else "latin-1", "replace")


def _add(kind: int, body: bytes, extent: Extent, found: Findings) -> None:
    if kind in _CELLS and kind != _FORMULA_TEXT and len(body) >= 6:
        row, column, last = (int.from_bytes(body[at : at + 2], "little") for at in (0, 2, len(body) - 2))
        extent.add(row, max(column, last) if kind == _SEVERAL else column)
    elif kind == _ROW and len(body) >= 16:
        found.hidden_rows += bool(body[12] & _IS_HIDDEN)
    elif kind == _COLUMNS and len(body) >= 10 and body[8] & _IS_HIDDEN_COLUMN:
        first, last = struct.unpack_from("<HH", body)
        found.hidden_columns.append((first, last))
    elif kind == _MERGED:
        found.merged += int.from_bytes(body[:2], "little")


def _records(data: bytes, at: int) -> Iterator[_Record]:
    """The records to the end of the part that begins here, those of the charts inside it included."""
    if at >= len(data):
        raise UnreadableFile("The workbook is corrupt or truncated: it ends before one of its sheets.")
    depth = 0
    while at + 4 <= len(data):
        kind, length = struct.unpack_from("<HH", data, at)
        depth += kind == _BEGIN
        yield kind, depth, at, data[at + 4 : at + 4 + length]
        depth -= kind == _END
        if kind == _END and depth <= 0:
            return
        at += 4 + length
