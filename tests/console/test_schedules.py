"""Schedules in the console."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from connectors.models import Credential
from conversions import schedules
from conversions.models import ConversionJob, JobKind, JobStatus, Schedule
from tests.console.conftest import As

pytestmark = pytest.mark.django_db
LIST, ADD = "/admin/conversions/schedule/", "/admin/conversions/schedule/add/"


@pytest.fixture
def operator(as_: As) -> Client:
    """An operator with credentials of their own."""
    client = as_("operator")
    Credential.objects.create(id="shop", connector_type="postgresql", owner=User.objects.get(username="operator"))
    return client


@pytest.fixture
def job(operator: Client) -> ConversionJob:
    """A conversion that has run."""
    request = {
        "connector_type": "postgresql",
        "credentials_id": "shop",
        "table_name": "orders",
        "output_url": "https://x",
    }
    return ConversionJob.objects.create(
        kind=JobKind.DATABASE, status=JobStatus.SUCCEEDED, request=request, source="postgresql shop: orders"
    )


def make(operator: Client, job: ConversionJob, cron: str = "0 6 * * 1-5") -> str:
    """Fill in the form; the page that follows."""
    answer = operator.post(ADD, {"name": "orders", "job": str(job.pk), "cron": cron}, follow=True)
    return answer.content.decode()


def test_a_conversion_that_has_run_is_put_on_schedule(operator: Client, job: ConversionJob) -> None:
    assert str(job.pk) in operator.get(f"{ADD}?job={job.pk}").content.decode()
    assert "At 06:00 on Monday through Friday" in make(operator, job)
    schedule = Schedule.objects.get()
    assert schedule.request == {name: job.request[name] for name in ("connector_type", "credentials_id", "table_name")}
    assert "never ran" in operator.get(LIST).content.decode()


def test_a_time_that_is_none_is_refused_at_its_field(operator: Client, job: ConversionJob) -> None:
    assert "&#x27;soon&#x27; is not a cron expression" in make(operator, job, "soon")
    assert not Schedule.objects.exists()


def test_it_is_paused_resumed_run_and_its_outcome_shown(operator: Client, job: ConversionJob) -> None:
    make(operator, job)
    schedule = Schedule.objects.get()
    for action, said in (("pause", "paused"), ("resume", "runs again"), ("run", "queued as")):
        asked = {"action": f"{action}_schedules", "_selected_action": schedule.pk, "index": "0"}
        assert f"{action.capitalize()} 1 schedule?" in operator.post(LIST, asked).content.decode()
        assert said in operator.post(LIST, {**asked, "confirmed": "yes"}, follow=True).content.decode()
    schedules.jobs_of(schedule).update(status=JobStatus.FAILED)
    assert "failed" in operator.get(LIST).content.decode()
    assert "Failed" in operator.get(f"{LIST}{schedule.pk}/change/").content.decode()


def test_its_times_are_changed(operator: Client, job: ConversionJob) -> None:
    make(operator, job)
    schedule = Schedule.objects.get()
    operator.post(f"{LIST}{schedule.pk}/change/", {"cron": "30 7 1 1 *"})
    schedule.refresh_from_db()
    assert (schedule.next_run_at.month, schedule.next_run_at.hour) == (1, 7)


def test_a_viewer_looks_only(operator: Client, job: ConversionJob, as_: As) -> None:
    make(operator, job)
    viewer = as_("viewer")
    assert "orders" in viewer.get(LIST).content.decode()
    assert viewer.get(ADD).status_code == 403
    asked = {"action": "pause_schedules", "_selected_action": Schedule.objects.get().pk, "index": "0"}
    viewer.post(LIST, {**asked, "confirmed": "yes"})
    assert not Schedule.objects.get().is_paused
