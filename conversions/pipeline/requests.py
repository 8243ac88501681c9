"""Which fields a job's request has. Rows outlive versions: one that another version of the portal wrote may say what
this one does not know, and must not be done as if it had not been said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from connectors.errors import ConversionError
from connectors.files.options import FileOptions

_SOURCE = {"source_url", "source_path", "upload_id"}
_DESTINATION = {"output_url", "output_path"}
_DATABASE = {"query", "table_name", "columns", "partition_column", "partition_num", "options"}
_WEBHOOK = {"webhook_url", "webhook_events"}
_OPTIONS = {field.name for field in fields(FileOptions)} - {"rejects_path"} | {"column_mapping", "skip_rows", "sheets"}


@dataclass(frozen=True, slots=True)
class _Shape:
    """The fields of one kind of request; ``options`` is None where those are checked as they are read."""

    needed: set[str]
    allowed: set[str]
    options: set[str] | None = None


_SHAPES = {
    "file": _Shape(
        {"format", "options", "compression", "row_group_size"},
        {*_SOURCE, *_DESTINATION, *_WEBHOOK, "compression_level"},
        {*_OPTIONS},
    ),
    "database": _Shape(
        {"connector_type", "credentials_id", "compression", "row_group_size"},
        {*_DATABASE, *_DESTINATION, *_WEBHOOK, "compression_level"},
    ),
    "preview": _Shape({"connector_type", "credentials_id", "sample_size", "row_group_size"}, {*_DATABASE, *_WEBHOOK}),
    "schema": _Shape({"format", "options", "sample_size", "row_group_size"}, {*_SOURCE, *_WEBHOOK}, {*_OPTIONS}),
}


def check_request(kind: str, request: Mapping[str, Any]) -> None:
    """Refuse a request that this version cannot have written.

    Raises:
        ConversionError: it names the kind or the fields (409).
    """
    shape = _SHAPES.get(kind)
    if shape is None:
        raise _of_another_version(f"a job of the kind '{kind}', which it does not know")
    if unknown := request.keys() - shape.needed - shape.allowed:
        raise _of_another_version(f"{_listed(unknown)}, which it does not know")
    if missing := shape.needed - request.keys():
        raise _of_another_version(f"a request without {_listed(missing)}, which it needs")
    if shape.options is not None and (unknown := request["options"].keys() - shape.options):
        raise _of_another_version(f"{_listed(f'options.{name}' for name in unknown)}, which it does not know")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def _of_another_version(what: str) -> ConversionError:
    return ConversionError(
        f"Another version of the portal accepted this job; this one was given {what}.",
        code="request_of_another_version",
        http_status=409,
        hint="Retry it when all workers run the version that accepted it, or submit the conversion again.",
    )
