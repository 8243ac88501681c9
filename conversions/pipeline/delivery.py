"""Where the Parquet file goes: decided before the first row is read, done after the last one is verified."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from connectors.source import Source
from connectors.urls import SignedUrl
from conversions.pipeline.attempt import Attempt
from conversions.pipeline.sink import Written
from conversions.pipeline.transfer import deliver_to_path, upload

Destination = SignedUrl | Path


def destination_of(attempt: Attempt) -> Destination:
    """The checked destination of a job; a signature that may end before the job does is warned of.

    Raises:
        InvalidRequest: the signed URL has expired.
    """
    assignment = attempt.assignment
    if local := assignment.request.get("output_path"):
        return Path(local)
    url = assignment.signed_url("output_url")
    if url.expires_at is not None and url.may_expire_within(assignment.limits.seconds):
        attempt.warnings.add(
            "url_may_expire",
            f"output_url expires at {url.expires_at:%H:%M:%S} UTC, before the longest time this job may take.",
        )
    return url


def deliver_rejects(source: Source, attempt: Attempt) -> None:
    """Keep the rows that were left out, if there are any, in the portal's own store."""
    if not source.rows_rejected:
        return
    if local := attempt.assignment.request.get("rejects_path"):
        deliver_to_path(attempt.rejects_path, Path(local))
    else:
        url = attempt.assignment.signed_url("rejects_url")
        upload(attempt.rejects_path, url, deadline=attempt.deadline, progress=lambda _sent: None)


def deliver(written: Written, destination: Destination, attempt: Attempt) -> dict[str, Any]:
    """Deliver a verified file and return the receipt as JSON."""
    progress = attempt.progress
    progress.enter("upload")
    if isinstance(destination, Path):
        receipt = deliver_to_path(written.path, destination)
    else:
        receipt = upload(
            written.path,
            destination,
            deadline=attempt.deadline,
            progress=lambda sent: progress.advance(sent / max(written.bytes, 1), bytes_out=sent),
        )
    return {
        "bytes": receipt.bytes,
        "sha256": receipt.sha256,
        "etag": receipt.etag,
        "attempts": receipt.attempts,
        "verified": receipt.verified,
        "rows": written.rows,
    }
