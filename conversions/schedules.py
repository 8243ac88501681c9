"""Schedules: make, pause, resume, run now, run what is due. Console, API and clock enter here."""

from __future__ import annotations

from functools import partial
from typing import Any

import structlog
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from connectors import events
from connectors import services as credentials
from connectors.errors import ConversionError, InvalidRequest
from conversions import cron, services
from conversions.models import ConversionJob, JobKind, Schedule
from conversions.outages import contained

logger = structlog.stdlib.get_logger(__name__)


def create(name: str, expression: str, owner: User, request: dict[str, Any], source: str) -> Schedule:
    """Save a database conversion to run again and again.

    Args:
        name: a new schedule's name.
        expression: when, as cron.
        owner: whose job each run is; may use the credentials.
        request: as ``DatabaseRequestSerializer`` checks it; without output_url, because a signed URL expires.
        source: how people see what is read.

    Raises:
        ConversionError: the expression is none, the credentials are not the owner's to use, or the name is taken (409).
    """
    if "output_url" in request:
        raise InvalidRequest("output_url: a schedule writes into the portal's own storage; leave it out.")
    credentials.check_use(request["credentials_id"], owner, request["connector_type"])
    first = cron.upcoming(expression, 1)[0]
    try:
        with transaction.atomic():
            schedule = Schedule.objects.create(
                name=name, cron=expression, owner=owner, request=request, source=source, next_run_at=first
            )
            events.record(schedule.subject, "created", name=name, cron=expression, source=source)
    except IntegrityError as error:
        raise ConversionError(
            f"There is a schedule '{name}' already.", code="schedule_exists", http_status=409
        ) from error
    return schedule


def reschedule(schedule: Schedule, expression: str) -> None:
    """Let it run at other times.

    Raises:
        InvalidRequest: the expression is none.
    """
    _set(schedule, "rescheduled", cron=expression, next_run_at=cron.upcoming(expression, 1)[0])


def pause(schedule: Schedule) -> None:
    """Let it rest until it is resumed."""
    _set(schedule, "paused", is_paused=True)


def resume(schedule: Schedule) -> None:
    """Let it run again at its next time; what it missed is not made up for."""
    _set(schedule, "resumed", is_paused=False, next_run_at=cron.upcoming(schedule.cron, 1)[0])


def delete(schedule: Schedule) -> None:
    """Remove it. Its jobs stay."""
    with transaction.atomic():
        events.record(schedule.subject, "deleted", name=schedule.name)
        schedule.delete()


def run_now(schedule: Schedule) -> ConversionJob:
    """Submit its conversion once more, besides its times.

    Raises:
        ConversionError: the owner may not use the credentials any more.
    """
    credentials.check_use(schedule.request["credentials_id"], schedule.owner, schedule.request["connector_type"])
    return services.submit(
        services.Submission(
            kind=JobKind.DATABASE,
            request=schedule.request,
            secrets={},
            source=schedule.source,
            owner=schedule.owner,
            caller=schedule.caller,
        )
    )


def run_due() -> None:
    """Submit what is due, each time once, however many clocks tick. After a pause of the portal each runs once."""
    now = timezone.now()
    for schedule in Schedule.objects.select_related("owner").filter(is_paused=False, next_run_at__lte=now):
        contained(partial(_run_if_still_due, schedule), schedule=schedule.name)


def _run_if_still_due(schedule: Schedule) -> None:
    with events.acting_as(events.Actor(f"schedule {schedule.name}")), transaction.atomic():
        if _take(schedule):
            _submit_or_keep_why_not(schedule)


def jobs_of(schedule: Schedule) -> QuerySet[ConversionJob]:
    """Its jobs, newest first."""
    return ConversionJob.objects.filter(caller=schedule.caller)


def _take(schedule: Schedule) -> bool:
    following = cron.upcoming(schedule.cron, 1)[0]
    mine = Schedule.objects.filter(pk=schedule.pk, is_paused=False, next_run_at=schedule.next_run_at)
    return mine.update(next_run_at=following, last_error="") == 1


def _submit_or_keep_why_not(schedule: Schedule) -> None:
    try:
        with transaction.atomic():
            run_now(schedule)
    except ConversionError as error:
        logger.warning("a schedule's conversion was not submitted", schedule=schedule.name, code=error.code)
        Schedule.objects.filter(pk=schedule.pk).update(last_error=error.message)
        events.record(schedule.subject, "refused", code=error.code)


def _set(schedule: Schedule, action: str, **values: Any) -> None:
    with transaction.atomic():
        Schedule.objects.filter(pk=schedule.pk).update(**values)
        events.record(schedule.subject, action, **{name: str(value) for name, value in values.items()})
    schedule.refresh_from_db()
