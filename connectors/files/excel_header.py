"""Where a sheet's table begins: the header row below titles and blank rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from connectors.files.excel_cells import CellError, text_of

HEAD_ROWS = 100
_YEARS = range(1800, 2200)
Head = dict[tuple[int, int], Any]  # cells by (row, place), from 0


@dataclass(frozen=True, slots=True)
class Header:
    """What was found.

    Attributes:
        first_row: where the data begin, from 0.
        names: by the column's place in the sheet, from 0; without a header, none.
        above: the texts in the rows above it.
    """

    first_row: int
    names: dict[int, str] = field(default_factory=dict)
    above: list[str] = field(default_factory=list)
    found: bool = True


def find_header(head: Head, wanted: bool | None) -> Header:
    """The header of a sheet whose first cells these are.

    Args:
        head: cells by (row, place), blank ones left out.
        wanted: whether the caller says there is one; None: look.
    """
    rows: dict[int, dict[int, Any]] = {}
    for (row, place), cell in sorted(head.items()):
        if cell != "":
            rows.setdefault(row, {})[place] = cell
    first = min(rows, default=0)
    if wanted is False or not rows:
        return Header(first, found=False)
    header = _first_full_row(rows)
    if wanted is None and not _names_something(rows, header):
        return Header(first, found=False)
    above = [text for row in rows if row < header for cell in rows[row].values() if (text := text_of(cell))]
    names = {place: text_of(cell) or "" for place, cell in rows[header].items()}
    return Header(header + 1, names, above)


def _first_full_row(rows: dict[int, dict[int, Any]]) -> int:
    """The first row with at least half as many cells as the widest one: titles are narrower than their table."""
    widest = max(map(len, rows.values()))
    return next(row for row, cells in rows.items() if len(cells) * 2 >= widest and (len(cells) > 1 or widest == 1))


def _names_something(rows: dict[int, dict[int, Any]], header: int) -> bool:
    """Whether the row reads like names: texts, or texts and years or dates, above other cells."""
    cells = list(rows[header].values())
    if any(isinstance(cell, (bool, CellError)) for cell in cells):
        return False
    texts = [cell for cell in cells if isinstance(cell, str)]
    if len(texts) == len(cells):
        return True
    others = [cell for cell in cells if not isinstance(cell, str)]
    distinct = len(set(map(str, cells))) == len(cells)
    return bool(texts) and distinct and all(_is_year(cell) or not _is_number(cell) for cell in others)


def _is_year(cell: Any) -> bool:
    return _is_number(cell) and float(cell).is_integer() and int(cell) in _YEARS


def _is_number(cell: Any) -> bool:
    return isinstance(cell, (int, float))
