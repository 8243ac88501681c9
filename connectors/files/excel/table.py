"""A sheet as a table: header, columns of one type each, and what the caller should know of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connectors.files.excel.book import Loaded, Sheet
from connectors.files.excel.cells import CellError, Exact, address
from connectors.files.excel.columns import from_cells, from_loaded, large_doubles
from connectors.files.excel.header import Head, Header, find_header
from connectors.files.excel.ods import OdsSheet
from connectors.files.excel.scan import Findings
from connectors.files.names import unique_names
from connectors.files.options import FileOptions
from connectors.source import Column, Warnings
from connectors.wording import counted, were

_SHOWN = 10  # columns, or cells
Notice = tuple[str, str, str | None]  # issue, message, column


@dataclass(slots=True)
class Table:
    """What was read of a sheet."""

    columns: list[Column]
    batch: pa.RecordBatch
    places: list[int]  # of the columns in the sheet, from 0
    facts: dict[str, Any] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)


def sheet_table(
    sheet: Sheet | OdsSheet,
    head: Head,
    names: Sequence[str],
    options: FileOptions,
    exact: Callable[[], Exact] = dict,
) -> Table:
    """The sheet's table, with the names of all sheets among its facts. See ``read_table``."""
    table = read_table(sheet, head, options, exact)
    table.facts |= {"sheet": sheet.name, "sheets": [*names]}
    if sheet.hidden:
        table.notices.append(("hidden_sheet", f"The sheet '{sheet.name}' is hidden in the workbook.", None))
    return table


def read_table(sheet: Sheet | OdsSheet, head: Head, options: FileOptions, exact: Callable[[], Exact]) -> Table:
    """Find the header, read what is below it, and trim blank rows and columns at the edges.

    Args:
        sheet: the sheet.
        head: its first cells by (row, place).
        options: the caller's.
        exact: asked once the sheet is read for the cells that were not read exactly.
    """
    header = find_header(head, options.has_header)
    loaded = sheet.load(header.first_row)
    loaded.put(exact(), header.first_row)
    arrays: list[Any] = []
    notices = _header_notices(header)
    used = loaded.rows_used()
    kept = [number for number, array in enumerate(loaded.arrays) if _is_used(loaded, number, header)]
    warnings = Warnings()
    names = unique_names([header.names.get(loaded.places[number], "") for number in kept], warnings)
    for name, number in zip(names, kept, strict=True):
        if nulls := loaded.empty_texts(number, options.null_values or ()):
            notices.append(
                ("null_values", f"'{name}' has {counted(nulls, 'cell')} that null_values names: null.", name)
            )
        if blanks := loaded.blank_texts(number):
            notices.append(("empty_texts", f"'{name}' has {counted(blanks, 'text')} without characters: null.", name))
        arrays.append(_array(loaded, number))
        notices += _column_notices(loaded, number, name, arrays[-1], header.first_row)
    if header.found:
        notices += [(warning.issue, warning.message, None) for warning in warnings.items]
    batch = pa.RecordBatch.from_arrays(arrays, names=names)
    columns = [Column(name, array.type) for name, array in zip(names, arrays, strict=True)]
    facts = {"header_row": header.first_row if header.found else None}
    return Table(columns, batch.slice(0, used), [loaded.places[number] for number in kept], facts, notices)


def note_empty_texts(table: Table) -> None:
    """In binary workbooks a formula that was never calculated reads as a text of no characters."""
    for column, array in zip(table.columns, table.batch.columns, strict=True):
        count = pc.sum(pc.equal(array, "")).as_py() if pa.types.is_string(array.type) else 0
        if count:
            message = (
                f"'{column.name}' has {counted(count, 'empty text')}: formulas without a stored result read like this."
            )
            table.notices.append(("empty_texts", message, column.name))


def _is_used(loaded: Loaded, number: int, header: Header) -> bool:
    array = loaded.arrays[number]
    named = bool(header.names.get(loaded.places[number]))
    return named or bool(loaded.cells[number]) or array.null_count < len(array)


def _array(loaded: Loaded, number: int) -> Any:
    if number not in loaded.mixed and not loaded.cells[number]:
        return from_loaded(loaded.arrays[number])
    return from_cells(loaded.column(number))


def _header_notices(header: Header) -> list[Notice]:
    if not header.above:
        return []
    texts = ", ".join(f"'{text[:60]}'" for text in header.above[:_SHOWN])
    more = f" and {counted(len(header.above) - _SHOWN, 'cell')} more" if len(header.above) > _SHOWN else ""
    return [("rows_above_header", f"The header is row {header.first_row}; left out above it: {texts}{more}.", None)]


def note_rarities(table: Table, findings: Findings) -> None:
    """Say what of the sheet is not in the table the plain way."""
    found = table.notices
    if findings.merged:
        found.append(
            (
                "merged_cells",
                f"{counted(findings.merged, 'merged area')}: the value stands in the first cell of each.",
                None,
            )
        )
    if findings.hidden_rows:
        found.append(
            (
                "hidden_rows",
                f"{counted(findings.hidden_rows, 'hidden row')} {were(findings.hidden_rows)} included.",
                None,
            )
        )
    if hidden := [column.name for column, place in zip(table.columns, table.places, strict=True)
                  if any(first <= place <= last for first, last in findings.hidden_columns)]:  # fmt: skip
        named = ", ".join(f"'{name}'" for name in hidden[:_SHOWN])
        found.append(
            ("hidden_columns", f"{counted(len(hidden), 'hidden column')} {were(len(hidden))} included: {named}.", None)
        )
    if findings.uncached_count:
        places = ", ".join(findings.uncached)
        message = f"{counted(findings.uncached_count, 'formula')} without a stored result, so null: {places}."
        found.append(("formulas_without_value", message, None))


def _column_notices(loaded: Loaded, number: int, name: str, array: Any, first_row: int) -> list[Notice]:
    cells = loaded.cells[number]
    place = loaded.places[number]
    errors = {row: cell for row, cell in cells.items() if isinstance(cell, CellError)}
    found: list[Notice] = []
    if errors:
        places = ", ".join(f"{cell} in {address(first_row + row, place)}" for row, cell in sorted(errors.items())[:3])
        found.append(("error_cells", f"'{name}' has {len(errors)} error cells, kept as text: {places}.", name))
    if pa.types.is_floating(array.type) and (doubles := large_doubles(array)):
        message = f"'{name}' has {counted(doubles, 'whole number')} beyond 2^53, where a workbook keeps 15 digits."
        found.append(("long_numbers", message, name))
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
