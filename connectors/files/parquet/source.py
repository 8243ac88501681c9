"""Parquet files, read by pyarrow: it takes about a hundred files that Polars refuses, and reads one right that
Polars takes for empty.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from connectors.errors import InvalidRequest, UnreadableFile
from connectors.files.bounded import bounded, rows_within
from connectors.files.names import unique_names
from connectors.files.options import FileOptions
from connectors.files.parquet.int96 import int96_columns, int96_unit
from connectors.files.parquet.logical import Restored, as_duration, restored, special_kinds, times_beyond_a_day
from connectors.source import Column, Context, schema_of

_MAGIC, _ENCRYPTED_MAGIC = b"PAR1", b"PARE"
_SMALLEST = 12  # bytes: the magic twice and the footer's length
_PROBE_ROWS = 64


@contextmanager
def open(path: Path, options: FileOptions, context: Context) -> Iterator[ParquetSource]:  # noqa: A001 - as the registry calls it
    """Open a Parquet file.

    Raises:
        UnreadableFile: not Parquet, corrupt, truncated, encrypted, or without columns.
        InvalidRequest: ``flatten``, which Parquet does not need.
    """
    if options.flatten:
        raise InvalidRequest("The option 'flatten' is for JSON: Parquet keeps its nested columns.")
    _check_magic(path)
    with _native_errors(), _reader(path, "ns") as probe:
        unit = int96_unit(path, probe) if int96_columns(probe) else "ns"
    with _native_errors():
        file = _reader(path, unit)
    with file:
        yield _source(file, path, context)


def _reader(path: Path, int96_unit: str) -> pq.ParquetFile:
    """Page by page, never a whole column chunk in memory, with checksums compared where the file has them."""
    return pq.ParquetFile(
        path,
        buffer_size=1 << 20,
        pre_buffer=False,
        coerce_int96_timestamp_unit=int96_unit,
        page_checksum_verification=True,
    )


def _check_magic(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(4)
        size = path.stat().st_size
        if head not in (_MAGIC, _ENCRYPTED_MAGIC):
            raise UnreadableFile("This is not a Parquet file: it does not begin with the bytes PAR1.")
        file.seek(-4, 2)
        tail = file.read(4)
    if _ENCRYPTED_MAGIC in (head, tail):
        raise _encrypted()
    if size < _SMALLEST or tail != _MAGIC:
        raise UnreadableFile(
            "The Parquet file is truncated: it does not end with the bytes PAR1, so its footer is missing."
        )


@contextmanager
def _native_errors() -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError) as error:
        reason = (str(error).splitlines() or [""])[0].strip() or type(error).__name__
        if "crypt" in reason.lower():
            raise _encrypted() from error
        if "Map keys must be" in reason:
            raise UnreadableFile(
                "The Parquet file has a map whose keys may be null, which the format forbids and Arrow does not read.",
                hint="Write it anew with keys that are required.",
            ) from error
        raise UnreadableFile(f"The Parquet file is corrupt or truncated: {reason[:300]}") from error


def _encrypted() -> UnreadableFile:
    return UnreadableFile(
        "The Parquet file is encrypted.",
        code="encrypted_file",
        hint="Decrypt it before sending it: the portal holds no keys.",
    )


def _created_by(metadata: pq.FileMetaData) -> str | None:
    """The writer's name, if it is text."""
    try:
        return str(metadata.created_by)
    except UnicodeDecodeError:
        return None


def _source(file: pq.ParquetFile, path: Path, context: Context) -> ParquetSource:
    with _native_errors():
        schema, metadata = file.schema_arrow, file.metadata
    if not schema.names:
        raise UnreadableFile("The Parquet file has no columns.", code="no_columns")
    _refuse_empty_groups(schema)
    names = unique_names(schema.names, context.warnings)
    leaf_types = {column.path: column.physical_type for column in map(file.schema.column, range(len(file.schema)))}
    kinds = special_kinds(file.schema)
    with _native_errors():
        beyond = times_beyond_a_day(file)
    kept = [
        as_duration(field, context.warnings)
        if field.name in beyond and pa.types.is_time(field.type)
        else restored(kinds, field, context.warnings)
        for field in schema
    ]
    columns = [
        Column(name, how.type, field.nullable, how.kind.lower() or leaf_types.get(field.name), how.fidelity)
        for name, field, how in zip(names, schema, kept, strict=True)
    ]
    facts = {"row_groups": metadata.num_row_groups, "created_by": _created_by(metadata)}
    return ParquetSource(columns, metadata.num_rows, facts, file, kept, path.stat().st_size, context)


def _refuse_empty_groups(schema: pa.Schema) -> None:
    for field in schema:
        if pa.types.is_struct(field.type) and not field.type.num_fields:
            raise UnreadableFile(f"The column '{field.name}' of the Parquet file is a group without fields.")


def _check_counts(metadata: pq.FileMetaData) -> None:
    """A column without lists has no more values than there are rows: pyarrow would leave them unread."""
    flat = [n for n in range(metadata.num_columns) if metadata.schema.column(n).max_repetition_level == 0]
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for chunk in map(group.column, flat):
            if chunk.num_values > group.num_rows:
                raise UnreadableFile(
                    f"The Parquet file is corrupt: a row group of {group.num_rows} rows has {chunk.num_values} values"
                    f" in the column '{chunk.path_in_schema}'."
                )


def _check_values(arrays: Sequence[Any], names: Sequence[str]) -> None:
    for array, name in zip(arrays, names, strict=True):
        try:
            array.validate(full=True)
        except pa.ArrowInvalid as error:
            reason = str(error).rpartition("Invalid: ")[2]
            raise UnreadableFile(f"The column '{name}' of the Parquet file holds what is no value: {reason}") from error


@dataclass(slots=True)
class ParquetSource:
    """See ``connectors.source.Source``. The footer gives the schema and the exact number of rows."""

    columns: Sequence[Column]
    total_rows: int
    facts: Mapping[str, Any]
    _file: pq.ParquetFile
    _kept: Sequence[Restored]
    _bytes: int
    _context: Context
    rows_rejected: int = 0

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Every row, row group by row group.

        Raises:
            UnreadableFile: a page cannot be decoded, text is not UTF-8, or the footer promises more or fewer rows.
        """
        rows = 0
        for batch in self._decoded():
            for part in bounded(batch, self._context.batch_rows):
                rows += part.num_rows
                yield part
            self._context.progress(int(self._bytes * min(rows / max(self.total_rows, 1), 1)))
        if rows:  # of columns that turned out not to be encrypted: pyarrow aborts when asked for those
            _check_counts(self._file.metadata)
        if rows != self.total_rows:
            raise UnreadableFile(
                f"The Parquet file is corrupt: its footer promises {self.total_rows} rows, but it holds {rows}."
            )

    def _decoded(self) -> Iterator[pa.RecordBatch]:
        schema = schema_of(self.columns)
        with _native_errors():
            batches = self._file.iter_batches(batch_size=self._rows_at_once(), use_threads=True)
            while (batch := next(batches, None)) is not None:
                arrays = [how.apply(array) for how, array in zip(self._kept, batch.columns, strict=True)]
                _check_values(arrays, schema.names)
                yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    def _rows_at_once(self) -> int:
        """From a row's size as the footer says, or in the first rows if that is larger (dictionaries, runs)."""
        groups = [self._file.metadata.row_group(number) for number in range(self._file.metadata.num_row_groups)]
        sizes = [group.total_byte_size / group.num_rows for group in groups if group.num_rows > 0]
        first = next(self._file.iter_batches(batch_size=_PROBE_ROWS), None)
        if first is not None and first.num_rows:
            sizes.append(first.nbytes / first.num_rows)
        return rows_within(max(sizes, default=1), self._context.batch_rows)
