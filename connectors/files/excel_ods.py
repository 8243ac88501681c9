"""How large an OpenDocument workbook becomes: its cells and rows may say that they stand for a million."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

from connectors.files.excel_parts import Attributes, parse_xml
from connectors.files.excel_scan import Findings, pieces, refuse_sparse

_CONTENT = "content.xml"


@dataclass(slots=True)
class _Extent:
    """Follows the tables of a document; calamine makes a rectangle of each, up to the last cell that holds anything."""

    rectangles: int = 0
    cells: int = 0
    rows: int = 0
    last_row: int = 0
    last_column: int = 0
    row_repeats: int = 1
    columns: int = 0
    filled: int = 0

    def start(self, tag: str, attributes: Attributes) -> None:
        if tag == "table":
            self.rows = self.last_row = self.last_column = 0
        elif tag == "table-row":
            self.row_repeats = int(attributes.get("number-rows-repeated", "1"))
            self.columns = self.filled = 0
        elif tag in {"table-cell", "covered-table-cell"}:
            repeats = int(attributes.get("number-columns-repeated", "1"))
            self.columns += repeats
            if "value-type" in attributes or "formula" in attributes:
                self.filled = self.columns
                self.cells += 1

    def end(self, tag: str) -> None:
        if tag == "table-row":
            self.rows += self.row_repeats
            if self.filled:
                self.last_row, self.last_column = self.rows, max(self.last_column, self.filled)
        elif tag == "table":
            self.rectangles += self.last_row * self.last_column


def scan_ods(path: Path) -> Findings:
    """Refuse a document whose tables take memory out of proportion; calamine reads all of them.

    Raises:
        UnreadableFile: far more blanks than cells, or XML that is not well-formed.
        TooLarge: too many cells.
    """
    extent = _Extent()
    with zipfile.ZipFile(path) as archive:
        parse_xml(pieces(archive, _CONTENT), extent.start, extent.end)
    found = Findings(max(extent.last_row - 1, 0), max(extent.last_column - 1, 0), extent.cells)
    refuse_sparse(found, extent.rectangles)
    return found
