"""The delivery log on a job's page."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from conversions.models import ConversionJob, DeliveryStatus, WebhookDelivery
from tests.webhooks.conftest import Teller

LIST = "/admin/conversions/conversionjob/"


def browser_of(role: str) -> Client:
    """A browser of somebody with a role."""
    user = User.objects.create_user(role, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


def page_of(client: Client, job: ConversionJob) -> str:
    """The job's page."""
    return client.get(f"{LIST}{job.pk}/change/").content.decode()


def test_operators_see_every_attempt_and_send_again(teller: Teller) -> None:
    job = teller.failed_job(410)
    teller.send()
    operator = browser_of("operator")
    page = page_of(operator, job)
    assert f"{teller.receiver.host} answered 410." in page
    assert "Given up" in page
    assert "s3cret" not in page
    delivery = WebhookDelivery.objects.get()
    answer = operator.post(f"{LIST}{job.pk}/webhooks/{delivery.pk}/redeliver/", follow=True)
    assert "sent again" in answer.content.decode()
    delivery.refresh_from_db()
    assert delivery.status == DeliveryStatus.PENDING
    teller.send()
    assert "Delivered" in page_of(operator, job)


@pytest.mark.parametrize("method", ["get", "post"])
def test_viewers_see_the_log_and_send_nothing(teller: Teller, method: str) -> None:
    job = teller.failed_job(410)
    teller.send()
    viewer = browser_of("viewer")
    page = page_of(viewer, job)
    assert "Given up" in page
    assert "Send again" not in page
    delivery = WebhookDelivery.objects.get()
    answer = getattr(viewer, method)(f"{LIST}{job.pk}/webhooks/{delivery.pk}/redeliver/")
    assert answer.status_code == {"get": 405, "post": 403}[method]
    delivery.refresh_from_db()
    assert delivery.status == DeliveryStatus.GIVEN_UP


def test_a_job_without_webhook_has_no_such_section(teller: Teller) -> None:
    job = ConversionJob.objects.create(kind="file", source="people.csv")
    assert "Webhooks" not in page_of(browser_of("viewer"), job)
