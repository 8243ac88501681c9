"""Jobs in the console: operators' questions as filters, and the answers on one page."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display

from connectors.errors import ConversionError
from conversions import services
from conversions.api.answers import progress_of
from conversions.models import ConversionJob, JobStatus


@admin.register(ConversionJob)
class ConversionJobAdmin(ModelAdmin):  # type: ignore[misc]
    """Jobs are made by requests and changed by workers; here they are looked at, retried and cancelled."""

    list_display = (
        "id",
        "kind",
        "status_badge",
        "source",
        "attempts",
        "error_code",
        "created_at",
        "run_time",
    )
    list_filter = ("status", "kind", "error_code", ("owner", admin.RelatedOnlyFieldListFilter), "created_at")
    list_select_related = ("owner",)
    list_per_page = 50
    show_full_result_count = False
    search_fields = ("id", "source", "destination", "request_id")
    search_help_text = "Job id, source, destination or request id"
    actions = ("retry_jobs", "cancel_jobs")
    change_form_outer_before_template = "conversions/job_actions.html"
    fieldsets = (
        (None, {"fields": ("id", "kind", "status", "owner", "request_id", "source", "destination")}),
        (
            "Error",
            {"fields": ("error_message", "error_hint", "error_code", "error_status", "error_retryable")},
        ),
        (
            "Time",
            {"fields": ("created_at", "queued_at", "started_at", "finished_at", "wait_time", "run_time")},
        ),
        (
            "Progress",
            {"fields": ("progress_now", "attempts", "worker", "lease_expires_at", "cancel_requested_at")},
        ),
        ("Request", {"fields": ("request_shown",)}),
        ("Result", {"fields": ("result_shown",)}),
        ("For staff", {"fields": ("traceback_shown",), "classes": ("collapse",)}),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Jobs come from requests."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: ConversionJob | None = None) -> bool:
        """Every field is read-only; actions change jobs."""
        return False

    def has_operate_permission(self, request: HttpRequest, obj_id: Any = None) -> bool:
        """Who may retry and cancel."""
        return bool(request.user.has_perm("conversions.change_conversionjob"))

    @display(  # type: ignore[untyped-decorator]
        description="status",
        ordering="status",
        label={
            JobStatus.QUEUED: "info",
            JobStatus.RUNNING: "warning",
            JobStatus.SUCCEEDED: "success",
            JobStatus.FAILED: "danger",
        },
    )
    def status_badge(self, job: ConversionJob) -> tuple[str, str]:
        """The status in its colour."""
        return job.status, job.get_status_display()

    @admin.display(description="ran for")
    def run_time(self, job: ConversionJob) -> str:
        """How long the latest attempt ran."""
        return _duration(job.run_seconds)

    @admin.display(description="waited for")
    def wait_time(self, job: ConversionJob) -> str:
        """How long the job waited for its latest attempt."""
        return _duration(job.wait_seconds)

    @admin.display(description="progress")
    def progress_now(self, job: ConversionJob) -> SafeString:
        """The progress object of the API."""
        return _json(progress_of(job))

    @admin.display(description="request, signed URLs without their query")
    def request_shown(self, job: ConversionJob) -> SafeString:
        """What was asked for."""
        return _json(job.request)

    @admin.display(description="metadata")
    def result_shown(self, job: ConversionJob) -> SafeString:
        """The answer."""
        return _json(job.result) if job.result else SafeString("-")

    @admin.display(description="traceback")
    def traceback_shown(self, job: ConversionJob) -> SafeString:
        """What the child raised."""
        return _preformatted(job.traceback) if job.traceback else SafeString("-")

    @admin.action(description="Retry the selected jobs", permissions=["operate"])
    def retry_jobs(self, request: HttpRequest, jobs: QuerySet[ConversionJob]) -> None:
        """Queue failed and cancelled jobs again."""
        for job in jobs:
            self._do(request, services.retry, job, "queued again")

    @admin.action(description="Cancel the selected jobs", permissions=["operate"])
    def cancel_jobs(self, request: HttpRequest, jobs: QuerySet[ConversionJob]) -> None:
        """End waiting and running jobs."""
        for job in jobs:
            self._do(request, services.cancel, job, "cancelled or asked to stop")

    def _do(self, request: HttpRequest, step: Any, job: ConversionJob, done: str) -> None:
        try:
            step(job)
        except ConversionError as error:
            self.message_user(request, f"{job}: {error.message}", messages.WARNING)
        else:
            self.log_change(request, job, done)
            self.message_user(request, f"{job}: {done}.", messages.SUCCESS)


def _duration(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.2f} s"


def _json(value: Any) -> SafeString:
    return _preformatted(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def _preformatted(text: str) -> SafeString:
    return format_html('<pre class="text-xs overflow-x-auto whitespace-pre-wrap">{}</pre>', text)
