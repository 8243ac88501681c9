"""Arrow batches cut to the size that the rest of the engine counts on."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

BATCH_BYTES = 32 << 20


def rows_within(bytes_per_row: float, most_rows: int) -> int:
    """How many rows of this size make one batch: from one to ``most_rows``, of about ``BATCH_BYTES``."""
    return max(1, min(most_rows, int(BATCH_BYTES / max(bytes_per_row, 1))))


def bounded(batch: pa.RecordBatch, most_rows: int) -> Iterator[pa.RecordBatch]:
    """The same rows in slices of at most ``most_rows`` rows and roughly ``BATCH_BYTES``; none if there are none."""
    step = rows_within(batch.nbytes / max(batch.num_rows, 1), most_rows)
    for start in range(0, batch.num_rows, step):
        yield batch.slice(start, step)
