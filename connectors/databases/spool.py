"""Back-pressure for a stream that has none: what arrives faster than it is used waits on disk, not in memory."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

_MEMORY_BYTES = 32 * 2**20


def spooled(batches: Iterator[pa.RecordBatch], directory: Path) -> Iterator[pa.RecordBatch]:
    """The same batches in the same order.

    After each batch is used, the stream is emptied for as long as that use took, which is when its backlog grew: into
    memory up to a limit, then into files in ``directory``. Whether a batch had to be waited for would be no measure: on
    a busy machine everything takes its time, and the stream's own buffer would grow.
    """
    waiting: deque[pa.RecordBatch | Path] = deque()
    held, number, more = 0, 0, True
    time_used = 0.0
    while more or waiting:
        began = time.monotonic()
        while more:
            batch = next(batches, None)
            if batch is None:
                more = False
                break
            number += 1
            if held + batch.nbytes > _MEMORY_BYTES and waiting:
                waiting.append(_put_away(batch, directory / f"spool-{number}.arrow"))
            else:
                held += batch.nbytes
                waiting.append(batch)
            if time.monotonic() - began >= time_used:
                break
        if waiting:
            following = waiting.popleft()
            if isinstance(following, Path):
                following = _taken_back(following)
            else:
                held -= following.nbytes
            given = time.monotonic()
            yield following
            time_used = time.monotonic() - given


def _put_away(batch: pa.RecordBatch, path: Path) -> Path:
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, batch.schema, options=options) as writer:
        writer.write_batch(batch)
    return path


def _taken_back(path: Path) -> pa.RecordBatch:
    with pa.OSFile(str(path), "rb") as file, pa.ipc.open_stream(file) as reader:
        batch = reader.read_next_batch()
    path.unlink()
    return batch
