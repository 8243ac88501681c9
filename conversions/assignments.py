"""From a job's row and the settings to the assignment that its child gets."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.conf import settings

from connectors import services as credentials
from connectors.errors import ConversionError
from connectors.urls import UrlPolicy
from conversions import outputs, rejects, storage
from conversions.models import DATABASE_KINDS, ConversionJob
from conversions.pipeline.assignment import Assignment, Limits
from conversions.pipeline.requests import check_request
from conversions.sealed import unseal

SECRET_FIELDS = {"source_url", "output_url", "source_path", "output_path"}
_URLS = ("source_url", "output_url", "rejects_url")
_SPARE_SECONDS = 300
_MOST_SHEETS = 100


def of(job: ConversionJob, temp_dir: Path) -> Assignment:
    """The assignment for the attempt that holds the job.

    Raises:
        ConversionError: its signed URLs or its upload are gone, another version of the portal accepted it, or the
            portal's own store does not answer.
    """
    check_request(job.kind, job.request)
    secrets = secrets_of(job)
    own = _in_own_store(job)
    policies = {field: storage.url_policy(url) for field, url in own.items() if field.endswith("_url")}
    return Assignment(
        kind=job.kind,
        job_id=str(job.pk),
        number=job.attempts,
        request_id=job.request_id,
        created_at=job.created_at.isoformat(),
        request={**job.request, **secrets, **own, **_sheet_places(job), "source_label": job.source},
        limits=limits_for(job),
        urls={field: policies.get(field, url_policy()) for field in _URLS},
        temp_dir=temp_dir,
        secret_store=asdict(credentials.store_config()) if job.kind in DATABASE_KINDS else None,
    )


def secrets_of(job: ConversionJob) -> dict[str, Any]:
    """The signed URLs (or a command's local paths) that a job was given.

    Raises:
        ConversionError: they, or its upload, are no longer kept (409).
    """
    if job.request.get("upload_id") and job.upload is None:
        raise ConversionError(
            "The upload of this job is no longer kept.",
            code="upload_gone",
            http_status=409,
            hint="Upload the file and submit the conversion again.",
        )
    if not job.request.keys() & SECRET_FIELDS:
        return {}
    secrets = unseal(job.sealed)
    if secrets is None:
        raise ConversionError(
            "The signed URLs of this job are no longer kept.",
            code="request_wiped",
            http_status=409,
            hint="Submit the conversion again with fresh URLs.",
        )
    return secrets


def _in_own_store(job: ConversionJob) -> dict[str, str]:
    """What the job reads and writes in the portal's own store, as paths or as signed URLs of the bucket."""
    places: dict[str, str] = {}
    if job.upload is not None:
        places |= _place("source", "GET", job.upload.stored_as)
    if job.keeps_output:
        places |= _place("output", "PUT", outputs.stored_as(job))
    if rejects.are_kept(job):
        places |= _place("rejects", "PUT", rejects.stored_as(job))
    return places


def _sheet_places(job: ConversionJob) -> dict[str, list[str]]:
    """Where each sheet goes, for a job that converts all of them."""
    if not outputs.has_sheets(job):
        return {}
    places = (_place("output", "PUT", outputs.stored_as(job, number)) for number in range(_MOST_SHEETS))
    return {"sheet_places": [next(iter(place.values())) for place in places]}


def _place(role: str, method: str, name: str) -> dict[str, str]:
    if storage.is_local():
        return {f"{role}_path": str(storage.local_path(name))}
    seconds = math.ceil(settings.TUNDRA.MAX_PROCESSING_TIME_MINUTES * 60) + _SPARE_SECONDS
    return {f"{role}_url": storage.signed_url(method, name, seconds)}


def limits_for(job: ConversionJob) -> Limits:
    """The limits in force for a job."""
    tundra = settings.TUNDRA
    return Limits(
        seconds=tundra.MAX_PROCESSING_TIME_MINUTES * 60,
        max_file_bytes=_max_file_bytes(job),
        max_rows=tundra.MAX_ROWS_PROCESSED,
        connect_timeout=tundra.DB_CONNECT_TIMEOUT_SECONDS,
        loopback_databases=tundra.IS_DEV,
        sqlite_directory=tundra.SQLITE_DIRECTORY or None,
        max_partitions=tundra.MAX_PARTITIONS,
        preview_rows=tundra.JOB_PREVIEW_ROWS,
    )


def _max_file_bytes(job: ConversionJob) -> int:
    """The limit protects the portal from its callers. A local file named in a command is no surprise, however large;
    what it unpacks to is."""
    limit = int(settings.TUNDRA.MAX_FILE_SIZE_MB * 2**20)
    path = job.request.get("source_path")
    return max(limit, Path(path).stat().st_size) if path else limit


def url_policy() -> UrlPolicy:
    """Where signed URLs may point."""
    tundra = settings.TUNDRA
    return UrlPolicy(allowed_domains=tuple(tundra.ALLOWED_STORAGE_DOMAINS), dev_hosts=tuple(tundra.DEV_STORAGE_HOSTS))


def webhook_policy() -> UrlPolicy:
    """Where webhooks may go."""
    return url_policy().for_webhooks()
