"""What callers are told, how often it is tried, and what never happens on the way."""

from __future__ import annotations

import json
import socket
from datetime import datetime, timedelta
from typing import Any

import pytest
import standardwebhooks
from django.contrib.auth.models import User
from django.utils import timezone

from connectors import events
from connectors.errors import ConversionError
from conversions import reaper, retention, services, webhook_secrets, webhooks
from conversions.metrics import JobCollector
from conversions.models import ConversionJob, DeliveryStatus, WebhookDelivery
from tests.webhooks.conftest import Teller
from tests.webhooks.receiver import DRIP, HANG


def make_due(delivery: WebhookDelivery) -> None:
    """Let the pause be over."""
    WebhookDelivery.objects.filter(pk=delivery.pk).update(next_attempt_at=timezone.now() - timedelta(seconds=1))


def only(job: ConversionJob) -> WebhookDelivery:
    """The job's one delivery."""
    return WebhookDelivery.objects.get(job=job)


def test_a_failed_job_is_told_as_the_api_shows_it(teller: Teller) -> None:
    job = teller.failed_job()
    teller.send()
    told = teller.opened()
    assert [it["type"] for it in told] == ["job.failed"]
    assert datetime.fromisoformat(told[0]["timestamp"]).tzinfo
    assert (told[0]["data"]["job_id"], told[0]["data"]["status"]) == (str(job.pk), "failed")
    assert told[0]["data"]["error"]["detail"] == "Line 3 has 4 values where 2 are due."
    assert "s3cret" not in json.dumps(told)
    assert teller.messages()[0].target.endswith("?token=s3cret")
    assert only(job).status == DeliveryStatus.DELIVERED


def test_a_job_that_is_cancelled_while_it_waits_is_told(teller: Teller) -> None:
    services.cancel(teller.job())
    teller.send()
    assert [it["type"] for it in teller.opened()] == ["job.cancelled"]


def test_a_job_whose_worker_died_is_told_by_whoever_ends_it(
    teller: Teller, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr(settings.TUNDRA, "MAX_ATTEMPTS", 1)
    job = teller.job()
    assert job.claim("worker")
    reaper.take_back(job)
    teller.send()
    assert [it["data"]["error"]["code"] for it in teller.opened()] == ["worker_crashed"]


def test_nobody_is_told_who_did_not_ask(teller: Teller) -> None:
    services.cancel(services.submit(services.Submission("file", {"format": "csv"}, {}, "people.csv")))
    assert not WebhookDelivery.objects.exists()


def test_a_receiver_that_fails_is_tried_again_with_the_same_message(teller: Teller) -> None:
    job = teller.failed_job(500, 302)
    for _ in range(3):
        assert teller.send()
        make_due(only(job))
    assert teller.send() is None
    assert len({(message.id, message.body) for message in teller.messages()}) == 1
    assert [it["status"] for it in only(job).tries] == [500, 302, 204]
    assert [it["error"] is None for it in only(job).tries] == [False, False, True]
    assert teller.receiver.messages("elsewhere") == []


def test_it_is_tried_for_a_day_and_then_given_up(teller: Teller) -> None:
    job = teller.failed_job(*[503] * 20)
    pauses = []
    while teller.send():
        delivery = only(job)
        if delivery.next_attempt_at is None:
            break
        pauses.append(delivery.next_attempt_at - timezone.now())
        make_due(delivery)
    assert pauses == sorted(pauses)
    assert pauses[0] < timedelta(seconds=10)
    assert timedelta(hours=23) < sum(pauses, timedelta()) < timedelta(hours=31)
    assert (delivery.status, len(delivery.tries)) == (DeliveryStatus.GIVEN_UP, len(pauses) + 1)


def test_a_receiver_that_is_gone_is_left_alone(teller: Teller) -> None:
    job = teller.failed_job(410)
    teller.send()
    assert (only(job).status, only(job).next_attempt_at) == (DeliveryStatus.GIVEN_UP, None)


@pytest.mark.parametrize("answer", [HANG, DRIP])
def test_a_receiver_that_takes_for_ever_is_left_in_time(
    teller: Teller, monkeypatch: pytest.MonkeyPatch, answer: int
) -> None:
    monkeypatch.setattr(webhooks, "ATTEMPT_SECONDS", 1.5)
    job = teller.failed_job(answer)
    teller.send()
    attempt = only(job).tries[0]
    assert attempt["status"] is None
    assert "did not answer within 1.5 seconds" in attempt["error"]
    assert 1 <= attempt["seconds"] < 10
    assert only(job).status == DeliveryStatus.PENDING


def test_a_closed_port_is_told_in_the_log(teller: Teller, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    monkeypatch.setattr(settings.TUNDRA, "DEV_STORAGE_HOSTS", ["127.0.0.1:9"])
    job = teller.failed_job(url="http://127.0.0.1:9/hook?token=s3cret")
    teller.send()
    assert only(job).tries[0]["error"] == "127.0.0.1 refused the connection."


def test_a_name_that_leads_inside_is_not_connected_to(teller: Teller, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.7", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: inside)
    job = teller.failed_job(url="https://hooks.example.com/hook?token=s3cret")
    teller.send()
    assert "10.0.0.7, which is not a public address" in only(job).tries[0]["error"]
    assert "s3cret" not in only(job).tries[0]["error"]


def test_a_host_that_is_no_longer_allowed_is_not_connected_to(
    teller: Teller, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    job = teller.failed_job()
    monkeypatch.setattr(settings.TUNDRA, "DEV_STORAGE_HOSTS", [])
    teller.send()
    assert "must use https" in only(job).tries[0]["error"]
    assert teller.messages() == []


def test_two_senders_never_make_the_same_attempt(teller: Teller) -> None:
    job = teller.failed_job()
    first, second = only(job), only(job)
    assert first.claim()
    assert not second.claim()
    assert webhooks.claim_next() is None


def test_what_a_dead_sender_had_claimed_is_sent_again(teller: Teller) -> None:
    job = teller.failed_job()
    dead = webhooks.claim_next()
    assert dead is not None
    WebhookDelivery.objects.update(next_attempt_at=timezone.now(), claimed_until=timezone.now())
    assert teller.send()
    assert [it["type"] for it in teller.opened()] == ["job.failed"]
    assert not dead.settle(DeliveryStatus.GIVEN_UP, {}, None)
    assert only(job).status == DeliveryStatus.DELIVERED


def test_a_slow_host_holds_up_nobody_else(teller: Teller, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    monkeypatch.setattr(settings.TUNDRA, "DEV_STORAGE_HOSTS", [teller.receiver.host, "127.0.0.1:9"])
    for _ in range(4):
        teller.failed_job(url="http://127.0.0.1:9/slow")
    other = teller.failed_job()
    under_way = [webhooks.claim_next() for _ in range(3)]
    assert [delivery.host for delivery in under_way if delivery] == ["127.0.0.1:9"] * 2 + [teller.receiver.host]
    assert under_way[2] == only(other)
    assert webhooks.claim_next() is None


def test_a_message_is_redelivered_from_its_first_attempt_on(teller: Teller) -> None:
    job = teller.failed_job(410)
    teller.send()
    webhooks.redeliver(only(job))
    teller.send()
    assert [it["status"] for it in only(job).tries] == [410, 204]
    assert len({message.id for message in teller.messages()}) == 1
    assert "webhook_redelivered" in [event.action for event in events.of(job.subject)]


def test_one_that_is_being_sent_is_not_sent_twice_at_once(teller: Teller) -> None:
    job = teller.failed_job()
    webhooks.claim_next()
    with pytest.raises(ConversionError, match="right now"):
        webhooks.redeliver(only(job))


def test_progress_is_told_at_most_every_few_seconds_and_never_after_the_end(teller: Teller) -> None:
    job = teller.job(500, events=("progress", "end"))
    assert job.claim("worker")
    for rows in (1, 2, 3):
        assert job.renew({"phase": "convert", "rows": rows})
        webhooks.tell_progress(job)
    teller.send()
    assert only(job).status == DeliveryStatus.GIVEN_UP
    WebhookDelivery.objects.update(created_at=timezone.now() - timedelta(seconds=6))
    webhooks.tell_progress(job)
    job.fail(ConversionError("It did not work."))
    while teller.send():
        pass
    assert [it["type"] for it in teller.opened()] == ["job.progress", "job.failed"]
    assert teller.opened()[0]["data"]["progress"]["rows"] == 1


def test_a_rotated_secret_signs_beside_the_new_one_for_a_day(teller: Teller) -> None:
    former = webhook_secrets.text_of(webhook_secrets.present(None))
    new = webhook_secrets.text_of(webhook_secrets.rotate(None))
    teller.failed_job()
    teller.send()
    message = teller.messages()[0]
    assert former != new
    assert message.opened(former) == message.opened(new)
    webhook_secrets._of(None).exclude(retires_at=None).update(retires_at=timezone.now())
    teller.failed_job()
    teller.send()
    latest = teller.messages()[-1]
    assert latest.opened(new)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        latest.opened(former)


def test_a_former_secret_whose_key_is_gone_holds_up_no_message(teller: Teller, settings: Any) -> None:
    webhook_secrets.present(None)
    settings.SECRET_KEY = "another" * 10
    new = webhook_secrets.rotate(None)
    job = teller.failed_job()
    teller.send()
    assert only(job).status == DeliveryStatus.DELIVERED
    assert teller.messages()[0].headers["webhook-signature"].count("v1,") == 1
    assert teller.messages()[0].opened(webhook_secrets.text_of(new))
    assert webhook_secrets.previous_signs_until(None) is None


def test_everybody_has_a_secret_of_their_own(teller: Teller) -> None:
    ada = User.objects.create_user("ada")
    teller.failed_job(owner=ada)
    teller.send()
    message = teller.messages()[0]
    assert message.opened(webhook_secrets.text_of(webhook_secrets.present(ada)))
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        message.opened(webhook_secrets.text_of(webhook_secrets.present(None)))


def test_a_user_who_is_deleted_is_told_nothing_more(teller: Teller) -> None:
    """Another's secret would sign what the receiver cannot verify."""
    ada = User.objects.create_user("ada")
    ended, runs = teller.failed_job(owner=ada), teller.job(owner=ada)
    ada.delete()
    services.cancel(ConversionJob.objects.get(pk=runs.pk))
    assert teller.send() is None
    delivery = only(ended)
    assert (delivery.status, delivery.attempts) == (DeliveryStatus.GIVEN_UP, 0)
    with pytest.raises(ConversionError, match="is gone"):
        webhooks.redeliver(delivery)
    assert not teller.messages()


def test_a_secret_is_rotated_so_often_that_every_former_one_still_signs(teller: Teller) -> None:
    secrets = [webhook_secrets.text_of(webhook_secrets.present(None))]
    secrets += [webhook_secrets.text_of(webhook_secrets.rotate(None)) for _ in range(5)]
    with pytest.raises(ConversionError, match="5 times within a day") as refused:
        webhook_secrets.rotate(None)
    assert refused.value.code == "webhook_secret_rotated"
    teller.failed_job()
    teller.send()
    assert all(teller.messages()[0].opened(secret) for secret in secrets)
    webhook_secrets._of(None).exclude(retires_at=None).update(retires_at=timezone.now())
    assert webhook_secrets.rotate(None)


def test_the_metrics_count_what_became_of_attempts(teller: Teller) -> None:
    def told() -> dict[str, float]:
        return {
            sample.labels.get("outcome", "pending"): sample.value
            for family in JobCollector().collect()
            if "webhook" in family.name
            for sample in family.samples
        }

    teller.failed_job(200)
    teller.failed_job(503)
    teller.failed_job(410)
    assert told() == {"pending": 3}
    while teller.send():
        pass
    assert told() == {"pending": 1, "delivered": 1, "failed": 1, "given_up": 1}
    retention.prune(0)
    assert told() == {"pending": 0, "delivered": 1, "failed": 1, "given_up": 1}


def test_a_retried_job_tells_its_next_end_too(teller: Teller) -> None:
    job = teller.failed_job()
    teller.send()
    services.retry(job)
    services.cancel(job)
    teller.send()
    assert [it["type"] for it in teller.opened()] == ["job.failed", "job.cancelled"]
    assert len({message.id for message in teller.messages()}) == 2


def test_the_log_goes_with_the_job(teller: Teller) -> None:
    teller.failed_job()
    retention.prune(0)
    assert not WebhookDelivery.objects.exists()
