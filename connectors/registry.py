"""Which code opens which kind of source. A kind is imported when it is first used, so the portal starts fast."""

from __future__ import annotations

from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from connectors.files.options import FileOptions
from connectors.source import Context, Source

# format -> where its ``open(path, options, context)`` lives. Adding a format is adding a line and that module.
FILE_FORMATS = {
    "csv": "connectors.files.delimited.source",
    "tsv": "connectors.files.delimited.source",
    "excel": "connectors.files.excel.source",
    "json": "connectors.files.json.source",
    "parquet": "connectors.files.parquet.source",
}


def open_file_format(kind: str, path: Path, options: FileOptions, context: Context) -> AbstractContextManager[Source]:
    """Open an uncompressed local file as the given format.

    Raises:
        ConversionError: the file cannot be read as that format; no other exception leaves a format's ``open``.
    """
    module: Any = import_module(FILE_FORMATS[kind])
    return cast("AbstractContextManager[Source]", module.open(path, options, context))
