"""From a job's row and the settings to the assignment that its child gets."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from django.conf import settings

from connectors import services as credentials
from connectors.errors import ConversionError
from connectors.urls import UrlPolicy
from conversions.models import ConversionJob, JobKind
from conversions.pipeline.assignment import Assignment, Limits
from conversions.sealed import unseal


def of(job: ConversionJob, temp_dir: Path) -> Assignment:
    """The assignment for the attempt that holds the job.

    Raises:
        ConversionError: its signed URLs are gone.
    """
    secrets = unseal(job.sealed)
    if secrets is None:
        raise ConversionError(
            "The signed URLs of this job are no longer kept.",
            code="request_wiped",
            http_status=409,
            hint="Submit the conversion again with fresh URLs.",
        )
    return Assignment(
        kind=job.kind,
        job_id=str(job.pk),
        number=job.attempts,
        created_at=job.created_at.isoformat(),
        request={**job.request, **secrets, "source_label": job.source},
        limits=limits_for(job),
        urls=url_policy(),
        temp_dir=temp_dir,
        secret_store=asdict(credentials.store_config()) if job.kind == JobKind.DATABASE else None,
    )


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
