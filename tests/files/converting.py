"""Converts a file as the engine does and reads the Parquet back with two other readers."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from connectors.files.opening import open_file
from connectors.files.options import FileOptions
from connectors.source import Context, Notice, SchemaChanged, Source, schema_of


@dataclass(frozen=True)
class Converted:
    """What became of a file: the table as pyarrow reads it, the warnings, the facts, and rows left out."""

    table: pa.Table
    warnings: list[Notice]
    facts: dict[str, Any]
    rows_rejected: int
    schema_changes: int

    @property
    def types(self) -> dict[str, str]:
        return {field.name: str(field.type) for field in self.table.schema}

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        return list(zip(*(column.to_pylist() for column in self.table.columns), strict=True))

    @property
    def issues(self) -> list[str]:
        return [warning.issue for warning in self.warnings]


def convert(content: bytes | str, kind: str = "csv", *, max_bytes: int | None = None, **options: Any) -> Converted:
    """Convert the content of a file with the given ``FileOptions``."""
    with tempfile.TemporaryDirectory() as directory:
        path, output = Path(directory) / "input", Path(directory) / "output.parquet"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        context = Context(temp_dir=Path(directory), max_bytes=max_bytes)
        with open_file(path, kind, FileOptions(**options), context) as source:
            changes = _write(source, output)
            table = pq.read_table(output)
            counted = duckdb.sql(f"SELECT count(*) FROM read_parquet('{output}')").fetchone()
            assert counted == (table.num_rows,)
            return Converted(table, context.warnings.items, dict(source.facts), source.rows_rejected, changes)


def _write(source: Source, output: Path) -> int:
    for changes in range(2):
        try:
            with pq.ParquetWriter(output, schema_of(source.columns)) as writer:
                for batch in source.batches():
                    writer.write_batch(batch)
        except SchemaChanged:
            continue
        return changes
    raise AssertionError("the schema changed twice")
