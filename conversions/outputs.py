"""Kept outputs: the Parquet files that the portal holds for jobs without an ``output_url``."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote

import structlog
from django.core import signing
from django.urls import reverse
from django.utils import timezone

from connectors import events
from connectors.errors import ConversionError, InvalidRequest, NotFound, Unavailable
from conversions import storage
from conversions.models import LOOKING_KINDS, ConversionJob, JobKind, JobStatus

logger = structlog.stdlib.get_logger(__name__)
_SALT = "tundra kept output"
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._ ()+-]+")


@dataclass(frozen=True, slots=True)
class Output:
    """A Parquet file in the portal's own store.

    Attributes:
        stored_as: its name there.
        filename: what somebody who downloads it wants to call it.
    """

    stored_as: str
    filename: str
    bytes: int
    sha256: str

    def read(self, start: int, length: int) -> storage.Content:
        """Some of its bytes.

        Raises:
            ConversionError: the store has lost it, or does not answer.
        """
        try:
            return storage.read(self.stored_as, start, length)
        except NotFound as error:
            raise _no_longer_kept() from error


def directory(job: ConversionJob) -> str:
    """Where in the portal's own store a job's Parquet is."""
    return f"outputs/{job.pk}"


def stored_as(job: ConversionJob, number: int = 0) -> str:
    """The name of a job's Parquet in the portal's own store, or of its so-many-th.

    Each attempt has names of its own: one that was taken for dead must not write over what the next one has delivered.
    """
    return f"{directory(job)}/{job.attempts}-{f'sheet-{number}' if has_sheets(job) else 'output'}.parquet"


def has_sheets(job: ConversionJob) -> bool:
    """Whether the job has a Parquet for each sheet of a workbook."""
    return "sheets" in job.request.get("options", {})


def of(job: ConversionJob, sheet: str | None = None) -> Output:
    """The Parquet of a job, or that of one of its sheets.

    Raises:
        ConversionError: there is none (404), it is no longer kept (410), or the sheet is not said (400).
    """
    if not job.has_output:
        if job.status == JobStatus.SUCCEEDED and job.keeps_output:
            raise _no_longer_kept()
        raise NotFound(_why_none(job), code="no_output")
    number, name, receipt = _chosen(job, sheet)
    return Output(stored_as(job, number), f"{name}.parquet", receipt["bytes"], receipt["sha256"])


def _chosen(job: ConversionJob, sheet: str | None) -> tuple[int, str, dict[str, Any]]:
    """The number, the name and the receipt of what is asked for."""
    result: dict[str, Any] = job.result or {}
    if not has_sheets(job) and sheet is None:
        return 0, _stem(job), result["receipt"]
    sheets = [one["sheet"] for one in result.get("outputs", [])]
    if sheet is None:
        raise InvalidRequest(f"sheet: say which one; there are {', '.join(map(repr, sheets))}.", code="sheet_missing")
    if sheet not in sheets:
        raise NotFound(f"This job has no output of a sheet '{sheet}'.", code="no_output")
    number = sheets.index(sheet)
    return number, _in_names(f"{_stem(job)} {sheet}"), result["outputs"][number]["receipt"]


def link(job: ConversionJob, seconds: int, sheet: str | None = None) -> tuple[str, datetime]:
    """An address that gives the Parquet to whoever has it, for so many seconds: a path of the portal, or a whole URL of
    its bucket; and when it expires.

    Raises:
        ConversionError: there is none, or it is no longer kept.
    """
    output = of(job, sheet)
    events.record(job.subject, "output_link_made", seconds=seconds)
    expires_at = timezone.now() + timedelta(seconds=seconds)
    if not storage.is_local():
        return storage.signed_url("GET", output.stored_as, seconds, output.filename), expires_at
    token = signing.dumps([str(job.pk), expires_at.timestamp(), sheet], salt=_SALT)
    return reverse("linked-output", kwargs={"token": token}), expires_at


def linked(token: str) -> tuple[ConversionJob, str | None]:
    """The job, and the sheet, that a link was made for.

    Raises:
        ConversionError: the link is not one of ours (404), has expired, or its job is gone (410).
    """
    try:
        job_id, until, sheet = signing.loads(token, salt=_SALT)
    except signing.BadSignature as error:
        raise NotFound("This is not a link of ours.") from error
    job = ConversionJob.objects.filter(pk=job_id).first()
    if job is None or until < timezone.now().timestamp():
        raise ConversionError("This link has expired.", code="link_expired", http_status=410)
    return job, sheet


def remove(job: ConversionJob) -> None:
    """Remove the Parquet that the store holds of a job.

    Raises:
        Unavailable: the store does not answer.
    """
    if job.keeps_output:
        storage.delete_directory(directory(job))


def discard(job: ConversionJob, up_to: int) -> None:
    """Remove what attempts left, up to the one of this number: later ones may be at work. What the store does not
    remove now goes with the job."""
    if not job.keeps_output:
        return
    try:
        storage.delete_files(directory(job), lambda file: _attempt_of(file) <= up_to)
    except Unavailable:
        logger.warning("what an attempt left in the store stays until the job is pruned")


def leave_nothing(job: ConversionJob) -> None:
    """Remove the place of a job's output, once the job has ended without one: no attempt can be at work any more."""
    try:
        remove(job)
    except Unavailable:
        logger.warning("the place of an output stays in the store until the job is pruned")


def _attempt_of(file: str) -> float:
    number = file.partition("-")[0]
    return int(number) if number.isdigit() else math.inf


def prune(days: float) -> int:
    """Remove the Parquet of jobs that ended more than so many days ago; return how many. The jobs stay."""
    ended_before = timezone.now() - timedelta(days=days)
    removed = 0
    for job in ConversionJob.objects.filter(has_output=True, finished_at__lt=ended_before).iterator():
        remove(job)
        removed += job.forget_output()
    return removed


def _no_longer_kept() -> ConversionError:
    return ConversionError(
        "The Parquet of this job is no longer kept.",
        code="output_removed",
        http_status=410,
        hint="Convert again; OUTPUT_RETENTION_DAYS says how long outputs are kept.",
    )


def _why_none(job: ConversionJob) -> str:
    if job.kind in LOOKING_KINDS:
        return f"A {job.get_kind_display().lower()} has no output."
    if not job.keeps_output:
        return "The Parquet of this job was delivered elsewhere: the portal keeps only what has no output_url."
    return f"This job has no output: it is {job.status}." if not job.is_terminal else f"This job {_ENDS[job.status]}."


_ENDS: dict[str, str] = {JobStatus.FAILED: "failed and has no output", JobStatus.CANCELLED: "was cancelled"}


def _stem(job: ConversionJob) -> str:
    """What the output is called without its suffix: as the source is, in letters that no header or disk minds."""
    if job.kind == JobKind.DATABASE:
        name = job.request.get("table_name") or "query"
    else:
        name = PurePosixPath(unquote(job.source)).name
        name = name.partition(".")[0] if name.count(".") == 1 else re.sub(r"(\.[A-Za-z0-9]{1,8}){1,2}$", "", name)
    return _in_names(name)


def _in_names(text: str) -> str:
    return _NOT_IN_NAMES.sub("_", text).strip("._ ") or "output"
