"""One sheet of an xlsx workbook."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from connectors.errors import UnreadableFile
from connectors.files.excel.book import Sheet, chosen_sheet, not_a_worksheet, open_workbook
from connectors.files.excel.cells import Exact
from connectors.files.excel.extent import Extent, scan_extent
from connectors.files.excel.head import head_cells
from connectors.files.excel.header import HEAD_ROWS, has_plain_header
from connectors.files.excel.inflate import count_parts
from connectors.files.excel.parts import Index, SheetPart, read_index
from connectors.files.excel.plain import changed_styles, write_plain
from connectors.files.excel.scan import Findings, find_rarities
from connectors.files.excel.table import Table, note_rarities, sheet_table
from connectors.files.options import FileOptions
from connectors.source import Context

_LARGE = 200_000  # cells: reading so many twice for the header takes too long


def read_xlsx(path: Path, options: FileOptions, context: Context) -> Table:
    """Read the sheet that the options ask for.

    It is looked through twice: for how far it reaches while calamine reads the texts that all sheets share, and for
    what is rare while calamine reads the sheet. If that shows that calamine misreads it, a plainer copy is read.
    """
    index = read_index(path)
    sheet = _chosen(path, index, options)
    count_parts(path, context.max_bytes, leave_out=("xl/worksheets/", sheet.part.lower()))  # one sheet is read, below
    with ThreadPoolExecutor(1, thread_name_prefix="scan") as pool:
        extent = pool.submit(scan_extent, path, sheet.part, context.max_bytes)
        rarities = pool.submit(_rarities, extent, sheet)
        plain = path.with_name("plain.xlsx")
        is_plain = index.is_plain and changed_styles(path, index) is None
        if not is_plain:
            extent.result()  # nothing may be copied before this is known
            write_plain(path, plain, index, sheet.entry)
        try:
            table = _read(path if is_plain else plain, sheet, extent, options, lambda: rarities.result().exact)
        except UnreadableFile:
            if not rarities.result().is_odd:
                raise
        found = rarities.result()
        if found.is_odd:
            write_plain(path, plain, index, sheet.entry, found.exact)
            table = _read(plain, sheet, extent, options, lambda: found.exact)
        note_rarities(table, found)
    return table


@dataclass(frozen=True, slots=True)
class _Chosen:
    """A sheet: its entry in the index, its part, that of the shared texts, and the names of all sheets."""

    path: Path
    entry: SheetPart
    part: str
    strings: str
    names: list[str]


def _chosen(path: Path, index: Index, options: FileOptions) -> _Chosen:
    names = [sheet.name for sheet in index.sheets]
    entry = index.sheets[chosen_sheet(names, options.sheet_name, options.sheet_index)]
    if entry.part is None:
        raise not_a_worksheet(entry.name)
    return _Chosen(path, entry, entry.part, index.strings or "", names)


def _rarities(extent: Future[Extent], sheet: _Chosen) -> Findings:
    extent.result()  # a part without end has been refused
    return find_rarities(sheet.path, sheet.part)


def _read(
    plain: Path, sheet: _Chosen, extent: Future[Extent], options: FileOptions, exact: Callable[[], Exact]
) -> Table:
    with open_workbook(plain) as book:
        cells = extent.result().rectangle  # nothing may be loaded before this is known
        reader = Sheet(book, sheet.entry.name, cells)
        head = head_cells(sheet.path, sheet.part, sheet.strings, HEAD_ROWS) if cells > _LARGE else {}
        if not has_plain_header(head, options.has_header):
            head = reader.head(HEAD_ROWS)
        return sheet_table(reader, head, sheet.names, options, exact)
