"""Tables of numbers that blanks align, below lines of other widths: titles, stations, counts of rows, prose."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.files.delimited.dialect import NUMBER, is_ruler, reads_like_names

_ENOUGH_ROWS, _ENOUGH_NUMBERS = 3, 2
_MANY_ROWS = 10  # are a table however much is written above


def lines_of_prose(rows: Sequence[Sequence[str]]) -> int | None:
    """How many lines, cut at their blanks, stand above a table of numbers that goes on to the last of them.

    The table is made of the last lines that have as many fields; half of its columns at least hold numbers alone. Its
    header is the line above them if that can name its columns, or all but the first. None: there is no such table, or
    all lines are of it, or some above are rows as well.
    """
    width = len(rows[-1]) if rows else 0
    first = next((place for place in range(len(rows), 0, -1) if len(rows[place - 1]) != width), 0)
    body = rows[first:]
    numbers = columns_of_numbers(body)
    if not first or len(body) < _ENOUGH_ROWS or numbers < _ENOUGH_NUMBERS or 2 * numbers < width:
        return None
    above = rows[: _header_above(rows, first) if _numbers(body[0]) else first]
    blocks = any(len(row) == width and _numbers(row) >= numbers for row in above)
    adjacent = bool(above) and 2 * len(above[-1]) >= width and _numbers(above[-1]) >= max(2, len(above[-1]) / 2)
    if blocks or adjacent or _is_of_one_column(above, body) or len(body) < min(len(above), _MANY_ROWS):
        return None
    return len(above)


def _header_above(rows: Sequence[Sequence[str]], first: int) -> int:
    """Where the header is, if that is what a line above the first row is; else the first row."""
    header = first - 2 if is_ruler(rows[first - 1]) else first - 1
    width = len(rows[first])
    named = header >= 0 and 1 < len(rows[header]) in (width - 1, width) and reads_like_names(rows[header])
    return header if named else first


def _is_of_one_column(above: Sequence[Sequence[str]], body: Sequence[Sequence[str]]) -> bool:
    """Whether there is one name above, or the cells may be groups of digits in one number, as in ``555 123 4567``."""
    named = len(above) == 1 == len(above[0]) and reads_like_names(above[0]) and not is_ruler(above[0])
    lengths = {tuple(len(cell) if cell.isdigit() else 0 for cell in row) for row in body}
    return named or (len(lengths) == 1 and 0 not in lengths.pop())


def _numbers(row: Sequence[str]) -> int:
    return sum(NUMBER.fullmatch(cell) is not None for cell in row)


def columns_of_numbers(rows: Sequence[Sequence[str]]) -> int:
    """How many columns of rows hold numbers alone, whatever the first row is."""
    return sum(all(map(NUMBER.fullmatch, column)) for column in zip(*rows[1:], strict=False))
