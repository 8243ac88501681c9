"""Answers: a job as callers see it, and the answers of v3."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from connectors.models import Event
from conversions.api.errors import error_of
from conversions.models import LOOKING_KINDS, ConversionJob, JobStatus, WebhookDelivery


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


class EventSerializer(serializers.ModelSerializer[Event]):
    """Something that happened to a job."""

    class Meta:
        """Who, what, when."""

        model = Event
        fields = ("at", "action", "actor", "request_id", "detail")
        read_only_fields = fields


class AttemptSerializer(serializers.Serializer[Any]):
    """One attempt to deliver a webhook."""

    at = serializers.DateTimeField()
    status = serializers.IntegerField(allow_null=True, help_text="What the receiver answered, if it did.")
    error = serializers.CharField(allow_null=True, help_text="What was wrong; null if it arrived.")
    seconds = serializers.FloatField()


class DeliverySerializer(serializers.ModelSerializer[WebhookDelivery]):
    """A webhook of a job: what it tells, and every attempt to."""

    delivery_id = serializers.UUIDField(source="id")
    attempts = AttemptSerializer(source="tries", many=True)

    class Meta:
        """Everything but the body, which is the job as it was."""

        model = WebhookDelivery
        fields = (
            "delivery_id",
            "message_id",
            "event",
            "host",
            "status",
            "attempts",
            "next_attempt_at",
            "created_at",
            "settled_at",
        )
        read_only_fields = fields


class JobSerializer(serializers.ModelSerializer[ConversionJob]):
    """A job: never its URLs' queries, never its traceback."""

    job_id = serializers.UUIDField(source="id")
    progress = serializers.SerializerMethodField()
    metadata = serializers.JSONField(source="result", allow_null=True, help_text="The answer of a succeeded job.")
    error = serializers.SerializerMethodField()
    output = serializers.SerializerMethodField(help_text="Where the Parquet is, if the portal keeps it.")

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
            "output",
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

    def get_output(self, job: ConversionJob) -> str | None:
        """Where its Parquet is, if the portal keeps it."""
        return output_of(job)


def output_of(job: ConversionJob) -> str | None:
    """Where a job's Parquet is, if the portal keeps it."""
    return reverse("job-output", kwargs={"pk": job.pk}) if job.has_output else None


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
    if job.kind in LOOKING_KINDS:
        return {"rows": result["schema"]["total_rows"]}
    return {"rows": result["rows"], "total_rows": result["rows"], "bytes_out": result["receipt"]["bytes"]}


def success_of(job: ConversionJob) -> dict[str, Any]:
    """The 200 answer of v3 for the job's kind."""
    if job.kind in LOOKING_KINDS:
        return {"success": True, **(job.result or {}), "job_id": str(job.pk)}
    return {
        "success": True,
        "metadata": job.result,
        "error": None,
        "job_id": str(job.pk),
        "output": output_of(job),
    }
