"""Schedules in the console: when, in words; what comes next; what became of the last."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import CharField, F, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Concat
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display

from connectors.admin.pages import confirmed, form_page, uuid_of
from connectors.errors import ConversionError
from conversions import cron, schedules
from conversions.forms import ScheduleForm
from conversions.models import ConversionJob, Schedule

_TIMES_SHOWN = 5
_JOBS_SHOWN = 10
_OUTCOMES = {"succeeded": "success", "failed": "danger", "not submitted": "danger", "running": "warning"}
_REPEATED = (
    "connector_type",
    "credentials_id",
    "query",
    "table_name",
    "columns",
    "partition_column",
    "partition_num",
    "options",
    "compression",
    "compression_level",
    "row_group_size",
)


@admin.register(Schedule)
class ScheduleAdmin(ModelAdmin):  # type: ignore[misc]
    """Saved conversions and their times."""

    list_display = ("name", "source", "in_words", "next_run", "last_outcome", "state", "owner")
    list_filter = ("is_paused", ("owner", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("owner",)
    search_fields = ("name", "source")
    search_help_text = "Name, or what is converted"
    actions = ("pause_schedules", "resume_schedules", "run_schedules")
    change_form_outer_before_template = "conversions/schedule_actions.html"
    readonly_fields = (
        "name",
        "source",
        "owner",
        "state",
        "in_words",
        "next_runs",
        "last_error",
        "last_jobs",
        "created_at",
    )
    fieldsets = (
        (None, {"fields": ("name", "source", "owner", "state")}),
        ("When", {"fields": ("cron", "in_words", "next_runs")}),
        ("What became of it", {"fields": ("last_error", "last_jobs", "created_at")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Schedule]:
        """With the state of each one's newest job."""
        caller = Concat(Value("schedule:"), Cast(OuterRef("pk"), CharField()))
        newest = ConversionJob.objects.filter(caller=caller).order_by("-created_at").values("status")[:1]
        found: QuerySet[Schedule] = super().get_queryset(request)
        return found.annotate(last_status=Subquery(newest))

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Choose a conversion that has run, and say when it runs again."""
        if not (self.has_add_permission(request) and isinstance(request.user, User)):
            raise PermissionDenied
        form = ScheduleForm(request.POST or None, uuid_of(request.POST.get("job") or request.GET.get("job")))
        if request.method == "POST" and form.is_valid():
            try:
                made = _create(form, request.user)
            except ConversionError as error:
                form.blame(error)
            else:
                self.log_addition(request, made, "made")
                self.message_user(request, f"{made}: {cron.in_words(made.cron)}.")
                return HttpResponseRedirect(reverse("admin:conversions_schedule_change", args=[made.pk]))
        return form_page(self, request, form, "Add schedule", "Save the schedule")

    def save_model(self, request: HttpRequest, obj: Schedule, form: Any, change: bool) -> None:
        """Other times."""
        schedules.reschedule(obj, obj.cron)

    def delete_model(self, request: HttpRequest, obj: Schedule) -> None:
        """It runs no more."""
        schedules.delete(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Schedule]) -> None:
        """None of them."""
        for schedule in queryset:
            schedules.delete(schedule)

    @display(description="state", label={"runs": "success", "paused": "warning"})  # type: ignore[untyped-decorator]
    def state(self, schedule: Schedule) -> str:
        """Whether it runs."""
        return "paused" if schedule.is_paused else "runs"

    @admin.display(description="in words")
    def in_words(self, schedule: Schedule) -> str:
        """The cron expression for people."""
        return cron.in_words(schedule.cron)

    @admin.display(description="next run (UTC)", ordering=F("next_run_at"))
    def next_run(self, schedule: Schedule) -> str:
        """When it runs, unless it is paused."""
        return "-" if schedule.is_paused else f"{schedule.next_run_at:%Y-%m-%d %H:%M}"

    @admin.display(description="next runs (UTC)")
    def next_runs(self, schedule: Schedule) -> SafeString:
        """The next few times."""
        times = cron.upcoming(schedule.cron, _TIMES_SHOWN)
        return format_html_join("", "<div>{}</div>", ((f"{time:%a %Y-%m-%d %H:%M}",) for time in times))

    @display(description="last outcome", label=_OUTCOMES)  # type: ignore[untyped-decorator]
    def last_outcome(self, schedule: Any) -> str:
        """The state of its newest job, or that it was not even submitted."""
        if schedule.last_error:
            return "not submitted"
        return schedule.last_status or "never ran"

    @admin.display(description="last jobs")
    def last_jobs(self, schedule: Schedule) -> SafeString:
        """Its newest jobs, and the way to each."""
        rows = (
            (
                reverse("admin:conversions_conversionjob_change", args=[job.pk]),
                f"{job.created_at:%Y-%m-%d %H:%M}",
                job.get_status_display(),
            )
            for job in schedules.jobs_of(schedule)[:_JOBS_SHOWN]
        )
        return format_html_join("", '<div><a href="{}">{}</a> {}</div>', rows) or SafeString("It has not run yet.")

    @admin.action(description="Pause the selected schedules", permissions=["change"])
    def pause_schedules(self, request: HttpRequest, chosen: QuerySet[Schedule]) -> HttpResponse | None:
        """They rest."""
        return confirmed(self, request, chosen, "Pause", _pause)

    @admin.action(description="Resume the selected schedules", permissions=["change"])
    def resume_schedules(self, request: HttpRequest, chosen: QuerySet[Schedule]) -> HttpResponse | None:
        """They run again at their next time."""
        return confirmed(self, request, chosen, "Resume", _resume)

    @admin.action(description="Run the selected schedules now", permissions=["change"])
    def run_schedules(self, request: HttpRequest, chosen: QuerySet[Schedule]) -> HttpResponse | None:
        """Once more, besides their times."""
        return confirmed(self, request, chosen, "Run", _run)


def _create(form: ScheduleForm, owner: User) -> Schedule:
    job: ConversionJob = form.cleaned_data["job"]
    request = {name: job.request[name] for name in _REPEATED if name in job.request}
    return schedules.create(form.cleaned_data["name"], form.cleaned_data["cron"], owner, request, job.source)


def _pause(schedule: Schedule) -> str:
    schedules.pause(schedule)
    return "paused"


def _resume(schedule: Schedule) -> str:
    schedules.resume(schedule)
    return "runs again"


def _run(schedule: Schedule) -> str:
    return f"queued as {schedules.run_now(schedule)}"
