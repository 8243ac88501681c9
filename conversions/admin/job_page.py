"""What a job's page tells: the state, the reason, the columns, the file, the history."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User

from connectors import events
from conversions import inspections
from conversions.admin import job_request
from conversions.api.answers import progress_of
from conversions.models import LOOKING_KINDS, ConversionJob, JobStatus, WebhookDelivery

_HEIGHT = 24.0
_TOLD = ("source", "destination", "worker")  # elsewhere on the page


def context_of(job: ConversionJob, user: User, portal: str) -> dict[str, Any]:
    """Everything that the page shows to this person.

    Args:
        job: whose page it is.
        user: who looks; not everybody sees values and tracebacks.
        portal: the portal's address, for requests to copy.
    """
    may_see_values = inspections.may_see_values(job, user)
    inspection = inspections.of(job) if may_see_values else None
    return {
        "job": job,
        "name": name_of(job.source),
        "source_host": _host_of(job.source),
        **progress_of_page(job),
        "request_json": json.dumps(job.request, indent=2, ensure_ascii=False),
        "is_looking": job.kind in LOOKING_KINDS,
        "has_urls": any(name in job.request for name in job_request.URLS),
        "curl": "" if job.is_local else job_request.as_curl(job, portal),
        "command": job_request.as_command(job),
        "traceback": job.traceback if user.has_perm("conversions.view_traceback") else "",
        "history": _history(job),
        "columns": _columns(job, inspection) if job.kind not in LOOKING_KINDS else _inferred(job, may_see_values),
        "warnings": _warnings(job),
        "facts": detected(job),
        "may_see_values": may_see_values,
        "inspection": inspection,
        "sheet": _inspected_sheet(job),
        "webhooks": [_webhook(it) for it in job.webhooks.defer("body")],
    }


def progress_of_page(job: ConversionJob) -> dict[str, Any]:
    """How far it is."""
    return {"progress": progress_of(job), "is_live": not job.is_terminal}


def name_of(source: str) -> str:
    """What people call a source: the file's name, the table."""
    return source.rstrip("/").rpartition("/")[2] if source.startswith(("http://", "https://", "/")) else source


def _host_of(source: str) -> str:
    return source.partition("://")[2].partition("/")[0]


def _webhook(delivery: WebhookDelivery) -> dict[str, Any]:
    """A message with its attempts, their times as times."""
    return {
        "pk": delivery.pk,
        "event": delivery.get_event_display(),
        "host": delivery.host,
        "status": delivery.get_status_display(),
        "next_attempt_at": delivery.next_attempt_at,
        "attempts": [{**it, "at": datetime.fromisoformat(it["at"])} for it in delivery.tries],
    }


def _history(job: ConversionJob) -> list[dict[str, Any]]:
    return [
        {
            "at": event.at,
            "action": event.action.replace("_", " "),
            "actor": event.actor,
            "detail": ", ".join(f"{name} {value}" for name, value in event.detail.items() if name not in _TOLD),
        }
        for event in events.of(job.subject)
    ]


def _warnings(job: ConversionJob) -> list[str]:
    found = (job.result or {}).get("warnings") or []
    return [it["message"] if isinstance(it, dict) else it for it in found]


def detected(job: ConversionJob) -> dict[str, Any]:
    """What was found out about a file or a table."""
    facts = (job.result or {}).get("source") or {}
    return {
        name.replace("_", " "): _in_words(value)
        for name, value in facts.items()
        if value not in (None, "", []) and not isinstance(value, dict) and name != "bytes"
    }


def _in_words(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else value


def _columns(job: ConversionJob, inspection: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The type ledger, each column with its statistics and how its values are spread where that is known."""
    if job.status != JobStatus.SUCCEEDED:
        return []
    seen = inspection or {}
    chunks = {chunk["path"]: chunk for chunk in seen.get("columns", [])}
    profiles = dict(zip(seen.get("names", []), seen.get("profiles", []), strict=False))
    sheet = _inspected_sheet(job)
    return [
        _column(it, chunks.get(it["name"], {}), profiles.get(it["name"], {}))
        if it.get("sheet") == sheet
        else _column(it, {}, {})
        for it in (job.result or {})["column_schema"]["fields"]
    ]


def _inspected_sheet(job: ConversionJob) -> str | None:
    """Of a workbook's sheets only the first was looked into."""
    outputs = (job.result or {}).get("outputs")
    return str(outputs[0]["sheet"]) if outputs else None


def _column(field: dict[str, Any], chunk: dict[str, Any], profile: dict[str, Any]) -> dict[str, Any]:
    return {
        **field,
        "nulls": chunk.get("nulls"),
        "min": chunk.get("min"),
        "max": chunk.get("max"),
        "distinct": profile.get("distinct"),
        "bars": _bars(profile.get("bins", [])),
        "low": profile.get("low"),
        "high": profile.get("high"),
        "frequent": profile.get("frequent", [])[:3],
    }


def _inferred(job: ConversionJob, may_see_values: bool) -> list[dict[str, Any]]:
    """What an inference has told."""
    return [
        {
            "name": it["name"],
            "type": it["inferred_type"],
            "nullable": it["nullable"],
            "nulls": it["null_count"],
            "min": it["min_value"] if may_see_values else None,
            "max": it["max_value"] if may_see_values else None,
            "distinct": it["unique_count"],
        }
        for it in (job.result or {}).get("schema", {}).get("columns", [])
    ]


def _bars(bins: list[int]) -> list[dict[str, float]]:
    """A histogram's bars in a box 5 wide a bar and 24 high; what is there at all can be seen."""
    highest = max(bins, default=0) or 1
    heights = [max(_HEIGHT * count / highest, 1.0) if count else 0.0 for count in bins]
    return [{"x": 5 * n, "y": _HEIGHT - height, "height": height} for n, height in enumerate(heights)]
