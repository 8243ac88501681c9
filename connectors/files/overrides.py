"""The caller's word on types: ``type_overrides`` and what becomes of values that do not fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

from connectors.errors import InvalidRequest, UnreadableFile
from connectors.files.casts import Cast, cast_exact
from connectors.files.options import FileOptions
from connectors.scalars import python_value
from connectors.source import Column, Context, SchemaChanged, Source, Warnings
from connectors.types import type_name
from connectors.wording import counted

_SHOWN = 5
_COUNTS = {
    "Date": "days since 1970-01-01",
    "Datetime": "microseconds since 1970-01-01",
    "Time": "microseconds since midnight",
}


@dataclass(slots=True)
class Misfits:
    """The values of one column that do not fit the type asked for: how many, and the first with their rows."""

    column: str
    type: pa.DataType
    count: int = 0
    first: list[tuple[int, Any]] = field(default_factory=list)

    def note(self, values: pa.Array, cast: Cast, rows_before: int) -> None:
        """Count the misfits of one batch; ``rows_before`` it are the data rows of earlier batches."""
        self.count += len(cast.misfits)
        for place in cast.misfits[: _SHOWN - len(self.first)]:
            self.first.append((rows_before + int(place) + 1, python_value(values[int(place)])))

    def warn(self, warnings: Warnings, outcome: str) -> None:
        """Report them, if there are any: ``outcome`` says what became of them."""
        if not self.count:
            return
        places = ", ".join(f"row {row}: {_quoted(value)}" for row, value in self.first)
        do = "does" if self.count == 1 else "do"
        what = f"{counted(self.count, 'value')} of column '{self.column}' {do} not fit {type_name(self.type)}"
        warnings.add("cast_error", f"{what} ({places}); {outcome}.", column=self.column, affected_rows=self.count)

    def refuse(self) -> UnreadableFile:
        """The error of ``on_cast_error: fail``: it names column, row and value."""
        row, value = self.first[0]
        return UnreadableFile(
            f"Row {row} of column '{self.column}' holds {_quoted(value)}, which is no {type_name(self.type)}.",
            code="cast_error",
            hint="Set on_cast_error to 'keep' or 'null', or leave the column out of type_overrides.",
        )


def _quoted(value: Any) -> str:
    text = repr(value) if isinstance(value, str | bytes) else str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def check_overridden_names(overrides: Mapping[str, pa.DataType], names: Sequence[str]) -> None:
    """Refuse overrides of columns that are not there.

    Raises:
        InvalidRequest: naming the first one and listing the columns.
    """
    for name in overrides:
        if name not in names:
            raise InvalidRequest(
                f"type_overrides names the column '{name}', which the file does not have. "
                f"Its columns are: {', '.join(names[:50])}.",
                code="unknown_column",
            )


class OverriddenSource:
    """A typed source with some columns cast to the types the caller asked for.

    ``release`` is told the names of columns whose override is given up, before the rows are read again.

    Raises:
        InvalidRequest: ``type_overrides`` names a column that the source does not have.
    """

    def __init__(
        self,
        inner: Source,
        options: FileOptions,
        context: Context,
        release: Callable[[Sequence[str]], None] = lambda _names: None,
    ) -> None:
        check_overridden_names(options.type_overrides, [column.name for column in inner.columns])
        self._inner = inner
        self._release = release
        self._options = options
        self._context = context
        self._overrides = dict(options.type_overrides)
        self._given_up: list[Misfits] = []

    @property
    def columns(self) -> Sequence[Column]:
        return [
            replace(column, type=self._overrides[column.name]) if column.name in self._overrides else column
            for column in self._inner.columns
        ]

    @property
    def total_rows(self) -> int | None:
        return self._inner.total_rows

    @property
    def rows_rejected(self) -> int:
        return self._inner.rows_rejected

    @property
    def facts(self) -> Mapping[str, Any]:
        return self._inner.facts

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The inner source's batches, cast. See ``Source.batches``.

        Raises:
            UnreadableFile: ``on_cast_error`` is ``fail`` and a value does not fit.
            SchemaChanged: it is ``keep`` and a value does not fit, so its column keeps the inner type.
        """
        found = self._no_misfits()
        try:
            for batch in self._cast_batches(found):
                if self._options.on_cast_error == "keep" and any(misfits.count for misfits in found.values()):
                    raise SchemaChanged  # noqa: TRY301 - settled below, like the inner source's
                yield batch
        except SchemaChanged:
            self._settle()
            raise
        for misfits in found.values():
            misfits.warn(self._context.warnings, f"{'it' if misfits.count == 1 else 'they'} became null")
        self._warn_of_counts()
        for misfits in self._given_up:
            misfits.warn(self._context.warnings, "the column keeps its own type")

    def _warn_of_counts(self) -> None:
        """A number does not say what it counts: seconds or the digits of a date would be misread."""
        for column in self._inner.columns:
            kind = self._overrides.get(column.name)
            if kind is not None and pa.types.is_temporal(kind) and pa.types.is_integer(column.type):
                what = f"The numbers of column '{column.name}' are read as {_COUNTS[type_name(kind)]}."
                self._context.warnings.add("numbers_as_times", what, column=column.name)

    def _no_misfits(self) -> dict[str, Misfits]:
        return {name: Misfits(name, kind) for name, kind in self._overrides.items()}

    def _cast_batches(self, found: Mapping[str, Misfits]) -> Iterator[pa.RecordBatch]:
        rows = 0
        for batch in self._inner.batches():
            arrays = list(batch.columns)
            for name, misfits in found.items():
                place = batch.schema.get_field_index(name)
                cast = cast_exact(batch.column(place), misfits.type, self._options.date_format)
                misfits.note(batch.column(place), cast, rows)
                if misfits.count and self._options.on_cast_error == "fail":
                    raise misfits.refuse()
                arrays[place] = cast.values
            rows += batch.num_rows
            yield pa.RecordBatch.from_arrays(arrays, names=batch.schema.names)

    def _settle(self) -> None:
        """Read every row once more, so that the schema after one ``SchemaChanged`` is final."""
        if self._options.on_cast_error != "keep":
            return
        warned = len(self._context.warnings.items)
        while True:
            found = self._no_misfits()
            try:
                for _ in self._cast_batches(found):
                    pass
            except SchemaChanged:
                continue
            break
        self._context.warnings.forget(warned)
        self._given_up += [misfits for misfits in found.values() if misfits.count]
        for misfits in self._given_up:
            self._overrides.pop(misfits.column, None)
        self._release([misfits.column for misfits in self._given_up])
