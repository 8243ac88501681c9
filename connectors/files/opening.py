"""The way into every file: unpacked, recognised, opened by its format, and described."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from connectors.errors import UnreadableFile
from connectors.files.compression import check_size, decompress
from connectors.files.detect import compression_of, head_of, looks_like
from connectors.files.excel.sheets import sheets_with_cells
from connectors.files.options import FileOptions
from connectors.files.overrides import OverriddenSource
from connectors.registry import open_file_format
from connectors.source import Column, Context, Source

_TEXT_KINDS = ("csv", "tsv")
_MAX_NESTED_COMPRESSIONS = 3


@contextmanager
def open_file(path: Path, kind: str, options: FileOptions, context: Context) -> Iterator[Source]:
    """Open a local file as ``csv``, ``tsv``, ``excel``, ``json``, ``parquet`` or ``auto`` (whatever it is).

    Raises:
        UnreadableFile: it is empty, damaged, or evidently of another format (code ``wrong_format``).
        InvalidRequest: options that the format does not have.
        TooLarge: it is, or unpacks to, more than ``context.max_bytes``.
        Unavailable: no disk space to unpack it.
        ConversionError: whatever the format itself refuses.
    """
    plain, compressions = _unpacked(path, context)
    size = plain.stat().st_size
    found = looks_like(plain)
    kind = _resolved(kind, found)
    options.check_fit(kind)
    facts = {"format": kind, "compression": compressions[0] if compressions else None, "bytes": size}
    inner_context = _with_scaled_progress(context, path.stat().st_size, size) if compressions else context
    with open_file_format(kind, plain, _for_kind(kind, options, plain), inner_context) as source:
        overridden = options.type_overrides and kind not in _TEXT_KINDS
        yield _Described(OverriddenSource(source, options, inner_context) if overridden else source, facts)


def list_sheets(path: Path, kind: str, context: Context) -> list[tuple[int, str]]:
    """The index and the name of each sheet with cells of a workbook, opened as ``excel`` or ``auto``.

    Raises:
        UnreadableFile: it is no workbook, or damaged.
        TooLarge: it is, or unpacks to, more than ``context.max_bytes``.
    """
    plain, _ = _unpacked(path, context)
    if (found := _resolved(kind, looks_like(plain))) != "excel":
        raise UnreadableFile(f"options.sheets is for workbooks; the file is {found}.", code="wrong_format")
    return sheets_with_cells(plain, context)


def _unpacked(path: Path, context: Context) -> tuple[Path, list[str]]:
    """The plain file and the compressions that were around it, outermost first."""
    compressions: list[str] = []
    while True:
        _refuse_empty(path, compressions)
        compression = compression_of(path)
        if compression is None:
            check_size(path.stat().st_size, context)
            return path, compressions
        if len(compressions) == _MAX_NESTED_COMPRESSIONS:
            raise UnreadableFile(
                "The file is compressed again and again; send it compressed once.", code="corrupt_archive"
            )
        compressions.append(compression)
        inner = decompress(path, compression, context)
        if len(compressions) > 1:
            path.unlink()
        path = inner


def _refuse_empty(path: Path, compressions: Sequence[str]) -> None:
    if path.stat().st_size == 0:
        inside = f" once unpacked ({compressions[-1]})" if compressions else ""
        raise UnreadableFile(f"The file is empty{inside}.", code="empty_file")


def _resolved(kind: str, found: str) -> str:
    """The format to open, or a refusal when the bytes are evidently something else."""
    if kind == "auto":
        if found in ("parquet", "excel", "json"):
            return found
        if found == "text":
            return "csv"
        raise UnreadableFile(
            f"The file looks like {found}, which is not a table the portal can read.", code="wrong_format"
        )
    if found == kind or (found == "text" and kind in (*_TEXT_KINDS, "json")):
        return kind
    seems = {
        "parquet": "a Parquet file",
        "excel": "an Excel workbook",
        "json": "JSON",
        "text": "plain text or something unknown",
    }.get(found, found)
    raise UnreadableFile(
        f"The file looks like {seems}, not {kind}.",
        code="wrong_format",
        hint=f"Send format '{found}' or 'auto'." if found in ("parquet", "excel", "json") else None,
    )


def _for_kind(kind: str, options: FileOptions, path: Path) -> FileOptions:
    """A ``tsv`` is tab separated unless the caller says otherwise or it has no tab at all."""
    if kind == "tsv" and options.delimiter is None and b"\t" in head_of(path):
        return replace(options, delimiter="\t")
    return options


def _with_scaled_progress(context: Context, packed: int, unpacked: int) -> Context:
    ratio = packed / max(unpacked, 1)
    return replace(context, progress=lambda bytes_in: context.progress(int(bytes_in * ratio)))


class _Described:
    """A source with what opening found added to its facts."""

    def __init__(self, inner: Source, facts: Mapping[str, Any]) -> None:
        self._inner = inner
        self._facts = facts

    @property
    def columns(self) -> Sequence[Column]:
        return self._inner.columns

    @property
    def total_rows(self) -> int | None:
        return self._inner.total_rows

    @property
    def rows_rejected(self) -> int:
        return self._inner.rows_rejected

    @property
    def facts(self) -> Mapping[str, Any]:
        return {"encoding": None, "delimiter": None, "sheet": None, **self._inner.facts, **self._facts}

    def batches(self) -> Iterator[pa.RecordBatch]:
        return self._inner.batches()
