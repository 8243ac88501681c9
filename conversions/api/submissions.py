"""From a checked request to what services take: what may be shown apart from what may not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from rest_framework.request import Request

from connectors.urls import parse_signed_url
from conversions import assignments
from conversions.models import JobKind
from conversions.services import Submission

URL_FIELDS = ("source_url", "output_url")
PATH_FIELDS = ("source_path", "output_path")


def file_conversion(checked: dict[str, Any], request: Request | None = None) -> Submission:
    """A submission from ``ConvertFileSerializer``'s data, or a command's with local paths instead of URLs."""
    return _submission(JobKind.FILE, checked, request)


def schema_inference(checked: dict[str, Any], request: Request | None = None) -> Submission:
    """A submission from ``InferSchemaSerializer``'s data, or a command's with a local path instead of a URL."""
    return _submission(JobKind.SCHEMA, checked, request)


def database_conversion(checked: dict[str, Any], request: Request | None = None) -> Submission:
    """A submission from ``ConvertDatabaseSerializer``'s data, or a command's with a local path instead of a URL."""
    what = checked.get("table_name") or "query"
    label = f"{checked['connector_type']} {checked['credentials_id']}: {what}"
    return replace(_submission(JobKind.DATABASE, checked, request), source=label)


def _submission(kind: str, checked: dict[str, Any], request: Request | None) -> Submission:
    secrets = {name: checked[name] for name in URL_FIELDS if name in checked}
    shown = {name: _shown_url(name, url) for name, url in secrets.items()}
    shown |= {name: str(Path(checked[name]).resolve()) for name in PATH_FIELDS if name in checked}
    user = request.user if request and request.user.is_authenticated else None
    return Submission(
        kind=kind,
        request={**checked, **shown},
        secrets=secrets,
        source=shown.get("source_url") or shown.get("source_path", ""),
        destination=shown.get("output_url") or shown.get("output_path", ""),
        owner=user,
        request_id=getattr(request, "request_id", ""),
    )


def _shown_url(name: str, url: str) -> str:
    return str(parse_signed_url(url, assignments.url_policy(), field=name))
