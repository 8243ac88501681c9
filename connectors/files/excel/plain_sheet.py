"""An xlsx sheet written anew, element by element: slow, but whatever way it was written, calamine reads it.

calamine refuses errors newer than itself, extensions inside cells, and dimensions that are none; it takes ``false`` for
true and a number between blanks for a text, and passes over values in CDATA sections or beside comments.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from connectors.files.excel.cells import READ_ERRORS, CellError, Exact, address, long_integer, place_of, row_of
from connectors.files.excel.parts import Attributes, parsing

_HEAD = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
_FOOT = b"</sheetData></worksheet>"
_BARE = {"n", "s", "b", "e"}  # kinds of values in which blanks mean nothing
_ENTITIES = {"\r": "&#13;"}  # a parser would make it a line feed


def plain_sheet(data: Iterator[bytes], exact: Exact) -> Iterator[bytes]:
    """The sheet's part in the plainest way; ``exact`` gets the cells that calamine cannot be told.

    Raises:
        UnreadableFile: not well-formed XML.
    """
    writer = _Writer(exact)
    yield _HEAD
    for _ in parsing(data, writer.start, writer.end, writer.characters):
        yield "".join(writer.out).encode()
        writer.out.clear()
    yield _FOOT


@dataclass(slots=True)
class _Writer:
    """Follows the elements of a sheet."""

    exact: Exact
    out: list[str] = field(default_factory=list)
    is_inside: bool = False  # the part of the sheet where cells are
    row: int = -1
    place: int = -1
    cell: Attributes | None = None
    value: list[str] = field(default_factory=list)
    reading: str = ""  # the element whose text is a value, or that of a reading aid
    is_blank: bool = True

    def start(self, tag: str, attributes: Attributes) -> None:
        if tag == "sheetData":
            self.is_inside = True
        elif not self.is_inside:
            return
        elif tag == "row":
            self.row, self.place = int(attributes.get("r", self.row + 2)) - 1, -1
            self.out.append(f'<row r="{self.row + 1}">')
        elif tag == "c":
            self.place = place_of(attributes["r"]) if "r" in attributes else self.place + 1
            self.cell, self.value, self.is_blank = attributes, [], True
        elif tag == "rPh" or (tag in {"v", "t"} and self.reading != "rPh"):
            self.reading, self.is_blank = tag, False

    def characters(self, text: str) -> None:
        if self.reading in {"v", "t"}:
            self.value.append(text)

    def end(self, tag: str) -> None:
        if tag == "sheetData":
            self.is_inside = False
        elif tag == self.reading:
            self.reading = ""
        elif self.is_inside and tag == "row":
            self.out.append("</row>")
        elif self.cell is not None and tag == "c":
            self._end_cell(self.cell)
            self.cell = None

    def _end_cell(self, cell: Attributes) -> None:
        if self.is_blank:
            return
        row = row_of(cell["r"]) if "r" in cell else self.row
        kind, text = cell.get("t", "n"), "".join(self.value)
        text = text.strip() if kind in _BARE else text
        if kind == "e" and text not in READ_ERRORS:
            self.exact[row, self.place] = CellError(text)
            kind = "str"
        elif kind == "b":
            text = str(int(text.lower() in {"1", "true"}))
        elif kind == "n" and (number := long_integer(text)) is not None:
            self.exact[row, self.place] = number
        text = escape(text, _ENTITIES)
        value = f'<is><t xml:space="preserve">{text}</t></is>' if kind == "inlineStr" else f"<v>{text}</v>"
        self.out.append(f'<c r="{address(row, self.place)}" t="{kind}" s="{cell.get("s", "0")}">{value}</c>')
