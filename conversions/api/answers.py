"""Answers: a job as callers see it, and the answers of v3."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from conversions.api.errors import error_of
from conversions.models import ConversionJob, JobKind, JobStatus


class ProgressSerializer(serializers.Serializer[Any]):
    """How far a job is."""

    phase = serializers.ChoiceField(choices=["queued", "download", "convert", "upload", "done", "ended"])
    rows = serializers.IntegerField()
    total_rows = serializers.IntegerField(allow_null=True)
    bytes_in = serializers.IntegerField()
    bytes_out = serializers.IntegerField()
    percent = serializers.FloatField()
    eta_seconds = serializers.FloatField(allow_null=True)


class JobErrorSerializer(serializers.Serializer[Any]):
    """Why a job failed."""

    detail = serializers.CharField()
    code = serializers.CharField()
    hint = serializers.CharField(allow_null=True)
    retryable = serializers.BooleanField()


class JobSerializer(serializers.ModelSerializer[ConversionJob]):
    """A job: never its URLs' queries, never its traceback."""

    job_id = serializers.UUIDField(source="id")
    progress = serializers.SerializerMethodField()
    metadata = serializers.JSONField(source="result", allow_null=True, help_text="The answer of a succeeded job.")
    error = serializers.SerializerMethodField()

    class Meta:
        """The public fields."""

        model = ConversionJob
        fields = (
            "job_id",
            "kind",
            "status",
            "request",
            "source",
            "destination",
            "attempts",
            "progress",
            "metadata",
            "error",
            "request_id",
            "created_at",
            "started_at",
            "finished_at",
            "wait_seconds",
            "run_seconds",
        )

    @extend_schema_field(ProgressSerializer)
    def get_progress(self, job: ConversionJob) -> dict[str, Any]:
        """The last progress told, or what the status implies."""
        return progress_of(job)

    @extend_schema_field(JobErrorSerializer(allow_null=True))
    def get_error(self, job: ConversionJob) -> dict[str, Any] | None:
        """Why it failed, if it did."""
        return error_of(job)


def progress_of(job: ConversionJob) -> dict[str, Any]:
    """A job's progress object."""
    known = {
        "rows": 0,
        "total_rows": None,
        "bytes_in": 0,
        "bytes_out": 0,
        "percent": 0.0,
        "eta_seconds": None,
    }
    known |= job.progress
    if job.status == JobStatus.QUEUED:
        return {**known, "phase": "queued"}
    if job.status == JobStatus.SUCCEEDED:
        return {**known, **_final_figures(job), "phase": "done", "percent": 100.0, "eta_seconds": 0.0}
    if job.is_terminal:
        return {**known, "phase": "ended", "eta_seconds": None}
    return {**known, "phase": known.get("phase", "download")}


def _final_figures(job: ConversionJob) -> dict[str, Any]:
    result = job.result or {}
    if job.kind == JobKind.SCHEMA:
        return {"rows": result["schema"]["total_rows"]}
    return {"rows": result["rows"], "total_rows": result["rows"], "bytes_out": result["receipt"]["bytes"]}


def success_of(job: ConversionJob) -> dict[str, Any]:
    """The 200 answer of v3 for the job's kind."""
    if job.kind == JobKind.SCHEMA:
        return {"success": True, **(job.result or {}), "job_id": str(job.pk)}
    return {"success": True, "metadata": job.result, "error": None, "job_id": str(job.pk)}
