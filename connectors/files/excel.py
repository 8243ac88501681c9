"""Workbooks: xlsx, xlsb, xls and ods, through calamine, with exact cells where a column is of no single type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa

from connectors.errors import UnreadableFile
from connectors.files.bounded import bounded
from connectors.files.excel_book import Sheet, chosen_sheet, open_workbook
from connectors.files.excel_head import head_cells
from connectors.files.excel_header import HEAD_ROWS, Head
from connectors.files.excel_kind import Kind, workbook_kind
from connectors.files.excel_ods import OdsSheet, read_ods
from connectors.files.excel_parts import SheetPart, sheet_parts
from connectors.files.excel_scan import count_parts, find_rarities, scan_extent
from connectors.files.excel_table import Table, note_empty_texts, rarity_notices, read_table
from connectors.files.excel_xlsb import scan_xlsb, write_with_plain_errors
from connectors.files.options import FileOptions
from connectors.source import Column, Context, schema_of

_LARGE = 200_000  # cells: reading so many twice for the header takes too long


@contextmanager
def open(path: Path, options: FileOptions, context: Context) -> Iterator[ExcelSource]:  # noqa: A001 - the registry's name
    """Open one sheet of a workbook; it is read whole.

    Raises:
        UnreadableFile: not a workbook, corrupt, encrypted, or a sheet without cells.
        InvalidRequest: there is no such sheet.
        TooLarge: a bomb, or more cells than fit.
    """
    kind = workbook_kind(path)
    # calamine goes by the extension, and the file may have any.
    with TemporaryDirectory(dir=context.temp_dir) as directory:
        named = Path(directory) / f"workbook.{kind}"
        named.symlink_to(path.resolve())
        yield ExcelSource(_read(named, kind, options, context), path.stat().st_size, context)


def _read(path: Path, kind: Kind, options: FileOptions, context: Context) -> Table:
    if kind == "xlsx":
        return _read_xlsx(path, options, context)
    if kind != "xls":
        count_parts(path, context.max_bytes)
    if kind == "ods":
        return _read_ods(path, options)
    size = path.stat().st_size
    if kind == "xlsb":
        found = scan_xlsb(path)
        size = found.rectangle
        if found.formula_errors:
            write_with_plain_errors(path, found.formula_errors, path.with_name("plain.xlsb"))
            path = path.with_name("plain.xlsb")
    with open_workbook(path) as book:
        sheet = Sheet(book, chosen_sheet(book.sheet_names, options.sheet_name, options.sheet_index), size)
        table = _table(sheet, sheet.head(HEAD_ROWS), book.sheet_names, options)
    note_empty_texts(table)
    return table


def _read_ods(path: Path, options: FileOptions) -> Table:
    names, sheet = read_ods(path, options)
    chosen_sheet(names, options.sheet_name, options.sheet_index)
    if sheet is None:
        raise AssertionError("a sheet that can be chosen is found")
    table = _table(sheet, sheet.head(HEAD_ROWS), names, options)
    table.notices += rarity_notices(sheet.findings)
    return table


def _table(sheet: Sheet | OdsSheet, head: Head, names: Sequence[str], options: FileOptions) -> Table:
    table = read_table(sheet, head, options)
    table.facts |= {"sheet": sheet.name, "sheets": [*names]}
    if sheet.hidden:
        table.notices.append(("hidden_sheet", f"The sheet '{sheet.name}' is hidden in the workbook.", None))
    return table


def _read_xlsx(path: Path, options: FileOptions, context: Context) -> Table:
    """The sheet is looked through twice: for how far it reaches while calamine reads the texts that all sheets share,
    and for what is rare while calamine reads the sheet.
    """
    sheets = sheet_parts(path)
    chosen = _chosen(sheets, options)
    if chosen.part is None:
        raise UnreadableFile(f"The sheet '{chosen.name}' is not a worksheet, or it is missing from the file.")
    count_parts(path, context.max_bytes, leave_out=chosen.part)
    with ThreadPoolExecutor(1, thread_name_prefix="scan") as pool:
        extent = pool.submit(scan_extent, path, chosen.part, context.max_bytes)
        with open_workbook(path) as book:
            cells = extent.result().rectangle  # nothing may be loaded before this is known
            rarities = pool.submit(find_rarities, path, chosen.part)
            sheet = Sheet(book, chosen.name, cells)
            head = head_cells(path, chosen.part, HEAD_ROWS) if cells > _LARGE else sheet.head(HEAD_ROWS)
            table = _table(sheet, head, [part.name for part in sheets], options)
            table.notices += rarity_notices(rarities.result())
    return table


def _chosen(sheets: Sequence[SheetPart], options: FileOptions) -> SheetPart:
    name = chosen_sheet([sheet.name for sheet in sheets], options.sheet_name, options.sheet_index)
    return next(sheet for sheet in sheets if sheet.name == name)


class ExcelSource:
    """See ``connectors.source.Source``."""

    rows_rejected = 0

    def __init__(self, table: Table, size: int, context: Context) -> None:
        self._table = table
        self._size = size
        self._context = context
        if not table.columns:
            raise UnreadableFile(f"The sheet '{table.facts['sheet']}' is empty.", code="no_columns")

    @property
    def columns(self) -> Sequence[Column]:
        """One for each column of the table that has a name or a cell."""
        return self._table.columns

    @property
    def total_rows(self) -> int:
        """Exact: the sheet has been read."""
        return int(self._table.batch.num_rows)

    @property
    def facts(self) -> Mapping[str, Any]:
        """Which sheet of which, and where its header was."""
        return self._table.facts

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The table's rows."""
        for issue, message, column in self._table.notices:
            self._context.warnings.add(issue, message, column=column)
        schema, done = schema_of(self.columns), 0
        for batch in bounded(self._table.batch, self._context.batch_rows):
            yield pa.RecordBatch.from_arrays(batch.columns, schema=schema)
            done += batch.num_rows
            self._context.progress(self._size * done // self._table.batch.num_rows)
