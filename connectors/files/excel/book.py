"""One sheet of a workbook through calamine (fastexcel): columns where a column has one type, else exact cells."""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fastexcel
import pyarrow as pa
import pyarrow.compute as pc

from connectors.errors import ConversionError, InvalidRequest, UnreadableFile
from connectors.files.excel.cells import CellError, Exact, described
from connectors.files.excel.columns import is_doubtful

_EVERY_CELL = 2_000_000  # cells: up to so many, all are asked for one by one when any column is mixed
_ATTEMPTS = 3
_MIXED = re.compile(r"for column (__UNNAMED__\d+)")

# It logs every column whose type it cannot tell; what becomes of such a column is decided here.
logging.getLogger("fastexcel").setLevel(logging.ERROR)


@dataclass(slots=True)
class Loaded:
    """A rectangle of a sheet.

    Attributes:
        arrays: one for each column, as calamine types it; cells in ``cells`` are null there.
        cells: column (from 0, in ``arrays``) -> row (from 0, in the arrays) -> cells not of the array's type.
        mixed: the columns whose array means nothing: each of their cells is in ``cells``.
        places: each column's place in the sheet, from 0.
        names: what fastexcel calls each column.
    """

    arrays: list[Any]
    cells: dict[int, dict[int, Any]]
    places: list[int]
    mixed: set[int] = field(default_factory=set)
    names: list[str] = field(default_factory=list)

    def doubtful(self) -> set[str]:
        """The names of columns that have to be asked for cell by cell: only that tells times of day from dates."""
        return {
            self.names[number]
            for number, array in enumerate(self.arrays)
            if number not in self.mixed and is_doubtful(array, has_others=bool(self.cells[number]))
        }

    def column(self, number: int) -> list[Any]:
        """A column's values, cell by cell."""
        array = self.arrays[number]
        values = [None] * len(array) if number in self.mixed else array.to_pylist()
        for row, cell in self.cells[number].items():
            values[row] = cell
        return values

    def put(self, exact: Exact, first_row: int) -> None:
        """Put these cells in the place of calamine's."""
        numbers = {place: number for number, place in enumerate(self.places)}
        for (row, place), cell in exact.items():
            if row >= first_row:
                self.cells[numbers[place]][row - first_row] = cell

    def rows_used(self) -> int:
        """How many rows there are up to the last that is not blank."""
        last = max((max(cells) for cells in self.cells.values() if cells), default=-1)
        for array in self.arrays:
            if last < len(array) - 1 and array.null_count < len(array):
                last = max(last, pc.max(pc.indices_nonzero(array.is_valid())).as_py())
        return last + 1

    def blank_texts(self, number: int) -> int:
        """Make null of texts without characters, where a column has no other texts; how many there were."""
        cells = self.cells[number].values()
        texts = [cell for cell in cells if isinstance(cell, str) and not isinstance(cell, CellError)]
        return self.empty_texts(number, ("",)) if texts and not any(texts) and len(texts) < len(cells) else 0

    def empty_texts(self, number: int, texts: tuple[str, ...]) -> int:
        """Make null of a column's texts and errors that are one of these; how many there were."""
        array, cells = self.arrays[number], self.cells[number]
        found = [row for row, cell in cells.items() if isinstance(cell, str) and cell in texts]
        for row in found:
            del cells[row]
        if number in self.mixed or not pa.types.is_string(array.type):
            return len(found)
        named = pc.is_in(array, value_set=pa.array(texts, pa.string()))
        self.arrays[number] = pc.if_else(named, pa.scalar(None, pa.string()), array)
        return len(found) + (pc.sum(named).as_py() or 0)


class Sheet:
    """A sheet of an open workbook."""

    def __init__(self, reader: Any, name: str, cells: int) -> None:
        """``cells``: about how many it has."""
        self._reader = reader
        self.name = name
        self._is_small = cells <= _EVERY_CELL
        self.hidden = False  # known once something has been read

    def load(self, first_row: int) -> Loaded:
        """Everything from a row (from 0) on."""
        mixed: set[str] | None = set()
        for attempt in range(_ATTEMPTS + 2):
            try:
                loaded = self._load(first_row, mixed)
                more = loaded.doubtful()
            except (fastexcel.UnsupportedColumnTypeCombinationError, fastexcel.CalamineCellError) as error:
                found = _MIXED.search(str(error))
                if mixed is None or found is None:
                    raise
                more = {found[1]}
            if mixed is None or not more:
                return loaded
            mixed = None if attempt >= _ATTEMPTS or self._is_small else mixed | more
        raise AssertionError("the last attempt asks for every cell, which no combination of types can refuse")

    def head(self, rows: int) -> dict[tuple[int, int], Any]:
        """The cells of the first rows by (row, place), both from 0."""
        loaded = self._load(0, None, rows)
        return {
            (row, loaded.places[column]): cell for column, cells in loaded.cells.items() for row, cell in cells.items()
        }

    def _load(self, first_row: int, mixed: set[str] | None, rows: int | None = None) -> Loaded:
        """One reading; ``mixed``: the columns wanted cell by cell, None: all."""
        how = {"header_row": None, "skip_rows": first_row, "n_rows": rows}
        exactly = {
            "dtype_coercion": "strict",
            "schema_sample_rows": None,
            "dtypes": dict.fromkeys(mixed or (), "duration"),
        }
        sheet = self._reader.load_sheet(self.name, **how, **({"dtypes": "duration"} if mixed is None else exactly))
        self.hidden = sheet.visible != "visible"
        columns = sheet.selected_columns
        names = [column.name for column in columns]
        places = [column.absolute_index for column in columns]
        batch, problems = sheet.to_arrow_with_errors()
        loaded = Loaded(list(batch.columns), _by_column(problems), places, names=names)
        loaded.mixed = {number for number, name in enumerate(names) if mixed is None or name in mixed}
        self._add_temporal_cells(loaded, how)
        return loaded

    def _add_temporal_cells(self, loaded: Loaded, how: dict[str, Any]) -> None:
        """Dates and durations of mixed columns have not been described yet, for they can be durations."""
        missing = [n for n in sorted(loaded.mixed) if loaded.arrays[n].null_count < len(loaded.arrays[n])]
        if not missing:
            return
        sheet = self._reader.load_sheet(
            self.name, **how, dtypes="int", use_columns=[loaded.places[number] for number in missing]
        )
        found = _by_column(sheet.to_arrow_with_errors()[1])
        for number in missing:
            loaded.cells[number].update(found[number])
            durations = loaded.arrays[number].is_valid().to_pylist()
            if any(is_one and row not in loaded.cells[number] for row, is_one in enumerate(durations)):
                raise AssertionError("calamine did not describe every cell of a mixed column")


def _by_column(problems: Any) -> dict[int, dict[int, Any]]:
    found: dict[int, dict[int, Any]] = defaultdict(dict)
    for problem in problems.errors if problems else ():
        row, column = problem.offset_position
        found[column][row] = described(problem.detail)
    return found


@contextmanager
def open_workbook(path: Path) -> Iterator[Any]:
    """The workbook; whatever calamine raises while it is open, a panic included, becomes an UnreadableFile."""
    try:
        yield fastexcel.read_excel(path)
    except ConversionError:
        raise
    except fastexcel.FastExcelError as error:
        reason = str(error).splitlines()[0]
        if re.search("password|encrypt", str(error), re.IGNORECASE):
            raise encrypted() from error
        raise UnreadableFile(f"The workbook is corrupt or truncated: {reason[:300]}") from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise UnreadableFile("The workbook is corrupt: its reader gave up on it.") from error


def encrypted() -> UnreadableFile:
    """The error for a workbook that needs a password."""
    return UnreadableFile(
        "The workbook is encrypted with a password.", code="encrypted_file", hint="Save it without a password."
    )


def not_a_worksheet(name: str) -> UnreadableFile:
    """The error for a sheet without cells of its own kind, such as a chart."""
    return UnreadableFile(f"The sheet '{name}' is not a worksheet, or it is missing from the file.", code="no_columns")


def chosen_sheet(names: list[str], wanted: str | None, index: int | None) -> int:
    """The place of the sheet that the options ask for; the first without any.

    Raises:
        InvalidRequest: there is no such sheet, or name and index contradict each other.
    """
    listed = ", ".join(f"'{name}'" for name in names)
    if not names:
        raise UnreadableFile("The workbook has no sheets.", code="no_columns")
    if wanted is not None and wanted not in names:
        raise InvalidRequest(f"There is no sheet '{wanted}'. The workbook has {listed}.", code="unknown_sheet")
    if index is not None and not 0 <= index < len(names):
        raise InvalidRequest(f"There is no sheet with index {index}. The workbook has {listed}.", code="unknown_sheet")
    if wanted is not None and index is not None and names[index] != wanted:
        raise InvalidRequest(f"sheet_name is '{wanted}', but sheet_index {index} is '{names[index]}'.")
    if wanted is not None and index is None:
        index = names.index(wanted)
    return index or 0
