"""OpenDocument spreadsheets from their XML: one sheet as runs of repeated rows and cells.

calamine reads them too, but error cells come as empty texts, and tabs inside a text are dropped.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import takewhile
from pathlib import Path
from typing import Any

import pyarrow as pa

from connectors.files.excel.book import Loaded
from connectors.files.excel.cells import CellError, address, iso_datetime, iso_duration, long_integer
from connectors.files.excel.extent import Extent
from connectors.files.excel.inflate import pieces
from connectors.files.excel.parts import Attributes, parse_xml
from connectors.files.excel.scan import Findings
from connectors.files.options import FileOptions

_CONTENT = "content.xml"
_CELLS = {"table-cell", "covered-table-cell"}
# Drawings, comments and old versions hold texts, and even tables, that are no cells of the sheet.
_FOREIGN = {
    "annotation", "frame", "custom-shape", "g", "rect", "line", "polyline", "polygon", "path", "circle", "ellipse",
    "connector", "caption", "measure", "control", "note", "shapes", "forms", "tracked-changes", "dde-links", "scenario",
}  # fmt: skip
_UNCACHED_SHOWN = 5


@dataclass(slots=True)
class OdsSheet:
    """A sheet as it is written: rows as (first row, how many alike, cells), cells as (place, how many alike, value)."""

    name: str
    hidden: bool
    findings: Findings = field(default_factory=Findings)
    extent: Extent = field(default_factory=Extent)
    rows: list[tuple[int, int, list[tuple[int, int, Any]]]] = field(default_factory=list)

    def head(self, rows: int) -> dict[tuple[int, int], Any]:
        """The cells of the first rows by (row, place), both from 0."""
        return {(row, place): cell for row, place, cell in takewhile(lambda cell: cell[0] < rows, self._cells(0))}

    def load(self, first_row: int) -> Loaded:
        """Everything from a row (from 0) on, cell by cell."""
        count, width = max(self.extent.last_row + 1 - first_row, 0), self.extent.last_column + 1
        cells: dict[int, dict[int, Any]] = {place: {} for place in range(width)}
        for row, place, cell in self._cells(first_row):
            cells[place][row - first_row] = cell
        return Loaded([pa.nulls(count)] * width, cells, [*range(width)], set(range(width)))

    def _cells(self, first_row: int) -> Iterator[tuple[int, int, Any]]:
        for start, repeats, runs in self.rows:
            for row in range(max(start, first_row), start + repeats):
                for place, times, value in runs:
                    for column in range(place, place + times):
                        yield row, column, value


def read_ods(path: Path, options: FileOptions) -> tuple[list[str], OdsSheet | None]:
    """The names of all sheets, and the one that the options ask for, if there is such a sheet.

    Raises:
        UnreadableFile: far more blanks than cells, or XML that is not well-formed.
        TooLarge: too many cells.
    """
    reader = _read(path, options)
    if reader.chosen is not None:
        reader.chosen.extent.refuse_sparse()
    return reader.names, reader.chosen


def filled_sheets(path: Path) -> list[tuple[int, str]]:
    """The index and the name of each sheet with cells."""
    reader = _read(path, FileOptions(sheet_index=-1))
    return [(index, name) for index, name in enumerate(reader.names) if index in reader.filled]


def _read(path: Path, options: FileOptions) -> _Reader:
    reader = _Reader(options)
    with zipfile.ZipFile(path) as archive:
        parse_xml(pieces(archive, _CONTENT), reader.start, reader.end, reader.characters)
    return reader


@dataclass(slots=True)
class _Reader:
    """Follows the document; only the chosen sheet is kept."""

    options: FileOptions
    names: list[str] = field(default_factory=list)
    chosen: OdsSheet | None = None
    filled: set[int] = field(default_factory=set)  # the sheets that have cells
    inside: bool = False  # the chosen sheet
    foreign: int = 0  # how deep in something that is no cell
    style: str = ""
    hidden_styles: set[str] = field(default_factory=set)
    durations: set[str] = field(default_factory=set)  # the styles, of numbers and of cells, that show over 24 hours
    column_styles: list[tuple[int, str]] = field(default_factory=list)  # up to which place, which style
    row: int = 0
    row_style: str = ""
    row_repeats: int = 1
    place: int = 0
    runs: list[tuple[int, int, Any]] = field(default_factory=list)
    cell: Attributes | None = None
    text: list[str] = field(default_factory=list)
    paragraphs: int = 0
    in_paragraph: bool = False

    def start(self, tag: str, attributes: Attributes) -> None:
        if self.foreign or tag in _FOREIGN:
            self.foreign += 1
        elif tag in {"style", "table-properties", "time-style"}:
            self._start_style(tag, attributes)
        elif tag == "table":
            self._start_table(attributes)
        elif self.inside and tag == "table-column":
            self._start_column(attributes)
        elif self.inside and tag == "table-row":
            self._start_row(attributes)
        elif tag in _CELLS:
            self._start_cell(attributes)
        elif self.cell is not None:
            self._start_text(tag, attributes)

    def end(self, tag: str) -> None:
        if self.foreign:
            self.foreign -= 1
        elif tag == "table":
            self.inside = False
        elif self.inside and tag == "table-row":
            self._end_row()
        elif self.cell is not None and tag in _CELLS:
            self._end_cell(self.cell)
            self.cell = None
        elif tag == "p":
            self.in_paragraph = False

    def characters(self, text: str) -> None:
        if self.in_paragraph and not self.foreign:
            self.text.append(text)

    def _start_style(self, tag: str, attributes: Attributes) -> None:
        if tag == "time-style" and attributes.get("truncate-on-overflow") == "false":
            self.durations.add(attributes.get("name", ""))
        elif tag == "style":
            self.style = attributes.get("name", "")
            if attributes.get("data-style-name") in self.durations:
                self.durations.add(self.style)
        elif attributes.get("display") == "false":
            self.hidden_styles.add(self.style)

    def _start_column(self, attributes: Attributes) -> None:
        first = self.column_styles[-1][0] if self.column_styles else 0
        until = first + int(attributes.get("number-columns-repeated", "1"))
        self.column_styles.append((until, attributes.get("default-cell-style-name", "")))
        if self.chosen is not None and attributes.get("visibility", "visible") != "visible":
            self.chosen.findings.hidden_columns.append((first, until - 1))

    def _start_table(self, attributes: Attributes) -> None:
        name, options = attributes.get("name", ""), self.options
        by_name = options.sheet_name == name and name not in self.names
        wanted = by_name if options.sheet_name is not None else len(self.names) == (options.sheet_index or 0)
        self.names.append(name)
        self.inside, self.row = wanted, 0
        if wanted:
            self.chosen = OdsSheet(name, attributes.get("style-name") in self.hidden_styles)

    def _start_row(self, attributes: Attributes) -> None:
        self.row_repeats = max(int(attributes.get("number-rows-repeated", "1")), 1)
        self.place, self.runs = 0, []
        self.row_style = attributes.get("default-cell-style-name", "")
        if self.chosen is not None and attributes.get("visibility", "visible") != "visible":
            self.chosen.findings.hidden_rows += self.row_repeats

    def _start_cell(self, attributes: Attributes) -> None:
        if "value-type" in attributes:
            self.filled.add(len(self.names) - 1)
        if self.inside:
            self.cell, self.text, self.paragraphs = attributes, [], 0

    def _end_row(self) -> None:
        if self.runs and self.chosen is not None:
            found, (place, times, _) = self.chosen.extent, self.runs[-1]
            self.chosen.rows.append((self.row, self.row_repeats, self.runs))
            found.last_row = self.row + self.row_repeats - 1
            found.last_column = max(found.last_column, place + times - 1)
            found.cells += len(self.runs)
        self.row += self.row_repeats

    def _start_text(self, tag: str, attributes: Attributes) -> None:
        if tag == "p":
            self.text += ["\n"] if self.paragraphs else []
            self.paragraphs, self.in_paragraph = self.paragraphs + 1, True
        elif tag == "s":
            self.text.append(" " * min(int(attributes.get("c", "1")), 1 << 20))
        elif tag in {"tab", "line-break"}:
            self.text.append("\t" if tag == "tab" else "\n")

    def _end_cell(self, cell: Attributes) -> None:
        times = max(int(cell.get("number-columns-repeated", "1")), 1)
        value = _value(cell, "".join(self.text))
        if isinstance(value, timedelta) and not self._is_duration(cell, value):
            value = (datetime.min + value).time()
        if value is not None:
            self.runs.append((self.place, times, value))
        self._note(cell, value)
        self.place += times

    def _is_duration(self, cell: Attributes, value: timedelta) -> bool:
        by_column = next((style for until, style in self.column_styles if self.place < until), "")
        style = cell.get("style-name") or self.row_style or by_column
        return style in self.durations or not timedelta(0) <= value < timedelta(1)

    def _note(self, cell: Attributes, value: Any) -> None:
        if self.chosen is None:
            return
        found = self.chosen.findings
        found.merged += {cell.get("number-columns-spanned", "1"), cell.get("number-rows-spanned", "1")} != {"1"}
        if value is None and "formula" in cell:
            found.uncached_count += 1
            if len(found.uncached) < _UNCACHED_SHOWN:
                found.uncached.append(address(self.row, self.place))


def _value(cell: Attributes, text: str) -> Any:
    """What the cell holds; None: nothing. Whatever cannot be read as its kind is kept as the text it is."""
    kind = cell.get("value-type")
    if kind == "error":
        return CellError(text or cell.get("string-value") or "#ERROR!")
    if kind in {"float", "percentage", "currency"}:
        return _number(cell["value"]) if "value" in cell else text
    if kind == "boolean":
        return cell["boolean-value"] == "true" if "boolean-value" in cell else text
    if kind == "date":
        return iso_datetime(cell.get("date-value", text))
    if kind == "time":
        return iso_duration(cell.get("time-value", text))
    text = cell.get("string-value", text)
    return None if not text and (kind is None or "formula" in cell) else text


def _number(text: str) -> float | int:
    long = long_integer(text)
    return float(text) if long is None else long
