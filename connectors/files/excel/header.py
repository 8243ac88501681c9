"""Where a sheet's table begins: the header row below titles and blank rows."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from connectors.files.delimited.header import is_value
from connectors.files.excel.cells import CellError, text_of

HEAD_ROWS = 100
_LONGEST_PREFACE, _WIDEST_PREFACE = 15, 4  # rows of titles, or of names beside values, above a table; and cells in each
_YEARS = range(1800, 2200)
_YEAR = re.compile("1[89]\\d\\d|2[01]\\d\\d")
_COMPARED_ROWS = 10
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
    header = _header_row(rows)
    if wanted is None and (not _names_something(rows[header]) or _is_like_those_below(rows, header)):
        return Header(first, found=False)
    names = {place: text_of(cell) or "" for place, cell in rows[header].items()}
    upper = rows.get(header - 1, {})
    lonely = set(upper) - set(names)
    used_below = {place for row in rows if row > header for place in rows[row]}
    if lonely and lonely <= used_below and _names_something(upper):
        names = _joined(upper, names)
        rows.pop(header - 1)
    above = [text for row in rows if row < header for cell in rows[row].values() if (text := text_of(cell))]
    return Header(header + 1, names, above)


def has_plain_header(head: Head, wanted: bool | None) -> bool:
    """Whether a header of texts alone, or none, is sure, so that it does not matter which of the numbers are dates."""
    if wanted is False:
        return bool(head)
    header = find_header(head, wanted)
    return header.found and all(isinstance(cell, str) for (row, _), cell in head.items() if row == header.first_row - 1)


def _header_row(rows: dict[int, dict[int, Any]]) -> int:
    """The first row about as wide as most, for titles are narrower than their table; or the table's below a preface."""
    widths = sorted(len(cells) for cells in rows.values() if len(cells) > 1) or [1]
    usual = widths[len(widths) // 2]
    first = next(row for row, cells in rows.items() if len(cells) * 2 >= usual and (len(cells) > 1 or usual == 1))
    numbers = [*rows]
    widest = 0  # of the rows above
    for place, row in enumerate(numbers[: _LONGEST_PREFACE + 1]):
        following = rows[numbers[place + 1]] if place + 1 < len(numbers) else {}
        above = {number: rows[number] for number in numbers[:place] if number != row - 1}
        is_wider = row > first and len(rows[row]) > widest and len(following) >= widest
        is_named = _names_something(rows[row]) and not _shows_values(rows[row])
        begins = _is_apart(numbers, place) or _holds_values(following)
        if is_wider and is_named and begins and _is_preface(above, rows[row]):
            return row
        widest = max(widest, len(rows[row]))
    return first


def _is_preface(rows: dict[int, dict[int, Any]], header: dict[int, Any]) -> bool:
    """Whether rows above a header (but for that of its groups) are too narrow to be a table of their own, and none."""
    narrow = all(len(cells) <= max(_WIDEST_PREFACE, 2 * len(header) // 3) for cells in rows.values())
    return narrow and not any(_heads_table(number, rows) for number in rows)


def _heads_table(number: int, rows: dict[int, dict[int, Any]]) -> bool:
    """Whether a row stands above two rows as wide that have values in the first column, or in one of three.

    With two columns, values in the second one only stand beside their names.
    """
    first, below = rows[number], [rows.get(number + 1, {}), rows.get(number + 2, {})]
    if len(first) < 2 or any(row.keys() != first.keys() for row in below):
        return False
    valued = [place for place in first if all(_holds_values({place: row[place]}) for row in below)]
    return bool(valued) and (len(first) > 2 or min(first) in valued)


def _is_apart(numbers: list[int], place: int) -> bool:
    """Whether a blank row stands above this one."""
    return numbers[place] - numbers[place - 1] > 1


def _holds_values(cells: dict[int, Any]) -> bool:
    return any(not isinstance(cell, str) or isinstance(cell, CellError) for cell in cells.values())


def _shows_values(cells: dict[int, Any]) -> bool:
    """Whether a third of the cells are texts that look like numbers or dates."""
    return 3 * sum(isinstance(cell, str) and is_value(cell) for cell in cells.values()) >= len(cells)


def _joined(upper: dict[int, Any], lower: dict[int, str]) -> dict[int, str]:
    """The names of two rows, where a group stands above its first column only."""
    names, group = {}, ""
    for place in sorted(set(upper) | set(lower)):
        group = text_of(upper[place]) or "" if place in upper else group
        names[place] = f"{group} {lower[place]}".strip() if place in lower else group
    return names


def _names_something(row: dict[int, Any]) -> bool:
    """Whether a row reads like names: texts, or texts and years or dates."""
    cells = list(row.values())
    if any(isinstance(cell, (bool, CellError)) for cell in cells):
        return False
    texts = [cell for cell in cells if isinstance(cell, str)]
    if len(texts) == len(cells):
        return True
    others = [cell for cell in cells if not isinstance(cell, str)]
    distinct = len(set(map(str, cells))) == len(cells)
    return bool(texts) and distinct and all(_is_year(cell) or not _is_number(cell) for cell in others)


def _is_like_those_below(rows: dict[int, dict[int, Any]], header: int) -> bool:
    """Whether half of a row looks like values, not names, and stands above such; or there is nothing else at all."""
    below = [cells for row, cells in rows.items() if row > header][:_COMPARED_ROWS]
    looks = {place: look for place, cell in rows[header].items() if (look := _look(cell))}
    if not below:
        return len(looks) == len(rows[header])
    columns = {place: {_look(cells[place]) for cells in below if place in cells} for place in looks}
    return 2 * len(looks) >= len(rows[header]) and all(columns[place] == {look} for place, look in looks.items())


def _look(cell: Any) -> str:
    """What kind of value a cell looks like; nothing for a text like a name."""
    if isinstance(cell, str):
        return "" if not is_value(cell) else "year in a text" if _YEAR.fullmatch(cell.strip()) else "value in a text"
    return "year" if _is_year(cell) else "number" if _is_number(cell) else "date or time"


def _is_year(cell: Any) -> bool:
    return _is_number(cell) and float(cell).is_integer() and int(cell) in _YEARS


def _is_number(cell: Any) -> bool:
    return isinstance(cell, (int, float))
