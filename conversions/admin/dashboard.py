"""The dashboard: what happens now, and what has happened in the last 24 hours. It counts no jobs: totals are kept."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from conversions import queue
from conversions.admin.job_page import name_of
from conversions.api.answers import progress_of
from conversions.models import ConversionJob, JobStatus
from conversions.templatetags.tundra import duration
from conversions.totals import BOUNDS, HourTotal

_HOURS = 24
_RUNNING_SHOWN = 20
_CODES_SHOWN = 8
_OUTCOMES = (JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED)
_WIDTH, _HEIGHT = 480.0, 100.0


def fill(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add to the index page's context what this person may see."""
    context["title"] = "Dashboard"
    if request.user.has_perm("conversions.view_conversionjob"):
        context |= {"may_see_jobs": True, **now(), **last_day()}
    return context


def now() -> dict[str, Any]:
    """What waits, what runs, and who works."""
    present = queue.load()
    waiting = [it for it in present if it.status == JobStatus.QUEUED]
    oldest = min((it.oldest for it in waiting), default=None)
    running = ConversionJob.objects.filter(status=JobStatus.RUNNING).order_by("started_at")
    clusters = queue.clusters_seen()
    shown = running.only("kind", "status", "source", "progress", "started_at", "cancel_requested_at")[:_RUNNING_SHOWN]
    return {
        "running_count": sum(it.jobs for it in present if it.status == JobStatus.RUNNING),
        "waiting_count": sum(it.jobs for it in waiting),
        "oldest_seconds": (timezone.now() - oldest).total_seconds() if oldest else None,
        "workers": sum(len(it.workers) for it in clusters),
        "clusters": clusters,
        "running": [{"job": job, "name": name_of(job.source), "progress": progress_of(job)} for job in shown],
        "waiting_link": jobs_link(status__exact="queued"),
        "running_link": jobs_link(status__exact="running"),
    }


def last_day() -> dict[str, Any]:
    """The last 24 hours by the hour, by outcome, by duration and by error."""
    start = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=_HOURS - 1)
    totals = list(HourTotal.objects.filter(hour__gte=start))
    since = {"finished_at__gte": start.isoformat()}
    disk = shutil.disk_usage(settings.DATA_DIR)
    return {
        "outcomes": [
            {
                "status": status,
                "label": status.label,
                "jobs": sum(it.jobs for it in totals if it.status == status),
                "link": jobs_link(status__exact=status.value, **since),
            }
            for status in _OUTCOMES
        ],
        "rows_written": sum(it.rows for it in totals),
        "bytes_written": sum(it.bytes_written for it in totals),
        "succeeded_link": jobs_link(status__exact=JobStatus.SUCCEEDED.value, **since),
        "throughput": _throughput(totals, start),
        "durations": _durations(totals, since),
        "codes": _codes(totals, since),
        "kept_outputs": ConversionJob.objects.filter(has_output=True).count(),
        "kept_outputs_link": jobs_link(has_output__exact="1"),
        "disk_used": disk.used,
        "disk_total": disk.total,
        "disk_percent": round(100 * disk.used / disk.total),
    }


def jobs_link(**conditions: str) -> str:
    """The list of the jobs behind a figure."""
    return f"{reverse('admin:conversions_conversionjob_changelist')}?{urlencode(conditions)}"


def _throughput(totals: list[HourTotal], start: datetime) -> list[dict[str, Any]]:
    """A column an hour, of a part an outcome."""
    columns = []
    counts: Counter[tuple[datetime, str]] = Counter()
    for it in totals:
        counts[it.hour, it.status] += it.jobs
    for number in range(_HOURS):
        hour = start + timedelta(hours=number)
        parts = {status.value: counts[hour, status.value] for status in _OUTCOMES if counts[hour, status.value]}
        link = jobs_link(finished_at__gte=hour.isoformat(), finished_at__lt=(hour + timedelta(hours=1)).isoformat())
        columns.append(
            {"label": f"{hour:%H:%M}", "mark": f"{hour:%H}" if number % 6 == 5 else "", "link": link, "parts": parts}
        )
    return _stacked(columns)


def _durations(totals: list[HourTotal], since: dict[str, str]) -> list[dict[str, Any]]:
    """A column a bound, of the jobs that kept it and not the one before."""
    columns = []
    lower = 0.0
    for bound in BOUNDS:
        jobs = sum(it.jobs for it in totals if it.within_seconds == bound and it.status != JobStatus.CANCELLED)
        is_last = bound == float("inf")
        label = f"more than {duration(lower)}" if is_last else f"at most {duration(bound)}"
        between = {"seconds__gt": f"{lower:g}"} | ({} if is_last else {"seconds__lte": f"{bound:g}"})
        mark = "" if is_last else f"{bound:g}"
        columns.append(
            {
                "label": label,
                "mark": mark,
                "link": jobs_link(**between, **since),
                "parts": {"all": jobs} if jobs else {},
            }
        )
        lower = bound
    return _stacked(columns)


def _stacked(columns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Columns in a box of 480 by 100, the highest of them filling it."""
    step = _WIDTH / len(columns)
    highest = max((sum(it["parts"].values()) for it in columns), default=0)
    for number, column in enumerate(columns):
        top = _HEIGHT
        column |= {"x": step * number, "middle": step * (number + 0.5), "step": step, "width": 0.8 * step}
        column |= {"jobs": sum(column["parts"].values()), "most": highest, "bars": []}
        for kind, jobs in column["parts"].items():
            height = max(_HEIGHT * jobs / highest, 2.0)
            top -= height
            column["bars"].append({"kind": kind, "y": max(top, 0.0), "height": height})
        column["told"] = ", ".join(_told(column["parts"]))
    return columns


def _told(parts: dict[str, int]) -> Iterable[str]:
    return (f"{jobs:,} jobs" if kind == "all" else f"{jobs:,} {kind}" for kind, jobs in parts.items())


def _codes(totals: list[HourTotal], since: dict[str, str]) -> list[dict[str, Any]]:
    counts: Counter[str] = Counter()
    for it in totals:
        if it.error_code:
            counts[it.error_code] += it.jobs
    return [
        {"code": code, "jobs": jobs, "link": jobs_link(error_code=code, **since)}
        for code, jobs in counts.most_common(_CODES_SHOWN)
    ]
