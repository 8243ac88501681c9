"""Workbooks: xlsx, xlsb, xls and ods, through calamine, with exact cells where a column is of no single type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from connectors.errors import UnreadableFile
from connectors.files.bounded import bounded
from connectors.files.excel.biff import plain_xls
from connectors.files.excel.book import Sheet, chosen_sheet, not_a_worksheet, open_workbook
from connectors.files.excel.header import HEAD_ROWS
from connectors.files.excel.inflate import count_parts
from connectors.files.excel.kind import Kind, named_workbook
from connectors.files.excel.ods import read_ods
from connectors.files.excel.scan import Findings
from connectors.files.excel.table import Table, note_empty_texts, note_rarities, sheet_table
from connectors.files.excel.xlsb import scan_xlsb, write_plain
from connectors.files.excel.xlsx import read_xlsx
from connectors.files.options import FileOptions
from connectors.source import Column, Context, schema_of


@contextmanager
def open(path: Path, options: FileOptions, context: Context) -> Iterator[ExcelSource]:  # noqa: A001 - the registry's name
    """Open one sheet of a workbook; it is read whole.

    Raises:
        UnreadableFile: not a workbook, corrupt, encrypted, or a sheet without cells.
        InvalidRequest: there is no such sheet.
        TooLarge: a bomb, or more cells than fit.
    """
    with named_workbook(path, context) as (named, kind):
        yield ExcelSource(_read(named, kind, options, context), path.stat().st_size, context)


def _read(path: Path, kind: Kind, options: FileOptions, context: Context) -> Table:
    if kind == "xlsx":
        return read_xlsx(path, options, context)
    if kind != "xls":
        count_parts(path, context.max_bytes)
    if kind == "ods":
        return _read_ods(path, options)
    return _read_xls(path, options) if kind == "xls" else _read_xlsb(path, options)


def _read_xls(path: Path, options: FileOptions) -> Table:
    path, found = plain_xls(path)
    return _read_binary(path, found.rectangle, found.sheets, options)


def _read_xlsb(path: Path, options: FileOptions) -> Table:
    found = scan_xlsb(path)
    if found.is_odd:
        write_plain(path, found, path.with_name("plain.xlsb"))
        path = path.with_name("plain.xlsb")
    return _read_binary(path, found.rectangle, found.sheets, options)


def _read_binary(path: Path, cells: int, findings: Sequence[Findings | None], options: FileOptions) -> Table:
    with open_workbook(path) as book:
        names = book.sheet_names
        place = chosen_sheet(names, options.sheet_name, options.sheet_index)
        if names.count(names[place]) > 1:
            raise UnreadableFile(f"The workbook has several sheets called '{names[place]}'.")
        found = findings[place] if len(findings) == len(names) else Findings()
        if found is None:
            raise not_a_worksheet(names[place])
        sheet = Sheet(book, names[place], cells)
        table = sheet_table(sheet, sheet.head(HEAD_ROWS), names, options)
    note_empty_texts(table)
    note_rarities(table, found)
    return table


def _read_ods(path: Path, options: FileOptions) -> Table:
    names, sheet = read_ods(path, options)
    chosen_sheet(names, options.sheet_name, options.sheet_index)
    if sheet is None:
        raise AssertionError("a sheet that can be chosen is found")
    table = sheet_table(sheet, sheet.head(HEAD_ROWS), names, options)
    note_rarities(table, sheet.findings)
    return table


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
