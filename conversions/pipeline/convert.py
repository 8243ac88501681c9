"""From an opened source to a delivered Parquet file, and the account of it."""

from __future__ import annotations

import time
from typing import Any

import structlog

from connectors.errors import TooLarge
from connectors.source import Column, SchemaChanged, Source
from connectors.types import type_name
from conversions.pipeline.attempt import Attempt
from conversions.pipeline.delivery import Destination, deliver, deliver_rejects
from conversions.pipeline.inspect import inspect
from conversions.pipeline.sink import Compression, ParquetSink, Written
from conversions.pipeline.transform import Transform

logger = structlog.stdlib.get_logger(__name__)


def convert(source: Source, destination: Destination, attempt: Attempt) -> dict[str, Any]:
    """Read the source, write and verify the Parquet file, deliver it; return the contract's ``metadata``."""
    written, transform = _write(source, attempt)
    deliver_rejects(source, attempt)  # first: where they cannot be kept, nothing is delivered
    receipt = deliver(written, destination, attempt)
    _inspect(written, attempt)
    skipped = transform.rows_skipped + source.rows_rejected
    return {
        "rows": written.rows,
        "columns": len(transform.names),
        "column_schema": {"fields": describe_columns(source, transform.names), "format": "parquet"},
        "file_size_mb": round(written.bytes / 2**20, 4),
        "processing_time_seconds": round(time.monotonic() - attempt.started, 3),
        "rows_skipped": skipped,
        "warnings": [warning.message for warning in attempt.warnings.items] or None,
        "row_groups": written.row_groups,
        "receipt": receipt,
    }


def transform_for(source: Source, attempt: Attempt) -> Transform:
    """The transformation a request asks for, over the source's present columns."""
    options = attempt.assignment.request.get("options", {})
    return Transform(source.columns, options.get("column_mapping", {}), options.get("skip_rows", []))


def describe_columns(source: Source, names: list[str]) -> list[dict[str, Any]]:
    """The type ledger in the contract's words."""
    return [_describe(column, name) for column, name in zip(source.columns, names, strict=True)]


def _describe(column: Column, name: str) -> dict[str, Any]:
    kind = type_name(column.type)
    return {
        "name": name,
        "type": kind,
        "polars_type": kind,
        "source_type": column.source_type,
        "nullable": column.nullable,
        "fidelity": column.fidelity,
    }


def _inspect(written: Written, attempt: Attempt) -> None:
    """Look at what was delivered. That is for people who wonder: it fails no conversion."""
    try:
        attempt.inspection = inspect(written.path, attempt.assignment.limits.preview_rows)
    except Exception:
        logger.exception("the output could not be inspected")


def _write(source: Source, attempt: Attempt) -> tuple[Written, Transform]:
    while True:
        try:
            return _write_once(source, attempt)
        except SchemaChanged:
            # The schema is final now: what was written is void and the rows are read again.
            continue


def _write_once(source: Source, attempt: Attempt) -> tuple[Written, Transform]:
    request, progress = attempt.assignment.request, attempt.progress
    transform = transform_for(source, attempt)
    sink = ParquetSink(
        attempt.assignment.temp_dir / "output.parquet",
        transform.schema,
        compression=Compression(request["compression"], request.get("compression_level")),
        row_group_rows=request["row_group_size"],
        provenance=_provenance(attempt),
    )
    with sink:
        for batch in source.batches():
            sink.write(transform.apply(batch))
            _check_rows(sink.rows, attempt)
            share = sink.rows / source.total_rows if source.total_rows else 0.0
            progress.total_rows = source.total_rows
            progress.advance(share, rows=sink.rows)
        return sink.close(), transform


def _check_rows(rows: int, attempt: Attempt) -> None:
    limit = attempt.assignment.limits.max_rows
    if limit is not None and rows > limit:
        raise TooLarge(
            f"The source has more than {limit:,} rows, the most one conversion may have (MAX_ROWS_PROCESSED).",
            code="too_many_rows",
        )


def _provenance(attempt: Attempt) -> dict[str, str]:
    """What the file says of itself. The same for every attempt, so a repeated delivery has the same bytes."""
    assignment = attempt.assignment
    return {
        "service": "halatio-tundra",
        "job_id": assignment.job_id,
        "job_created_at": assignment.created_at,
        "source": assignment.request["source_label"],
    }
