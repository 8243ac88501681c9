"""The Parquet file: row groups written as they fill, and nothing believed until the footer has been read back."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from connectors.errors import Unavailable, WorkerFailed

_SAMPLE_ROWS = 10_000
_SAMPLE_BYTES = 8 * 2**20
_MAX_ROW_GROUP_BYTES = 64 * 2**20
_COUNTABLE = (
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_binary,
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_decimal,
    pa.types.is_temporal,
)


@dataclass(frozen=True, slots=True)
class Compression:
    """How pages are compressed: ``snappy``, ``zstd`` or ``none``, and zstd's level."""

    codec: str = "snappy"
    level: int | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """A closed and verified Parquet file."""

    path: Path
    rows: int
    row_groups: int
    bytes: int


class ParquetSink:
    """Writes batches into row groups of ``row_group_rows`` rows, or fewer when their bytes would fill memory.

    Encoding runs in one thread beside the reader's; at most one row group waits for it, so a slow sink slows the
    source down instead of filling memory. Use it with ``with``; ``close`` returns the verified file.
    """

    def __init__(
        self,
        path: Path,
        schema: pa.Schema,
        *,
        compression: Compression,
        row_group_rows: int,
        provenance: Mapping[str, str],
    ) -> None:
        self._path = path
        self._schema = schema.with_metadata({f"tundra.{key}": value for key, value in provenance.items()})
        self._compression = compression
        self._row_group_rows = row_group_rows
        self._pending: list[pa.RecordBatch] = []
        self._pending_rows = 0
        self._pending_bytes = 0
        self._writer: pq.ParquetWriter | None = None
        self._encoder = ThreadPoolExecutor(1, thread_name_prefix="encode")
        self._encoding: Future[None] | None = None
        self.rows = 0

    def __enter__(self) -> ParquetSink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._encoder.shutdown(wait=True)
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def write(self, batch: pa.RecordBatch) -> None:
        """Take one batch; it is encoded once its row group is full."""
        start = 0
        while start < batch.num_rows:
            part = batch.slice(start, self._row_group_rows - self._pending_rows)
            start += part.num_rows
            self._pending.append(part)
            self._pending_rows += part.num_rows
            self._pending_bytes += part.nbytes
            if self._pending_rows >= self._row_group_rows or self._pending_bytes >= _MAX_ROW_GROUP_BYTES:
                self._flush()
        self.rows += batch.num_rows

    def close(self) -> Written:
        """Write what is left, close the file, read its footer back and compare the row counts.

        Raises:
            WorkerFailed: the file does not hold the rows that were written.
            Unavailable: the disk is full.
        """
        if self._pending or self._writer is None:
            self._flush()
        self._wait()
        assert self._writer is not None  # noqa: S101 - _flush opened it
        with _disk_errors():
            self._writer.close()
        self._writer = None
        footer = pq.read_metadata(self._path)
        if footer.num_rows != self.rows:
            raise WorkerFailed(f"The Parquet file holds {footer.num_rows} rows where {self.rows} were written.")
        return Written(self._path, footer.num_rows, footer.num_row_groups, self._path.stat().st_size)

    def _flush(self) -> None:
        table = pa.Table.from_batches(self._pending, schema=self._schema)
        self._pending, self._pending_rows, self._pending_bytes = [], 0, 0
        self._wait()
        if self._writer is None:
            self._writer = self._open(table)
        self._encoding = self._encoder.submit(self._encode, self._writer, table)

    def _wait(self) -> None:
        if self._encoding is not None:
            with _disk_errors():
                self._encoding.result()
            self._encoding = None

    def _encode(self, writer: pq.ParquetWriter, table: pa.Table) -> None:
        if table.num_rows:
            writer.write_table(table, row_group_size=table.num_rows)

    def _open(self, first: pa.Table) -> pq.ParquetWriter:
        level = self._compression.level if self._compression.codec == "zstd" else None
        return pq.ParquetWriter(
            self._path,
            self._schema,
            compression=self._compression.codec.upper(),
            compression_level=level,
            use_dictionary=[name for name in first.column_names if _repeats(first[name])],
            write_statistics=True,
            store_decimal_as_integer=True,
        )


def _repeats(column: pa.ChunkedArray) -> bool:
    """Whether a dictionary would pay: building one for values that hardly repeat doubles the time to encode them."""
    if pa.types.is_dictionary(column.type):
        return True
    if not any(is_kind(column.type) for is_kind in _COUNTABLE):
        return False
    sample = column.slice(0, _SAMPLE_ROWS)
    if sample.nbytes > _SAMPLE_BYTES:
        return False
    return bool(pc.count_distinct(sample, mode="all").as_py() * 2 <= max(len(sample), 1))


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise Unavailable(
            "The portal's disk is full.",
            code="storage_full",
            hint="Free space under TUNDRA_DATA_DIR, then retry.",
        ) from error
