"""What Parquet's footer says of a column and pyarrow does not: kept where a type holds it, named where none does."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from connectors.files.parquet.layouts import usual_layout
from connectors.source import Warnings

_INTERVAL = pa.struct([(part, pa.uint32()) for part in ("months", "days", "milliseconds")])
_NAMELESS = {  # what the values of a logical type are, when the type itself is not kept
    "INTERVAL": "months, days and milliseconds in 12 bytes, each an unsigned little-endian integer",
    "ENUM": "texts as binary values",
    "BSON": "BSON documents as binary values",
    "GEOMETRY": "well-known binary (WKB)",
    "GEOGRAPHY": "well-known binary (WKB)",
    "VARIANT": "metadata and values in the binary encoding of variants",
}
_SCANNED_ROWS = 65_536
_GROUP = re.compile(
    r"( *)(?:required|optional|repeated) group field_id=-?\d+ (.*?)( \(Variant\(\d+\)\))? (?:\([^()]*\) )?{"
)


@dataclass(frozen=True, slots=True)
class Restored:
    """One column as it will be: its type, and how faithfully that is what the file says.

    Attributes:
        type: the type of what ``apply`` returns.
        fidelity: for ``Column.fidelity``.
        kind: the logical type that is restored, if one is.
    """

    type: pa.DataType
    fidelity: str = "exact"
    kind: str = ""

    def apply(self, array: Any) -> Any:
        """The column's array in ``type``.

        Raises:
            pa.ArrowInvalid: an enum's value is not UTF-8.
        """
        if self.kind == "ENUM":
            return array.cast(pa.string())
        if self.kind == "INTERVAL":
            return _intervals(array)
        if self.kind == "TIME":
            counts = array.view(pa.int32() if pa.types.is_time32(array.type) else pa.int64())
            return counts.cast(pa.int64()).cast(self.type)
        return array if array.type == self.type else array.cast(self.type)


def special_kinds(schema: pq.ParquetSchema) -> dict[str, str]:
    """The logical types that pyarrow drops, by the dotted paths of the leaves or groups that have them."""
    leaves = (schema.column(number) for number in range(len(schema)))
    kinds = ((leaf.path, {leaf.logical_type.type, leaf.converted_type} & _NAMELESS.keys()) for leaf in leaves)
    return {path: min(found) for path, found in kinds if found} | dict.fromkeys(_variants(schema), "VARIANT")


def _variants(schema: pq.ParquetSchema) -> Iterator[str]:
    """The dotted paths of the groups that are variants: only the printed schema tells."""
    path: list[str] = []
    for group in filter(None, map(_GROUP.fullmatch, str(schema).splitlines())):
        path[len(group[1]) // 2 :] = [group[2]]
        if group[3]:
            yield ".".join(path[1:])


def restored(kinds: Mapping[str, str], field: pa.Field, warnings: Warnings) -> Restored:
    """How the column of this field is kept; a warning names a logical type that no Arrow type stands for."""
    kind = kinds.get(field.name, "")
    if kind == "ENUM" and pa.types.is_binary(field.type):
        return Restored(pa.string(), kind=kind)
    if kind == "INTERVAL" and pa.types.is_fixed_size_binary(field.type):
        return Restored(_INTERVAL, "months, days and milliseconds of interval", kind)
    inside = {path: name for path, name in kinds.items() if path == field.name or path.startswith(f"{field.name}.")}
    for path, name in inside.items():
        warnings.add("logical_type", f"'{path}' has the type {name}; it is kept as {_NAMELESS[name]}.", column=path)
    return Restored(usual_layout(field.type), ", ".join(_NAMELESS[name] for name in inside.values()) or "exact")


def times_beyond_a_day(file: pq.ParquetFile) -> set[str]:
    """The columns of times of which some are negative or past midnight, as fastparquet writes durations."""
    names = [field.name for field in file.schema_arrow if pa.types.is_time(field.type)]
    found: set[str] = set()
    for batch in file.iter_batches(batch_size=_SCANNED_ROWS, columns=names) if names else ():
        for name, array in zip(batch.schema.names, batch.columns, strict=True):
            try:
                array.validate(full=True)
            except pa.ArrowInvalid:
                found.add(name)
    return found


def as_duration(field: pa.Field, warnings: Warnings) -> Restored:
    """How a column of times is kept of which some are no times of day."""
    message = f"'{field.name}' has times that are negative or past midnight; all its times are kept as durations."
    warnings.add("logical_type", message, column=field.name)
    return Restored(pa.duration(field.type.unit), kind="TIME")


def _intervals(array: Any) -> Any:
    """A fixed-size binary array as structs of the three numbers."""
    filled = array.fill_null(bytes(12))
    data = filled.buffers()[1]
    numbers = np.frombuffer(data, "<u4", 3 * len(array), 12 * filled.offset) if data else np.zeros(0, "<u4")
    parts = [pa.array(numbers[part::3]) for part in range(3)]
    return pa.StructArray.from_arrays(parts, fields=list(_INTERVAL), mask=array.is_null())
