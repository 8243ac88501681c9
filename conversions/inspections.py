"""How outputs look: kept encrypted with their jobs, shown to those who may see values."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.db import transaction

from conversions.models import ConversionJob, JobInspection
from conversions.sealed import seal, unseal


def succeed(job: ConversionJob, result: dict[str, Any], inspection: dict[str, Any] | None) -> None:
    """End a job well and keep how its output looks, both or neither."""
    with transaction.atomic():
        if job.succeed(result) and inspection:
            JobInspection.objects.create(job=job, sealed=seal(inspection))


def of(job: ConversionJob) -> dict[str, Any] | None:
    """How the job's output looks; None if that is not kept."""
    kept = JobInspection.objects.filter(job=job).first()
    return unseal(kept.sealed) if kept else None


def may_see_values(job: ConversionJob, user: User | AnonymousUser) -> bool:
    """Whether somebody may see what is in a job's file or table: its owner may, and who may see everybody's."""
    is_own = job.owner_id is not None and job.owner_id == user.pk
    return is_own or user.has_perm("conversions.view_jobinspection")
