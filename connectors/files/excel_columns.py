"""The Arrow array that holds every cell of a spreadsheet's column exactly."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connectors.files.excel_cells import CellError, text_of

_LARGEST_EXACT = 2**53
_DAY_ZERO = (date(1899, 12, 31), date(1904, 1, 1))  # where calamine puts a time without a date
_DAY = timedelta(1)


def from_loaded(array: Any) -> Any:
    """A column that calamine found to be of one type, with the type its values really have.

    Whole numbers become Int64; timestamps without a time of day dates, and those without a date times.
    None: times and dates are mixed, so the column has to be looked at cell by cell.
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
    if kinds == {bool}:
        return pa.array(cells, pa.bool_())
    if kinds == {datetime}:
        return _dates_or_moments(pa.array(cells, pa.timestamp("us")))
    if kinds == {time}:
        return pa.array(cells, pa.time64("us"))
    if kinds == {timedelta}:
        return pa.array(cells, pa.duration("us"))
    return pa.array([text_of(cell) for cell in cells], pa.string())


def without_day_zero(cell: Any) -> Any:
    """The time of day that calamine made a moment of the day zero."""
    return cell.time() if isinstance(cell, datetime) and cell.date() == _DAY_ZERO[0] else cell


def _kind(cell: Any) -> type:
    if isinstance(cell, CellError):
        return CellError
    if isinstance(cell, (bool, time, timedelta, datetime)):
        return next(kind for kind in (bool, time, timedelta, datetime) if isinstance(cell, kind))
    if isinstance(cell, int) and abs(cell) > _LARGEST_EXACT:
        return int
    return float if isinstance(cell, (int, float)) else str


def _all_whole(array: Any) -> bool:
    if array.null_count == len(array):
        return True
    largest = pc.max(pc.abs(array)).as_py()
    return bool(largest <= _LARGEST_EXACT and pc.all(pc.equal(array, pc.floor(array))).as_py())


def _dates_or_times(array: Any) -> Any:
    days = array.cast(pa.date32(), safe=False)
    first, last = (value.as_py() for value in pc.min_max(days).values())
    if first == last and first in _DAY_ZERO:
        return array.cast(pa.timestamp("us")).cast(pa.time64("us"))
    if first == _DAY_ZERO[0]:
        return None
    return _dates_or_moments(array)


def _dates_or_moments(array: Any) -> Any:
    days = array.cast(pa.date32(), safe=False)
    return days if pc.all(pc.equal(days.cast(array.type), array)).as_py() else array.cast(pa.timestamp("us"))
