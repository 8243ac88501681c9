"""Whether the first row of a table names its columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

_TYPED = re.compile(
    r"""
    [+-]?[$€£]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?%?   # numbers, with either decimal sign
    | [+-]?[$€£]?\d{1,3}([., ']\d{3})+([.,]\d+)?             # digits in groups
    | \d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([T ][^;|\t]*)?     # dates
    | \d{1,2}:\d{2}(:\d{2}(\.\d+)?)?                    # times
    | [0-9a-fA-F]{32}([0-9a-fA-F]{8}([0-9a-fA-F]{24})?)?      # digests
    | \{?[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\}?|[^@\s,;|]+@[^@\s,;|]+\.\w+|https?://[^\s;|]+|\d+(\.\d+){3}
    | (?i:true|false|nan|null|n/?a) | \{".*\} | [A-Za-z]:\\[^;|\t]*
    """,
    re.VERBOSE,
)
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}([-/.]\d{1,4})?")
_FIRST_YEAR, _LAST_YEAR = 1800, 2100
_ENOUGH_ROWS, _DIGITS_OF_A_CODE, _LONG_CODE = 2, 4, 12
_COMMON, _ENOUGH_COPIES = 0.25, 2


def is_value(cell: str) -> bool:
    """Whether a text looks like a value (number, date, word for null, address) rather than a name."""
    return _TYPED.fullmatch(cell.strip()) is not None


def contrast(header: Sequence[str], body: Sequence[Sequence[str]]) -> int:
    """In how many columns there is text in the header and only values below."""
    columns = zip(*(row for row in body if len(row) == len(header)), strict=True)
    return sum(
        bool(name.strip())
        and not is_value(name)
        and any(map(is_value, column))
        and all(is_value(cell) or not cell.strip() for cell in column)
        for name, column in zip(header, columns, strict=False)
    )


def names_columns(first: Sequence[str], body: Sequence[Sequence[str]]) -> tuple[bool, float]:
    """Whether the first row of a table is its header, and how sure that is (0 to 1)."""
    body = [row for row in body if len(row) == len(first)]
    contrasting = contrast(first, body)
    alone = len(first) == 1
    values = [place for place, cell in enumerate(first) if is_value(cell) or (alone and has_digits_alone(cell))]
    if not values:
        is_row = _repeated_below(first, body) or _shaped_as_below(first, body) >= max(contrasting, 1)
        is_row = is_row or (not contrasting and _common_below(first, body))
        return not is_row, 0.6 if is_row else 1.0 if contrasting else 0.7
    labels = _labels([first[place] for place in values])
    if _has_empty_corner(first, body):
        return True, 0.6
    unlike_below = labels and not any(_mostly(labels, [row[place] for row in body]) for place in values)
    some_are_text = len(values) > 1 and (len(values) < len(first) or not all(map(is_value, body[0] if body else [])))
    if unlike_below and (contrasting or some_are_text):
        return True, 0.6
    return (True, 0.5) if contrasting > len(values) else (False, 0.9)


def _has_empty_corner(first: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Whether an empty cell stands above a full column, and beside it labels of a table of values, as pandas writes."""
    others = list(first[1:])
    inside = {cell for row in body for cell in row[1:]}
    return (
        len(others) > 1
        and not first[0].strip()
        and len(body) > 1
        and all(row[0].strip() for row in body)
        and len(set(others)) == len(others)
        and all(cell.strip() and cell not in inside for cell in others)
    )


def has_digits_alone(cell: str) -> bool:
    """Whether there are digits and no letters: no name of an only column, but perhaps numbers that nothing cut."""
    return re.search(r"\d", cell) is not None and re.search(r"[^\W\d_]", cell) is None


def _labels(cells: Sequence[str]) -> str | None:
    """Which kind of column names values can be: ``years``, ``dates`` or ``places`` (0, 1, 2 ...), in order."""
    if all(_DATE.fullmatch(cell.strip()) for cell in cells):
        return "dates" if len(set(cells)) == len(cells) else None
    if not all(re.fullmatch(r"\d{1,4}", cell.strip()) for cell in cells):
        return None
    if cells == ["0"]:  # what pandas calls a column without a name
        return "places"
    numbers = [int(cell.strip()) for cell in cells]
    steps = {after - before for before, after in pairwise(numbers)}
    if all(_FIRST_YEAR <= number <= _LAST_YEAR for number in numbers):
        return "years" if all(step > 0 for step in steps) or all(step < 0 for step in steps) else None
    return "places" if numbers[0] in (0, 1) and len(numbers) > 2 and steps == {1} else None


def _mostly(labels: str, column: Sequence[str]) -> bool:
    """Whether most of a column's cells are themselves of a kind that names columns."""
    return labels != "places" and 2 * sum(_labels([cell]) == labels for cell in column) > len(column)


def _repeated_below(first: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Whether the cells of the first row are found again below, each in its column: then they are values.

    A few copies of the whole row are those of a header, where files were put one after the other.
    """
    others = [row for row in body if list(row) != list(first)]
    copies = len(body) - len(others)
    again = sum(any(row[place] == cell for row in others) for place, cell in enumerate(first) if cell.strip())
    many = copies > 1 and 4 * copies > len(body) and not contrast(first, others)
    return many or bool(copies and again) or 2 * again > sum(map(bool, first))


def _common_below(first: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Whether a cell of the first row is in a quarter of the rows below, in its column."""
    others = [row for row in body if list(row) != list(first)]
    counts = [sum(row[place] == cell for row in others) for place, cell in enumerate(first) if cell.strip()]
    return max(counts, default=0) >= max(_COMMON * len(others), _ENOUGH_COPIES)


def _shaped_as_below(first: Sequence[str], body: Sequence[Sequence[str]]) -> int:
    """How many cells of the first row have the letters and digits of a code, and all cells below them too.

    A long code may have no digits, but capitals and signs (``RYYVLZVUVIJVGH-UHFFFAOYSA-N``).
    """
    if len(body) < _ENOUGH_ROWS:
        return 0
    coded = [place for place, cell in enumerate(first) if _is_code(cell)]
    return sum({_shape(row[place]) for row in body if row[place].strip()} == {_shape(first[place])} for place in coded)


def _is_code(cell: str) -> bool:
    signed = cell.isupper() and not cell.isalpha() and " " not in cell
    return len(re.findall(r"\d", cell)) >= _DIGITS_OF_A_CODE or (signed and len(cell) >= _LONG_CODE)


def _shape(cell: str) -> str:
    return re.sub(r"[^\W\d_]", "a", re.sub(r"\d", "9", cell))
