"""What the caller asked to change on the way: columns renamed, rows left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from connectors.errors import InvalidRequest
from connectors.source import Column, schema_of


class Transform:
    """Renames columns and leaves out rows by their 0-based index among the source's data rows.

    Raises:
        InvalidRequest: ``column_mapping`` names a column that is not there, or two columns would share a name.
    """

    def __init__(self, columns: Sequence[Column], column_mapping: Mapping[str, str], skip_rows: Sequence[int]) -> None:
        names = [column.name for column in columns]
        self.names = _mapped(names, column_mapping)
        self.schema = pa.schema(
            [field.with_name(name) for field, name in zip(schema_of(columns), self.names, strict=True)]
        )
        self._skip = np.unique(np.asarray(skip_rows, dtype=np.int64))
        self._seen = 0
        self.rows_skipped = 0

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The batch as it will be written. Call it once per batch, in order."""
        start, self._seen = self._seen, self._seen + batch.num_rows
        left, right = np.searchsorted(self._skip, [start, self._seen])
        if left != right:
            keep = np.ones(batch.num_rows, dtype=bool)
            keep[self._skip[left:right] - start] = False
            self.rows_skipped += int(right - left)
            batch = batch.filter(pa.array(keep))
        return pa.RecordBatch.from_arrays(batch.columns, schema=self.schema)


def _mapped(names: Sequence[str], column_mapping: Mapping[str, str]) -> list[str]:
    unknown = [name for name in column_mapping if name not in names]
    if unknown:
        raise InvalidRequest(
            f"column_mapping names the column '{unknown[0]}', which the source does not have. "
            f"Its columns are: {', '.join(names[:50])}.",
            code="unknown_column",
        )
    mapped = [column_mapping.get(name, name) for name in names]
    for name in column_mapping.values():
        if mapped.count(name) > 1:
            raise InvalidRequest(
                f"column_mapping gives the name '{name}' to a column while another one has it.",
                code="column_name_clash",
            )
    return mapped
