"""Where uploads and kept outputs are, as Django's STORAGES says it: a local directory, or a bucket by its URL."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

_ONE_REQUEST_BYTES = 5 * 2**30  # the most that S3 takes in one PUT


def backend(url: str, data_dir: Path) -> dict[str, Any]:
    """The storage of ``STORAGE_URL``; empty: a directory below the data directory."""
    if not url:
        options = {"location": data_dir / "store", "file_permissions_mode": 0o600, "directory_permissions_mode": 0o700}
        return {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": options}
    parts = urlsplit(url)
    place = {"bucket_name": parts.netloc, "location": parts.path.strip("/"), "file_overwrite": True}
    if parts.scheme == "gs":
        # Without a key file, as on Cloud Run, Google signs URLs for the service account.
        has_key = "GOOGLE_APPLICATION_CREDENTIALS" in os.environ
        options = {**place, "iam_sign_blob": not has_key}
        return {"BACKEND": "storages.backends.gcloud.GoogleCloudStorage", "OPTIONS": options}
    said = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": {**place, **_s3(**said)}}


def problem(url: str) -> str | None:
    """What is wrong with a ``STORAGE_URL``, if anything is."""
    parts = urlsplit(url)
    if parts.scheme not in ("s3", "gs") or not parts.netloc:
        return "must be like s3://bucket/prefix or gs://bucket/prefix"
    unknown = parse_qs(parts.query, keep_blank_values=True).keys() - (
        {"endpoint", "region"} if parts.scheme == "s3" else set()
    )
    return f"has an unknown parameter '{min(unknown)}'; s3 knows endpoint and region" if unknown else None


def _s3(endpoint: str | None = None, region: str | None = None) -> dict[str, Any]:
    from boto3.s3.transfer import TransferConfig  # noqa: PLC0415 - half a second that only S3 needs
    from botocore.config import Config  # noqa: PLC0415

    return {
        "endpoint_url": endpoint,
        "region_name": region,
        "client_config": Config(
            signature_version="s3v4",
            s3={"addressing_style": "path" if endpoint else "virtual"},
            # Callers and leases wait for it.
            connect_timeout=5,
            read_timeout=20,
            retries={"mode": "standard", "total_max_attempts": 3},
            # Other stores than Amazon's do not know its newer checksums.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
        # One PUT for each file: what breaks off leaves no parts behind.
        "transfer_config": TransferConfig(multipart_threshold=_ONE_REQUEST_BYTES, use_threads=False),
    }
