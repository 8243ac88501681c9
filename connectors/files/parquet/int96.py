"""INT96 timestamps: nanoseconds over a range of years that no 64-bit nanosecond timestamp covers.

pyarrow wraps those outside 1677-2262 silently when it reads nanoseconds, and cuts off what is less than a
microsecond when it reads microseconds. So microseconds are used unless a value needs more.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from connectors.errors import UnreadableFile

_LAST_NS_IN_US = (2**63 - 1) // 1000 - 1
_LAST_US_IN_S = (2**63 - 1) // 1_000_000 - 1


def int96_columns(file: pq.ParquetFile) -> list[str]:
    """The dotted paths of the file's INT96 leaves."""
    leaves = (file.schema.column(number) for number in range(len(file.schema)))
    return [leaf.path for leaf in leaves if leaf.physical_type == "INT96"]


def int96_unit(path: Path, file: pq.ParquetFile) -> str:
    """``us``, or ``ns`` when a value has a part of a microsecond.

    Args:
        path: the file.
        file: the same file, opened to read INT96 as nanoseconds.

    Raises:
        UnreadableFile: there are parts of a microsecond and also years outside 1677-2262, or years that no 64-bit
            timestamp covers.
    """
    columns, fine, far = int96_columns(file), False, False
    with _in(path, "us") as coarse, _in(path, "s") as coarsest:
        for ns, us, s in zip(*(_counts(one, columns) for one in (file, coarse, coarsest)), strict=True):
            if not _all(pc.less_equal(pc.abs(s), pa.scalar(_LAST_US_IN_S))):
                raise UnreadableFile("INT96 timestamps have years beyond the year 294246: no type holds them.")
            fine = fine or not _all(pc.equal(ns, pc.multiply(us, 1000)))  # both wrap alike
            far = far or not _all(pc.less_equal(pc.abs(us), pa.scalar(_LAST_NS_IN_US)))
    if fine and far:
        raise UnreadableFile("INT96 timestamps have nanoseconds and years outside 1677-2262: no type holds both.")
    return "ns" if fine else "us"


def _in(path: Path, unit: str) -> pq.ParquetFile:
    return pq.ParquetFile(path, coerce_int96_timestamp_unit=unit)


def _all(flags: Any) -> bool:
    return bool(pc.all(flags, min_count=0).as_py())


def _counts(file: pq.ParquetFile, columns: list[str]) -> Iterator[Any]:
    """The timestamps of each batch and column, at any depth, as 64-bit counts."""
    for batch in file.iter_batches(batch_size=65_536, columns=columns):
        for column in batch.columns:
            yield from (leaf.cast(pa.int64()) for leaf in _leaves(column))


def _leaves(array: Any) -> list[Any]:
    if pa.types.is_struct(array.type):
        return [leaf for child in array.flatten() for leaf in _leaves(child)]
    if pa.types.is_map(array.type):
        return _leaves(array.keys) + _leaves(array.items)
    if pa.types.is_list(array.type) or pa.types.is_large_list(array.type):
        return _leaves(array.flatten())
    return [array] if pa.types.is_timestamp(array.type) else []
