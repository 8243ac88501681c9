"""An attempt from assignment to answer: the kinds of job and what they share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from connectors.errors import UpstreamFailed
from connectors.fetch import download, error_page_reason
from connectors.files.opening import open_file
from connectors.files.options import FileOptions
from connectors.source import Source
from conversions.pipeline.assignment import Assignment
from conversions.pipeline.attempt import Attempt
from conversions.pipeline.convert import convert
from conversions.pipeline.databases import end_sessions, estimated, from_the_beginning, open_source
from conversions.pipeline.delivery import destination_of
from conversions.pipeline.profile import infer_schema
from conversions.pipeline.progress import Progress
from conversions.pipeline.sheets import convert_sheets


def perform(values: dict[str, Any], report: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Do what an assignment (as JSON) says and return the answer and a look at the output, both JSON-ready.

    Raises:
        ConversionError: anything expected that goes wrong.
    """
    attempt = Attempt(Assignment.from_json(values), Progress(report))
    answer = _KINDS[attempt.assignment.kind](attempt)
    return {"result": answer, "inspection": attempt.inspection}


def _convert_file(attempt: Attempt) -> dict[str, Any]:
    if "sheet_places" in attempt.assignment.request:
        return _convert_sheets(attempt)
    destination = destination_of(attempt)
    with _opened_file(attempt) as source:
        metadata = convert(source, destination, attempt)
        rejects = f"/jobs/{attempt.assignment.job_id}/rejects" if source.rows_rejected else None
        return {**metadata, "source_type": "file", "source": dict(source.facts), "rejects": rejects}


def _convert_sheets(attempt: Attempt) -> dict[str, Any]:
    request = attempt.assignment.request
    path = _local_source(attempt)
    attempt.progress.enter("convert")
    metadata = convert_sheets(path, request["format"], _file_options(request["options"], attempt), attempt)
    return {**metadata, "source_type": "file", "rejects": None}


def _convert_database(attempt: Attempt) -> dict[str, Any]:
    return from_the_beginning(lambda: _extract(attempt), attempt)


def _extract(attempt: Attempt) -> dict[str, Any]:
    destination = destination_of(attempt)
    attempt.progress.enter("convert")
    with open_source(attempt) as source:
        metadata = convert(source, destination, attempt)
        facts = dict(source.facts)
        return {
            **metadata,
            "source_type": "database",
            "rows_skipped": None,
            "query_execution_time_ms": facts.pop("query_execution_time_ms", None),
            "connection_info": {**facts, "compression": attempt.assignment.request["compression"]},
        }


def _preview(attempt: Attempt) -> dict[str, Any]:
    attempt.progress.enter("convert")
    with open_source(attempt) as source:
        expected = estimated(attempt)
        return {**infer_schema(source, attempt), "estimate": expected}


def _end_sessions(attempt: Attempt) -> dict[str, Any]:
    end_sessions(attempt)
    return {}


def _infer_schema(attempt: Attempt) -> dict[str, Any]:
    with _opened_file(attempt) as source:
        return infer_schema(source, attempt)


@contextmanager
def _opened_file(attempt: Attempt) -> Iterator[Source]:
    request = attempt.assignment.request
    path = _local_source(attempt)
    attempt.progress.enter("convert")
    with open_file(
        path, request["format"], _file_options(request["options"], attempt), attempt.context(path.stat().st_size)
    ) as source:
        yield source


def _file_options(options: dict[str, Any], attempt: Attempt) -> FileOptions:
    """Overrides may name a column as it will be written; sources know it by its old name."""
    old_names = {new: old for old, new in options.get("column_mapping", {}).items()}
    overrides = {old_names.get(name, name): kind for name, kind in options.get("type_overrides", {}).items()}
    found = FileOptions.from_json({**options, "type_overrides": overrides})
    return replace(found, rejects_path=attempt.rejects_path)


def _local_source(attempt: Attempt) -> Path:
    """The source as a local file: the one named on the command line, or the download."""
    assignment = attempt.assignment
    if local := assignment.request.get("source_path"):
        return Path(local)
    attempt.progress.enter("download")
    path = assignment.temp_dir / "source"
    download(
        assignment.signed_url("source_url"),
        path,
        max_bytes=assignment.limits.max_file_bytes,
        deadline=attempt.deadline,
        progress=lambda read, total: attempt.progress.advance(read / max(total or read, 1), bytes_in=read),
    )
    if reason := error_page_reason(path):
        raise UpstreamFailed(reason, code="source_refused")
    return path


_KINDS: dict[str, Callable[[Attempt], dict[str, Any]]] = {
    "file": _convert_file,
    "database": _convert_database,
    "schema": _infer_schema,
    "preview": _preview,
    "end_sessions": _end_sessions,
}
