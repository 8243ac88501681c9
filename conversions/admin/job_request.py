"""A job's request as people repeat it: what the API or a command would be given. Signatures are not kept."""

from __future__ import annotations

import json
import shlex
from pathlib import PurePath
from typing import Any

from django.conf import settings

from conversions.models import ConversionJob, JobKind

URLS = ("source_url", "output_url")
_PATHS = {
    JobKind.FILE: "/convert/file",
    JobKind.DATABASE: "/convert/database",
    JobKind.SCHEMA: "/infer/schema",
    JobKind.PREVIEW: "/preview/database",
}
_COMMANDS = {JobKind.FILE: "convert_file", JobKind.DATABASE: "convert_database", JobKind.SCHEMA: "infer_schema"}
_FLAGS = (
    "credentials_id",
    "connector_type",
    "table_name",
    "query",
    "partition_column",
    "partition_num",
    "format",
    "sample_size",
    "compression",
    "options",
)
_OF_WRITING = ("compression_level", "row_group_size")


def as_curl(job: ConversionJob, portal: str) -> str:
    """The request to the API, with a place for what is not kept: the key and the signatures."""
    body = json.dumps(_given(job), ensure_ascii=False, indent=2)
    return " \\\n  ".join(
        [
            f"curl -X POST {shlex.quote(portal.rstrip('/') + _PATHS[JobKind(job.kind)])}",
            '-H "Authorization: Bearer $TUNDRA_KEY"',
            "-H 'Content-Type: application/json'",
            f"-d {shlex.quote(body)}",
        ]
    )


def as_command(job: ConversionJob) -> str:
    """The command that does the same on the portal's machine; empty where there is none.

    Files that have no address are named: an upload as it was called, an output after its source.
    """
    if job.kind not in _COMMANDS or "sheets" in job.request.get("options", {}):
        return ""
    given = _given(job)
    source = given.get("source_url") or given.get("source_path") or job.source
    words = ["python manage.py", _COMMANDS[JobKind(job.kind)]]
    if job.kind != JobKind.DATABASE:
        words.append(shlex.quote(source))
    if job.kind != JobKind.SCHEMA:
        words.append(shlex.quote(given.get("output_url") or given.get("output_path") or _name_for(job)))
    words += [f"--column {shlex.quote(name)}" for name in given.get("columns", [])]
    for name in _FLAGS:
        if name in given:
            value = json.dumps(given[name]) if isinstance(given[name], dict) else str(given[name])
            words.append(f"--{name.replace('_', '-')} {shlex.quote(value)}")
    return " ".join(words)


def _name_for(job: ConversionJob) -> str:
    """A name for the output of a file, a table or a query."""
    if job.kind == JobKind.DATABASE:
        return f"{job.request.get('table_name') or 'query'}.parquet".replace("/", "-")
    return f"{PurePath(job.source.rpartition('/')[2]).stem}.parquet"


def _given(job: ConversionJob) -> dict[str, Any]:
    """What was asked for, without what was left at its default and with a place for signatures.

    How the file is written stands among the options, where every endpoint and command takes it.
    """
    asked = {name: value for name, value in job.request.items() if value not in (None, "", {}, [])}
    if asked.get("row_group_size") == settings.TUNDRA.PARQUET_ROW_GROUP_SIZE:
        del asked["row_group_size"]
    options = asked.pop("options", {}) | {name: asked.pop(name) for name in _OF_WRITING if name in asked}
    given = asked | ({"options": options} if options else {})
    return given | {name: f"{given[name]}?SIGNATURE" for name in URLS if name in given}
