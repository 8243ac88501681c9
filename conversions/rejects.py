"""Kept rejects: the rows that a conversion left out (``on_bad_row: skip``), in the portal's own store, with the job."""

from __future__ import annotations

from connectors.errors import NotFound
from conversions import storage
from conversions.models import ConversionJob, JobKind


def are_kept(job: ConversionJob) -> bool:
    """Whether rows that the job leaves out are kept."""
    return job.kind == JobKind.FILE and job.request.get("options", {}).get("on_bad_row") == "skip"


def stored_as(job: ConversionJob) -> str:
    """Their name in the portal's own store; each attempt has its own."""
    return f"{_directory(job)}/{job.attempts}.ndjson"


def of(job: ConversionJob) -> storage.Content:
    """All of them.

    Raises:
        ConversionError: the job left none out, or the store does not give them.
    """
    if not (job.result or {}).get("rejects"):
        raise NotFound("This job left no rows out.")
    return storage.read(stored_as(job))


def remove(job: ConversionJob) -> None:
    """Remove them, of all attempts.

    Raises:
        Unavailable: the store does not answer.
    """
    if are_kept(job):
        storage.delete_directory(_directory(job))


def _directory(job: ConversionJob) -> str:
    return f"rejects/{job.pk}"
