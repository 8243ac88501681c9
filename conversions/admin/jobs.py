"""Jobs in the console: operators' questions as filters, and the answers on one page."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.db.models.fields.json import KeyTransform
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from connectors.admin.pages import confirmed, do_each
from conversions import services, webhooks
from conversions.admin import dashboard, job_filters, job_page, job_search, new
from conversions.models import ConversionJob, JobStatus, WebhookDelivery
from conversions.templatetags.tundra import duration, size

BADGES = {
    JobStatus.QUEUED: "info",
    JobStatus.RUNNING: "warning",
    JobStatus.SUCCEEDED: "success",
    JobStatus.FAILED: "danger",
}
_MOST_COUNTED = 10_000
_UNLISTED = ("request", "sealed", "webhook", "progress", "result", "traceback", "error_message", "error_hint")


@admin.register(ConversionJob)
class ConversionJobAdmin(ModelAdmin):  # type: ignore[misc]
    """Jobs are made by requests and changed by workers; here they are looked at, retried and cancelled."""

    list_display = ("what", "status_badge", "code", "owner", "rows", "bytes", "ran_for", "created")
    list_filter = (
        "status",
        "kind",
        job_filters.ByErrorCode,
        job_filters.SlowerThan,
        job_filters.LargerThan,
        job_filters.CreatedWithin,
        job_filters.ByCredential,
        job_filters.ByOwner,
    )
    list_filter_submit = True
    list_select_related = ("owner",)
    list_per_page = 50
    paginator = InfinitePaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_disable_select_all = True
    search_fields = ("id",)
    search_help_text = "Job id or its beginning, request id, table, file or host"
    actions = ("retry_jobs", "cancel_jobs")
    list_before_template = "conversions/new_button.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[ConversionJob]:
        """Without what no list shows."""
        found: QuerySet[ConversionJob] = super().get_queryset(request)
        return found.defer(*_UNLISTED).annotate(row_count=KeyTransform("rows", "result"))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ConversionJob], search_term: str
    ) -> tuple[QuerySet[ConversionJob], bool]:
        """By id or name."""
        return (job_search.search(queryset, search_term) if search_term else queryset), False

    def get_urls(self) -> list[URLPattern]:
        """Also what pages ask for again and again."""
        progress = path(
            "<uuid:job_id>/progress/",
            self.admin_site.admin_view(self.progress_view),
            name="conversions_conversionjob_progress",
        )
        now = path("now/", self.admin_site.admin_view(self.now_view), name="conversions_conversionjob_now")
        redeliver = path(
            "<uuid:job_id>/webhooks/<uuid:delivery_id>/redeliver/",
            self.admin_site.admin_view(require_POST(self.redeliver_view)),
            name="conversions_conversionjob_redeliver",
        )
        return [progress, now, redeliver, *new.urls(self), *super().get_urls()]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Jobs come from requests."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: ConversionJob | None = None) -> bool:
        """Every field is read-only; actions change jobs."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ConversionJob | None = None) -> bool:
        """Jobs go when they are old, with all that is kept of them."""
        return False

    def has_operate_permission(self, request: HttpRequest, obj_id: Any = None) -> bool:
        """Who may retry and cancel."""
        return bool(request.user.has_perm("conversions.change_conversionjob"))

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The list, and how many there are as far as they are counted."""
        answer: HttpResponse = super().changelist_view(request, extra_context)
        if isinstance(answer, TemplateResponse) and answer.context_data and "cl" in answer.context_data:
            jobs = answer.context_data["cl"].queryset.order_by().values("pk")[: _MOST_COUNTED + 1].count()
            answer.context_data |= {"matching": min(jobs, _MOST_COUNTED), "are_more": jobs > _MOST_COUNTED}
        return answer

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The job's page."""
        job = self.get_object(request, object_id)
        if job is None:
            missing: HttpResponse = self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
            return missing
        self._check_view(request)
        assert isinstance(request.user, User)  # noqa: S101 - admin_view lets nobody else in
        page = {
            **self.admin_site.each_context(request),
            "title": f"{job_page.name_of(job.source)}: {job.get_status_display().lower()}",
            "opts": self.opts,
            "original": job,
            "may_operate": self.has_operate_permission(request),
            **job_page.context_of(job, request.user, request.build_absolute_uri("/")),
        }
        return TemplateResponse(request, "conversions/job/page.html", page)

    def progress_view(self, request: HttpRequest, job_id: Any) -> HttpResponse:
        """How far a job is; once it has ended, its page is loaded anew."""
        self._check_view(request)
        job = get_object_or_404(ConversionJob, pk=job_id)
        answer = render(request, "conversions/job/progress.html", {"job": job, **job_page.progress_of_page(job)})
        if job.is_terminal:
            answer["HX-Refresh"] = "true"
        return answer

    def now_view(self, request: HttpRequest) -> HttpResponse:
        """What waits and runs, for the dashboard."""
        self._check_view(request)
        return render(request, "conversions/dashboard/now.html", dashboard.now())

    def redeliver_view(self, request: HttpRequest, job_id: Any, delivery_id: Any) -> HttpResponse:
        """Send a webhook of the job again."""
        if not self.has_operate_permission(request):
            raise PermissionDenied
        delivery = get_object_or_404(WebhookDelivery, pk=delivery_id, job=job_id)
        do_each(self, request, [delivery], _redeliver)
        return redirect("admin:conversions_conversionjob_change", job_id)

    def _check_view(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    @display(description="job", ordering="source", header=True)  # type: ignore[untyped-decorator]
    def what(self, job: ConversionJob) -> tuple[str, str]:
        """What it reads, and which job it is."""
        return job_page.name_of(job.source), f"{job.get_kind_display()} {str(job.pk)[:8]}"

    @display(description="status", ordering="status", label=BADGES)  # type: ignore[untyped-decorator]
    def status_badge(self, job: ConversionJob) -> tuple[str, str]:
        """The status in its colour."""
        return job.status, job.get_status_display()

    @admin.display(description="error code", ordering="error_code")
    def code(self, job: ConversionJob) -> str:
        """Why it failed."""
        return format_html("<code>{}</code>", job.error_code) if job.error_code else "-"

    @admin.display(description="rows")
    def rows(self, job: ConversionJob) -> str:
        """How many rows it has written."""
        count = getattr(job, "row_count", None)
        return "-" if count is None else f"{count:,}"

    @admin.display(description="size", ordering="size")
    def bytes(self, job: ConversionJob) -> str:
        """How much it has read."""
        return size(job.size)

    @admin.display(description="ran for", ordering="seconds")
    def ran_for(self, job: ConversionJob) -> str:
        """How long the latest attempt ran."""
        return duration(job.run_seconds)

    @admin.display(description="created", ordering="created_at")
    def created(self, job: ConversionJob) -> str:
        """When it was asked for, in UTC."""
        return f"{job.created_at:%Y-%m-%d %H:%M}"

    @admin.action(description="Retry the selected jobs", permissions=["operate"])
    def retry_jobs(self, request: HttpRequest, jobs: QuerySet[ConversionJob]) -> HttpResponse | None:
        """Queue failed and cancelled jobs again."""
        return confirmed(self, request, jobs, "Retry", _retry)

    @admin.action(description="Cancel the selected jobs", permissions=["operate"])
    def cancel_jobs(self, request: HttpRequest, jobs: QuerySet[ConversionJob]) -> HttpResponse | None:
        """End waiting and running jobs."""
        return confirmed(self, request, jobs, "Cancel", _cancel)


def _retry(job: ConversionJob) -> str:
    services.retry(job)
    return "queued again"


def _cancel(job: ConversionJob) -> str:
    services.cancel(job)
    return "cancelled or asked to stop"


def _redeliver(delivery: WebhookDelivery) -> str:
    webhooks.redeliver(delivery)
    return "sent again"
