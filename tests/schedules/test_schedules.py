"""Saved conversions run when they are due: each time once, and never silently not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from connectors import events
from connectors import services as credentials
from connectors.errors import ConversionError
from connectors.models import Credential
from conversions import cron, schedules
from conversions.api.database_serializers import DatabaseRequestSerializer
from conversions.models import JobStatus, Schedule

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> User:
    """Somebody who owns the credentials 'shop'."""
    user = User.objects.create_user("ada")
    Credential.objects.create(id="shop", connector_type="postgresql", owner=user)
    return user


def request_for(table: str = "public.orders") -> dict[str, Any]:
    """A checked request."""
    serializer = DatabaseRequestSerializer(
        data={"connector_type": "postgresql", "credentials_id": "shop", "table_name": table}
    )
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def schedule_of(user: User, expression: str = "0 6 * * *") -> Schedule:
    return schedules.create("orders", expression, user, request_for(), "postgresql shop: public.orders")


def make_due(schedule: Schedule, ago: timedelta = timedelta(seconds=1)) -> None:
    Schedule.objects.filter(pk=schedule.pk).update(next_run_at=timezone.now() - ago)


def test_a_schedule_that_is_due_submits_its_conversion_for_its_owner(ada: User) -> None:
    schedule = schedule_of(ada)
    make_due(schedule)
    schedules.run_due()
    job = schedules.jobs_of(schedule).get()
    assert (job.owner, job.status, job.request["table_name"]) == (ada, JobStatus.QUEUED, "public.orders")
    assert [event.actor for event in events.of(job.subject)] == ["schedule orders"]
    schedule.refresh_from_db()
    assert schedule.next_run_at > timezone.now()


def test_one_that_is_not_due_does_nothing(ada: User) -> None:
    schedule = schedule_of(ada)
    schedules.run_due()
    assert not schedules.jobs_of(schedule).exists()


def test_what_was_missed_runs_once(ada: User) -> None:
    schedule = schedule_of(ada, "* * * * *")
    make_due(schedule, timedelta(hours=5))
    schedules.run_due()
    schedules.run_due()
    assert schedules.jobs_of(schedule).count() == 1


def test_of_two_clocks_that_saw_it_due_one_runs_it(ada: User) -> None:
    schedule = schedule_of(ada)
    make_due(schedule)
    seen_by_the_other = Schedule.objects.get()
    schedules.run_due()
    assert not schedules._take(seen_by_the_other)
    assert schedules.jobs_of(schedule).count() == 1


def test_a_paused_one_rests_and_does_not_make_up_for_it(ada: User) -> None:
    schedule = schedule_of(ada)
    schedules.pause(schedule)
    make_due(schedule)
    schedules.run_due()
    schedules.resume(schedule)
    schedules.run_due()
    assert not schedules.jobs_of(schedule).exists()


def test_an_owner_who_lost_the_credentials_is_told(ada: User) -> None:
    schedule = schedule_of(ada)
    credentials.set_disabled(Credential.objects.get(), is_disabled=True)
    make_due(schedule)
    schedules.run_due()
    schedule.refresh_from_db()
    assert "shop" in schedule.last_error
    assert [event.action for event in events.of(schedule.subject)] == ["created", "refused"]


@pytest.mark.parametrize("expression", ["", "soon", "61 * * * *", "0 0 31 2 *", "* * * *"])
def test_what_is_no_time_is_refused(ada: User, expression: str) -> None:
    with pytest.raises(ConversionError, match="cron"):
        schedule_of(ada, expression)


def test_a_name_is_taken_once_and_credentials_must_be_ones_own(ada: User) -> None:
    schedule_of(ada)
    with pytest.raises(ConversionError, match="'orders' already"):
        schedule_of(ada)
    with pytest.raises(ConversionError, match="shop"):
        schedules.create("other", "* * * * *", User.objects.create_user("bob"), request_for(), "")


def test_times_are_followed_and_put_into_words() -> None:
    monday = datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert [time.day for time in cron.upcoming("0 6 * * 1-5", 5, monday)] == [24, 25, 26, 27, 30]
    assert cron.in_words("0 6 * * 1-5") == "At 06:00 on Monday through Friday (UTC)"
