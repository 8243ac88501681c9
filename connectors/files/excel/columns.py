"""The Arrow array that holds every cell of a spreadsheet's column exactly."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connectors.files.excel.cells import LARGEST_EXACT, CellError, text_of

_MOST_DIGITS = 38  # of a decimal that every reader knows
_EPOCH = date(1970, 1, 1)
# Where calamine puts a time without a date, and the last day of all: days since 1970.
_DAYS_ZERO = ((date(1899, 12, 31) - _EPOCH).days, (date(1904, 1, 1) - _EPOCH).days)
_LAST_DAY = (date.max - _EPOCH).days
# calamine gives the 28th of February 1900 for the 29th too, which Excel has and no calendar.
_DOUBTFUL_DAYS = pa.array([*_DAYS_ZERO, (date(1900, 2, 28) - _EPOCH).days], pa.int32())
_LONGEST = (2**63 - 1) // 1000  # milliseconds of a duration that can be told in microseconds


def from_loaded(array: Any) -> Any:
    """A column that calamine found to be of one type, with the type its values really have.

    Whole numbers become Int64; timestamps without a time of day dates, and those without a date times.
    """
    if pa.types.is_null(array.type):
        return array.cast(pa.string())
    if pa.types.is_floating(array.type):
        return array.cast(pa.int64()) if _all_whole(array) else array
    if pa.types.is_duration(array.type):
        return array.cast(pa.duration("us"))
    return _dates_or_times(array) if pa.types.is_timestamp(array.type) else array


def from_cells(cells: Sequence[Any]) -> Any:
    """A column from its cells: of their type if they have one in common, otherwise text."""
    kinds = {_kind(cell) for cell in cells if cell is not None}
    if not kinds or kinds == {str}:
        return pa.array([None if cell is None else str(cell) for cell in cells], pa.string())
    if kinds == {float}:
        return from_loaded(pa.array(cells, pa.float64()))
    if int in kinds and kinds <= {int, float} and all(cell is None or cell == int(cell) for cell in cells):
        return _long_integers([None if cell is None else int(cell) for cell in cells])
    if kinds == {bool}:
        return pa.array(cells, pa.bool_())
    if kinds == {datetime}:
        return _dates_or_moments(pa.array(cells, pa.timestamp("us")))
    if kinds == {time}:
        return pa.array(cells, pa.time64("us"))
    if kinds <= {timedelta, time} and all(map(_is_short, cells)):
        return pa.array(map(_since_midnight, cells), pa.duration("us"))
    return pa.array([text_of(cell) for cell in cells], pa.string())


def is_doubtful(array: Any, has_others: bool) -> bool:
    """Whether moments and durations as calamine gives them may be something else: times of day, numbers beyond all.

    A time of day is a moment of the day zero, which is an ordinary day in a workbook that counts from the other one.
    Only where every cell is of the day zero that hardly any workbook has as a date, all are times. Days before it,
    which Excel does not have, calamine counts differently from those who write them.

    Args:
        array: a column.
        has_others: whether it has cells of another kind besides.
    """
    if array.null_count == len(array):
        return False
    if pa.types.is_duration(array.type):
        return bool(pc.max(pc.abs(array.cast(pa.int64()))).as_py() > _LONGEST)
    if not pa.types.is_timestamp(array.type):
        return False
    days = _days(array)
    first, last = (bound.as_py() for bound in pc.min_max(days).values())
    if first == last == _DAYS_ZERO[0] and not has_others:
        return False
    return bool(first < _DAYS_ZERO[0] or last > _LAST_DAY or pc.any(pc.is_in(days, _DOUBTFUL_DAYS)).as_py())


def large_doubles(array: Any) -> int:
    """How many numbers of a column are beyond what doubles count one by one, if all of them are whole."""
    if not pc.all(pc.equal(array, pc.floor(array)), min_count=0).as_py():
        return 0
    return int(pc.sum(pc.greater(pc.abs(array), LARGEST_EXACT)).as_py() or 0)


def _since_midnight(cell: Any) -> Any:
    return datetime.combine(_EPOCH, cell) - datetime.combine(_EPOCH, time()) if isinstance(cell, time) else cell


def _is_short(cell: Any) -> bool:
    return not isinstance(cell, timedelta) or abs(cell) <= timedelta(milliseconds=_LONGEST)


def _kind(cell: Any) -> type:
    if isinstance(cell, CellError):
        return CellError
    if isinstance(cell, (bool, time, timedelta, datetime)):
        return next(kind for kind in (bool, time, timedelta, datetime) if isinstance(cell, kind))
    if isinstance(cell, int) and abs(cell) > LARGEST_EXACT:
        return int
    return float if isinstance(cell, (int, float)) else str


def _long_integers(cells: Sequence[int | None]) -> Any:
    """Int64, or the Decimal that holds them, or text."""
    digits = max(len(str(abs(cell))) for cell in cells if cell is not None)
    if all(cell is None or -(2**63) <= cell < 2**63 for cell in cells):
        return pa.array(cells, pa.int64())
    if digits <= _MOST_DIGITS:
        return pa.array(map(_decimal, cells), pa.decimal128(_MOST_DIGITS, 0))
    return pa.array([text_of(cell) for cell in cells], pa.string())


def _decimal(cell: int | None) -> Decimal | None:
    return None if cell is None else Decimal(cell)


def _all_whole(array: Any) -> bool:
    if array.null_count == len(array):
        return True
    largest = pc.max(pc.abs(array)).as_py()
    return bool(largest <= LARGEST_EXACT and pc.all(pc.equal(array, pc.floor(array))).as_py())


def _dates_or_times(array: Any) -> Any:
    if pc.min(_days(array)).as_py() == _DAYS_ZERO[0]:  # then all are, for the column is not doubtful
        return array.cast(pa.timestamp("us")).cast(pa.time64("us"))
    return _dates_or_moments(array)


def _days(array: Any) -> Any:
    return array.cast(pa.date32(), safe=False).cast(pa.int32())


def _dates_or_moments(array: Any) -> Any:
    days = array.cast(pa.date32(), safe=False)
    return days if pc.all(pc.equal(days.cast(array.type), array)).as_py() else array.cast(pa.timestamp("us"))
