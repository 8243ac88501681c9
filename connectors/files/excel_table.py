"""A sheet as a table: header, columns of one type each, and what the caller should know of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connectors.files.excel_book import Loaded, Sheet
from connectors.files.excel_cells import CellError, address
from connectors.files.excel_columns import from_cells, from_loaded
from connectors.files.excel_header import Head, Header, find_header
from connectors.files.excel_ods import OdsSheet
from connectors.files.excel_scan import Findings
from connectors.files.names import unique_names
from connectors.files.options import FileOptions
from connectors.source import Column, Warnings

Notice = tuple[str, str, str | None]  # issue, message, column


@dataclass(slots=True)
class Table:
    """What was read of a sheet."""

    columns: list[Column]
    batch: pa.RecordBatch
    facts: dict[str, Any] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)


def read_table(sheet: Sheet | OdsSheet, head: Head, options: FileOptions) -> Table:
    """Find the header, read what is below it, and trim blank rows and columns at the edges.

    Args:
        sheet: the sheet.
        head: its first cells by (row, place).
        options: the caller's.
    """
    header = find_header(head, options.has_header)
    loaded = sheet.load(header.first_row)
    arrays: list[Any] = []
    notices = _header_notices(header)
    used = loaded.rows_used()
    kept = [number for number, array in enumerate(loaded.arrays) if _is_used(loaded, number, header)]
    warnings = Warnings()
    names = unique_names([header.names.get(loaded.places[number], "") for number in kept], warnings)
    for name, number in zip(names, kept, strict=True):
        if nulls := loaded.empty_texts(number, options.null_values or ()):
            notices.append(("null_values", f"'{name}' has {nulls} cells that null_values names; they are null.", name))
        arrays.append(_array(loaded, number))
        notices += _column_notices(loaded, number, name, arrays[-1], header.first_row)
    if header.found:
        notices += [(warning.issue, warning.message, None) for warning in warnings.items]
    batch = pa.RecordBatch.from_arrays(arrays, names=names)
    columns = [Column(name, array.type) for name, array in zip(names, arrays, strict=True)]
    facts = {"header_row": header.first_row if header.found else None}
    return Table(columns, batch.slice(0, used), facts, notices)


def note_empty_texts(table: Table) -> None:
    """In binary workbooks a formula that was never calculated reads as a text of no characters."""
    for column, array in zip(table.columns, table.batch.columns, strict=True):
        count = pc.sum(pc.equal(array, "")).as_py() if pa.types.is_string(array.type) else 0
        if count:
            message = f"'{column.name}' has {count} empty texts: formulas without a stored result read like this."
            table.notices.append(("empty_texts", message, column.name))


def _is_used(loaded: Loaded, number: int, header: Header) -> bool:
    array = loaded.arrays[number]
    named = bool(header.names.get(loaded.places[number]))
    return named or bool(loaded.cells[number]) or array.null_count < len(array)


def _array(loaded: Loaded, number: int) -> Any:
    if number not in loaded.mixed and not loaded.cells[number]:
        array = from_loaded(loaded.arrays[number])
        if array is not None:
            return array
    return from_cells(loaded.column(number))


def _header_notices(header: Header) -> list[Notice]:
    if not header.above:
        return []
    texts = ", ".join(f"'{text[:60]}'" for text in header.above[:10])
    return [("rows_above_header", f"The header is row {header.first_row}; left out above it: {texts}.", None)]


def rarity_notices(findings: Findings) -> list[Notice]:
    """What of a sheet is not in the table the plain way."""
    found: list[Notice] = []
    if findings.merged:
        found.append(
            ("merged_cells", f"{findings.merged} merged areas: the value stands in the first cell of each.", None)
        )
    if findings.hidden_rows:
        found.append(("hidden_rows", f"{findings.hidden_rows} hidden rows are included.", None))
    if findings.uncached_count:
        places = ", ".join(findings.uncached)
        message = f"{findings.uncached_count} formulas have no stored result and are null: {places}."
        found.append(("formulas_without_value", message, None))
    return found


def _column_notices(loaded: Loaded, number: int, name: str, array: Any, first_row: int) -> list[Notice]:
    cells = loaded.cells[number]
    place = loaded.places[number]
    errors = {row: cell for row, cell in cells.items() if isinstance(cell, CellError)}
    found: list[Notice] = []
    if errors:
        places = ", ".join(f"{cell} in {address(first_row + row, place)}" for row, cell in sorted(errors.items())[:3])
        found.append(("error_cells", f"'{name}' has {len(errors)} error cells, kept as text: {places}.", name))
    if pa.types.is_string(array.type) and cells:
        kinds = Counter(type(cell).__name__ for cell in loaded.column(number) if cell is not None)
        kinds.pop("CellError", None)
        if len(kinds) > 1:
            parts = ", ".join(f"{count} {_KIND_NAMES.get(kind, kind)}" for kind, count in kinds.most_common())
            found.append(("mixed_types", f"'{name}' mixes kinds of cells ({parts}); all are kept as text.", name))
    return found


_KIND_NAMES = {
    "str": "text",
    "float": "numbers",
    "int": "whole numbers",
    "bool": "booleans",
    "datetime": "dates",
    "time": "times",
    "timedelta": "durations",
}
