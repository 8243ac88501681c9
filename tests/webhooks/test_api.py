"""Asking for webhooks, their log and their secret, by the API and the command."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from rest_framework.test import APIClient

from conversions import keys, sealed, webhook_secrets
from conversions.models import ConversionJob, WebhookDelivery, WebhookSecret
from tests.webhooks.conftest import Teller

SOURCE = "https://bucket.s3.eu-central-1.amazonaws.com/people.csv?Signature=x&Expires=4102444800"
TABLE = {"connector_type": "postgresql", "credentials_id": "shop", "table_name": "orders"}
REQUESTS = {
    "/convert/file": {"source_url": SOURCE, "format": "csv"},
    "/infer/schema": {"source_url": SOURCE, "format": "csv"},
}


def client(user: User | None = None, *scopes: str) -> APIClient:
    """Somebody who calls, by a key with these scopes."""
    calling = APIClient()
    if user is not None:
        _, token = keys.create(uuid.uuid4().hex, user, scopes=scopes)
        calling.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return calling


@pytest.fixture
def ada(db: None, monkeypatch: pytest.MonkeyPatch, settings: Any) -> User:
    """Somebody with an account, who may ask as often as there are tests."""
    monkeypatch.setattr(settings.TUNDRA, "RATE_LIMIT_ENABLED", False)
    return User.objects.create_user("ada")


@pytest.mark.parametrize("path", REQUESTS)
def test_a_request_says_where_and_of_what(ada: User, path: str) -> None:
    body = {
        **REQUESTS[path],
        "webhook_url": "https://hooks.example.com/tundra?token=s3cret",
        "webhook_events": ["end", "progress"],
    }
    answer = client(ada).post(path, body, HTTP_PREFER="respond-async")
    assert answer.status_code == 202, answer.data
    assert answer.data["request"]["webhook_url"] == "https://hooks.example.com/tundra"
    assert answer.data["request"]["webhook_events"] == ["end", "progress"]
    job = ConversionJob.objects.get()
    assert b"s3cret" not in bytes(job.webhook)
    assert sealed.unseal(job.webhook) == {"url": body["webhook_url"]}


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"webhook_url": "http://hooks.example.com/"}, "must use https"),
        ({"webhook_url": "https://user:pw@hooks.example.com/"}, "user information"),
        ({"webhook_url": "https://169.254.169.254/latest"}, "not by an IP address"),
        ({"webhook_url": "https://hooks.example.com:8443/"}, "port 443"),
        ({"webhook_url": "https://localhost/"}, "plain DNS name"),
        ({"webhook_url": "https://hooks.example.com/", "webhook_events": ["start"]}, "start"),
        ({"webhook_url": "https://hooks.example.com/", "webhook_events": []}, "empty"),
        ({"webhook_events": ["end"]}, "webhook_url"),
    ],
)
@pytest.mark.parametrize("path", [*REQUESTS, "/convert/database"])
def test_what_is_no_webhook_is_refused_by_name(ada: User, path: str, fields: dict[str, Any], why: str) -> None:
    answer = client(ada).post(path, {**REQUESTS.get(path, TABLE), **fields})
    assert answer.status_code == 400
    assert "webhook_" in answer.data["detail"]
    assert why in answer.data["detail"]
    assert not ConversionJob.objects.exists()


def test_the_log_tells_every_attempt_and_may_be_asked_to_send_again(teller: Teller, ada: User) -> None:
    job = teller.failed_job(410, owner=ada)
    teller.send()
    calling = client(ada)
    (found,) = calling.get(f"/jobs/{job.pk}/webhooks").data["webhooks"]
    assert (found["event"], found["status"], found["host"]) == ("job.failed", "given_up", teller.receiver.host)
    assert [it["status"] for it in found["attempts"]] == [410]
    again = f"/jobs/{job.pk}/webhooks/{found['delivery_id']}/redeliver"
    answer = calling.post(again)
    assert (answer.status_code, answer.data["status"]) == (202, "pending")
    teller.send()
    (found,) = calling.get(f"/jobs/{job.pk}/webhooks").data["webhooks"]
    assert (found["status"], [it["status"] for it in found["attempts"]]) == ("delivered", [410, 204])
    assert {message.id for message in teller.messages()} == {found["message_id"]}


def test_anothers_log_and_what_is_not_there_is_404(teller: Teller, ada: User) -> None:
    job = teller.failed_job(owner=ada)
    delivery = WebhookDelivery.objects.get()
    bob = client(User.objects.create_user("bob"))
    assert bob.get(f"/jobs/{job.pk}/webhooks").status_code == 404
    assert bob.post(f"/jobs/{job.pk}/webhooks/{delivery.pk}/redeliver").status_code == 404
    missing = client(ada).post(f"/jobs/{job.pk}/webhooks/{uuid.uuid4()}/redeliver")
    assert (missing.status_code, missing.data["code"]) == (404, "not_found")


def test_keys_read_and_rotate_the_secret_of_their_user_within_their_scopes(ada: User) -> None:
    reader, converter = client(ada, "read-jobs"), client(ada, "convert")
    first = converter.get("/webhooks/secret")
    assert first.data["secret"].startswith("whsec_")
    assert first.data["previous_signs_until"] is None
    assert first["Cache-Control"] == "no-store"
    assert converter.get("/webhooks/secret").data == first.data
    assert reader.post("/webhooks/secret/rotate").status_code == 403
    assert reader.get("/webhooks/secret").status_code == 403
    rotated = converter.post("/webhooks/secret/rotate").data
    assert rotated["secret"] != first.data["secret"]
    assert rotated["previous_signs_until"]
    assert converter.get("/webhooks/secret").data["secret"] == rotated["secret"]
    bob = client(User.objects.create_user("bob"))
    assert bob.get("/webhooks/secret").data["secret"] != rotated["secret"]


def test_secrets_are_encrypted_at_rest(ada: User) -> None:
    text = webhook_secrets.text_of(webhook_secrets.present(ada))
    assert text.encode() not in bytes(WebhookSecret.objects.get().sealed)


def test_a_secret_whose_key_is_gone_says_so_until_it_is_rotated(ada: User, settings: Any) -> None:
    calling = client(ada)
    calling.get("/webhooks/secret")
    settings.SECRET_KEY = "another" * 10
    answer = calling.get("/webhooks/secret")
    assert (answer.status_code, answer.data["code"]) == (409, "secret_unreadable")
    assert calling.post("/webhooks/secret/rotate").status_code == 200
    assert calling.get("/webhooks/secret").status_code == 200


def test_the_command_prints_and_rotates(ada: User, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("webhook_secret", "ada")
    printed = capsys.readouterr().out.strip()
    assert printed == webhook_secrets.text_of(webhook_secrets.present(ada))
    call_command("webhook_secret", "ada", "--rotate")
    assert capsys.readouterr().out.strip() not in ("", printed)
    call_command("webhook_secret")
    assert capsys.readouterr().out.strip() == webhook_secrets.text_of(webhook_secrets.present(None))
    with pytest.raises(SystemExit):
        call_command("webhook_secret", "nobody")
