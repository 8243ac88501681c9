"""What a caller may say about a file. Shapes are checked where requests come in; this is the checked result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from connectors.errors import InvalidRequest
from connectors.types import parse_type

Format = Literal["csv", "tsv", "excel", "json", "parquet"]
LONGEST_DELIMITER = 8
_OF_TEXT = ("delimiter", "quote_char", "decimal_comma", "date_format", "on_bad_row")
# Options that only some formats have; with another format they would do nothing, so they are refused.
FORMATS_OF_OPTION: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(_OF_TEXT, ("csv", "tsv")),
    **dict.fromkeys(("sheet_name", "sheet_index", "sheets"), ("excel",)),
    **dict.fromkeys(("records_path", "flatten"), ("json",)),
    "null_values": ("csv", "tsv", "excel"),
    "has_header": ("csv", "tsv", "excel", "json"),
}


@dataclass(frozen=True, slots=True)
class FileOptions:
    """Options of a file, with their defaults: None means detect.

    Attributes:
        type_overrides: Arrow type by source column name.
        on_cast_error: what happens to an override that some values do not fit.
        on_bad_row: ``fail`` names the first bad row; ``skip`` leaves it out, counted and kept in ``rejects_path``.
        rejects_path: where rows left out are kept, as written, with line and reason (NDJSON); None: only counted.
        null_values: unquoted texts that mean null; None: the usual ones (empty, NULL, N/A, ...), counted.
        records_path: JSON: dotted path to the array of records, or with ``.*`` to an object whose members they are;
            ``$``: the document is the record.
        sheet_name, sheet_index: Excel: which sheet; None: the first.
    """

    encoding: str | None = None
    delimiter: str | None = None
    quote_char: str | None = None
    has_header: bool | None = None
    null_values: tuple[str, ...] | None = None
    decimal_comma: bool | None = None
    date_format: str | None = None
    type_overrides: Mapping[str, pa.DataType] = field(default_factory=dict)
    on_cast_error: Literal["keep", "null", "fail"] = "keep"
    on_bad_row: Literal["fail", "skip"] = "fail"
    rejects_path: Path | None = None
    sheet_name: str | None = None
    sheet_index: int | None = None
    records_path: str | None = None
    flatten: bool = False

    def check_fit(self, kind: str) -> None:
        """Refuse options that the format which was found does not have.

        Raises:
            InvalidRequest: names the first of them.
        """
        for option in fields(self):
            formats = FORMATS_OF_OPTION.get(option.name, (kind,))
            if kind not in formats and getattr(self, option.name) != option.default:
                raise InvalidRequest(f"{option.name} is for {' and '.join(formats)}, but the file is {kind}.")

    @classmethod
    def from_json(cls, options: Mapping[str, Any]) -> FileOptions:
        """The options of a request whose shape has been checked; those that are not about reading are left out.

        Raises:
            InvalidRequest: ``type_overrides`` names an unknown type.
        """
        known = {name: options[name] for name in (field.name for field in fields(cls)) if options.get(name) is not None}
        if "type_overrides" in known:
            known["type_overrides"] = {name: parse_type(kind) for name, kind in known["type_overrides"].items()}
        if "null_values" in known:
            known["null_values"] = tuple(known["null_values"])
        return cls(**known)
