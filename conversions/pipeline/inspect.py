"""What a finished Parquet file is like: its row groups and columns, its first rows, how their values are spread.

All of it is bounded, so that looking costs little: footers of so many row groups, and the first rows of the first one.
Values are shown as text, cut short.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from connectors.scalars import python_value, time_texts
from conversions.pipeline.values import json_value

MOST_COLUMNS = 64
_SAMPLE_ROWS = 10_000
_MOST_GROUPS = 1_000
_GROUPS_SHOWN = 50
_BINS = 20
_MOST_FREQUENT = 8
_WIDTH = 80
_NO_FRACTION = re.compile(r"\.0+(?!\d)")
_ORDERED = (pa.types.is_temporal, pa.types.is_floating, pa.types.is_integer, pa.types.is_decimal)


def inspect(path: Path, preview_rows: int) -> dict[str, Any]:
    """Look at a Parquet file.

    Args:
        path: the file.
        preview_rows: how many rows to show; 0: no value at all, neither extremes nor profiles.
    """
    with pq.ParquetFile(path) as file:
        footer = file.metadata
        found = {
            "created_by": footer.created_by,
            "column_count": footer.num_columns,
            "row_group_count": footer.num_row_groups,
            "row_groups": [_row_group(footer.row_group(n)) for n in range(min(footer.num_row_groups, _GROUPS_SHOWN))],
            "columns": list(_columns(footer, file.schema_arrow, with_values=preview_rows > 0)),
        }
        if preview_rows > 0 and footer.num_rows:
            sample = _sample(file)
            found["names"] = sample.schema.names
            found["preview"] = _rows(sample.slice(0, preview_rows))
            found["sampled_rows"] = sample.num_rows
            found["profiles"] = [_profile(column) for column in sample.columns]
    return found


def _row_group(group: pq.RowGroupMetaData) -> dict[str, int]:
    packed = sum(group.column(n).total_compressed_size for n in range(group.num_columns))
    return {"rows": group.num_rows, "bytes": group.total_byte_size, "compressed": packed}


def _columns(footer: pq.FileMetaData, schema: pa.Schema, *, with_values: bool) -> Iterator[dict[str, Any]]:
    """The leaf columns, with what the statistics of their row groups add up to."""
    groups = [footer.row_group(n) for n in range(min(footer.num_row_groups, _MOST_GROUPS))]
    kinds = [kind for field in schema for kind in _leaves(field.type)]
    for index, kind in enumerate(kinds[:MOST_COLUMNS]):
        chunks = [group.column(index) for group in groups]
        statistics = [chunk.statistics for chunk in chunks]
        low, high = _extremes(statistics, kind) if with_values else (None, None)
        yield {
            "path": footer.schema.column(index).path,
            "physical_type": footer.schema.column(index).physical_type,
            "encodings": sorted({encoding for chunk in chunks for encoding in chunk.encodings}),
            "compression": chunks[0].compression if chunks else "",
            "bytes": sum(chunk.total_uncompressed_size for chunk in chunks),
            "compressed": sum(chunk.total_compressed_size for chunk in chunks),
            "nulls": sum(it.null_count for it in statistics) if all(statistics) else None,
            "min": low,
            "max": high,
        }


def _leaves(kind: pa.DataType) -> list[pa.DataType | None]:
    """A type's leaf columns in Parquet; None for those within others, whose extremes say little."""
    if not pa.types.is_nested(kind):
        return [kind]
    inner = [kind.field(n).type for n in range(kind.num_fields)]
    return [None for it in inner for _ in _leaves(it)]


def _extremes(statistics: list[Any], kind: pa.DataType | None) -> list[str | None]:
    known = [it for it in statistics if it is not None and it.has_min_max]
    if not known or kind is None:
        return [None, None]
    if pa.types.is_temporal(kind):  # as numbers: Python has no year 10,000
        numbers = [min(it.min_raw for it in known), max(it.max_raw for it in known)]
        return _texts(pa.array(numbers, pa.int32() if kind.bit_width == 32 else pa.int64()).view(kind))
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    if pa.types.is_integer(kind) or pa.types.is_decimal(kind) or kind in (pa.float32(), pa.float64(), pa.string()):
        return _texts(pa.array([min(it.min for it in known), max(it.max for it in known)], kind))
    return [None, None]


def _sample(file: pq.ParquetFile) -> pa.RecordBatch:
    names = file.schema_arrow.names
    columns = names[:MOST_COLUMNS] if len(names) > MOST_COLUMNS else None
    return next(file.iter_batches(_SAMPLE_ROWS, row_groups=[0], columns=columns))


def _rows(batch: pa.RecordBatch) -> list[list[str | None]]:
    return [list(row) for row in zip(*map(_texts, batch.columns), strict=True)]


def _plain(column: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        return column.dictionary_decode()
    return column.storage if isinstance(column.type, pa.BaseExtensionType) else column


def _texts(column: pa.Array) -> list[str | None]:
    column = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    kind = column.type
    if pa.types.is_nested(kind) or isinstance(kind, pa.BaseExtensionType) or kind in (pa.binary(), pa.large_binary()):
        found = [None if not value.is_valid else _python_text(value) for value in column]
    elif pa.types.is_fixed_size_binary(kind):
        found = [value and value.hex() for value in column.to_pylist()]
    elif pa.types.is_temporal(kind):
        found = [text and _NO_FRACTION.sub("", text) for text in time_texts(column).to_pylist()]
    else:
        found = column.cast(pa.large_string()).to_pylist()
    return [text if text is None or len(text) <= _WIDTH else text[: _WIDTH - 1] + "…" for text in found]


def _python_text(value: pa.Scalar) -> str:
    """A value that Arrow has no text for."""
    if isinstance(value, pa.BinaryScalar | pa.LargeBinaryScalar):
        return str(value.as_py()[:_WIDTH].hex())
    shown = json_value(python_value(value))
    return shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False)


def _profile(column: pa.Array) -> dict[str, Any]:
    """How the values are spread: equal bins for what has an order, the most frequent ones otherwise."""
    column = _plain(column)
    kind, present = column.type, column.drop_null()
    profile: dict[str, Any] = {"nulls": column.null_count}
    if pa.types.is_nested(kind) or not len(present):
        return profile
    profile["distinct"] = pc.count_distinct(present).as_py()
    if any(is_kind(kind) for is_kind in _ORDERED):
        return {**profile, **_histogram(present)}
    return {**profile, **_most_frequent(present)}


def _histogram(present: pa.Array) -> dict[str, Any]:
    kind = present.type
    if pa.types.is_temporal(kind):
        present_numbers = present.view(pa.int32() if kind.bit_width == 32 else pa.int64())
    else:
        present_numbers = present
    numbers = np.asarray(present_numbers.cast(pa.float64(), safe=False))
    finite = np.isfinite(numbers)
    if not finite.any():
        return {}
    present, numbers = present.filter(pa.array(finite)), numbers[finite]
    low, high = _texts(present.take(pa.array([int(numbers.argmin()), int(numbers.argmax())])))
    scaled = numbers / (np.abs(numbers).max() or 1.0)  # the distance of the extremes is a number too
    return {"bins": np.histogram(scaled, _BINS)[0].tolist(), "low": low, "high": high}


def _most_frequent(present: pa.Array) -> dict[str, Any]:
    values, counts = present.value_counts().flatten()
    order = np.argsort(-counts.to_numpy(), kind="stable")[:_MOST_FREQUENT]
    if counts[int(order[0])].as_py() == 1:
        return {}
    chosen = pa.array(order)
    return {"frequent": list(zip(_texts(values.take(chosen)), counts.take(chosen).to_pylist(), strict=True))}
