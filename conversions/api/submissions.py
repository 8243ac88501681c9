"""From a checked request to what services take: what may be shown apart from what may not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

from rest_framework.request import Request

from connectors.errors import InvalidRequest
from connectors.urls import parse_signed_url
from conversions import assignments, uploads
from conversions.api.callers import caller_of
from conversions.api.permissions import visible_uploads
from conversions.models import JobKind, Upload
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
    return replace(_submission(JobKind.DATABASE, checked, request), source=_database_label(checked))


def database_preview(checked: dict[str, Any], request: Request | None = None) -> Submission:
    """A submission from ``PreviewDatabaseSerializer``'s data."""
    return replace(_submission(JobKind.PREVIEW, checked, request), source=_database_label(checked))


def _database_label(checked: dict[str, Any]) -> str:
    return f"{checked['connector_type']} {checked['credentials_id']}: {checked.get('table_name') or 'query'}"


def _submission(kind: str, checked: dict[str, Any], request: Request | None) -> Submission:
    secrets = {name: checked[name] for name in URL_FIELDS if name in checked}
    shown = {name: _shown_url(name, url) for name, url in secrets.items()}
    if "webhook_url" in checked:
        shown["webhook_url"] = str(
            parse_signed_url(checked["webhook_url"], assignments.webhook_policy(), field="webhook_url")
        )
    shown |= {name: str(Path(checked[name]).resolve()) for name in PATH_FIELDS if name in checked}
    upload = _upload(checked["upload_id"], request) if request and "upload_id" in checked else None
    user = request.user if request and request.user.is_authenticated else None
    return Submission(
        kind=kind,
        request={**checked, **shown, **({"upload_id": str(upload.pk)} if upload else {})},
        secrets=secrets,
        source=upload.filename if upload else shown.get("source_url") or shown.get("source_path", ""),
        destination=shown.get("output_url") or shown.get("output_path", ""),
        webhook_url=checked.get("webhook_url", ""),
        owner=user,
        request_id=getattr(request, "request_id", ""),
        caller=caller_of(request) if request else "command",
        upload=upload,
        idempotency_key=_idempotency_key(request) if request else "",
    )


def _upload(upload_id: UUID, request: Request) -> Upload:
    upload = visible_uploads(request).filter(pk=upload_id).first()
    if upload is None:
        raise uploads.gone()
    return upload


def _idempotency_key(request: Request) -> str:
    """What the caller calls this request.

    Raises:
        InvalidRequest: it is no text of 1 to 255 printable characters.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return ""
    if not (0 < len(key) <= 255 and key.isascii() and key.isprintable()):
        raise InvalidRequest("The Idempotency-Key header must have 1 to 255 printable ASCII characters.")
    return key


def _shown_url(name: str, url: str) -> str:
    return str(parse_signed_url(url, assignments.url_policy(), field=name))
