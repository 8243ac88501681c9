"""Logging in, roles, and the audit log."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from connectors import events
from connectors.models import Credential, Event
from tests.console.conftest import As

LOGIN = "/admin/login/"
pytestmark = pytest.mark.django_db


def log_in(name: str, password: str, address: str = "203.0.113.1") -> int:
    """Try a password; the status of the answer (302: in)."""
    return Client().post(LOGIN, {"username": name, "password": password}, REMOTE_ADDR=address).status_code


@pytest.fixture
def ada() -> User:
    """Somebody who may log in."""
    return User.objects.create_user("ada", password="a good password", is_staff=True)


def test_too_many_wrong_passwords_end_in_a_pause_for_that_address(ada: User) -> None:
    assert [log_in("ada", "wrong") for _ in range(20)] == [200] * 20
    assert log_in("ada", "a good password") == 200
    page = Client().post(LOGIN, {"username": "ada", "password": "a good password"}, REMOTE_ADDR="203.0.113.1")
    assert "Too many failed logins" in page.content.decode()


def test_the_right_password_is_never_counted(ada: User) -> None:
    assert [log_in("ada", "a good password") for _ in range(25)] == [302] * 25


def test_guessing_from_many_addresses_pauses_the_name(ada: User) -> None:
    for n in range(20):
        log_in("ada", "wrong", f"198.51.100.{n}")
    assert log_in("ada", "a good password", "203.0.113.9") == 200


def test_logins_and_failures_are_on_record_without_what_was_typed(ada: User) -> None:
    log_in("my secret password", "oops")
    log_in("ada", "wrong")
    log_in("ada", "a good password")
    assert [(it.subject, it.action) for it in Event.objects.order_by("id")] == [
        ("user unknown", "login_failed"),
        (f"user {ada.pk}", "login_failed"),
        (f"user {ada.pk}", "logged_in"),
    ]
    kept = str(list(Event.objects.values()))
    assert "secret" not in kept
    assert "203.0.113.1" in kept


def test_a_password_that_is_changed_is_on_record(ada: User) -> None:
    client = Client()
    client.force_login(ada)
    typed = {"old_password": "a good password", "new_password1": "another 1 word", "new_password2": "another 1 word"}
    assert client.post("/admin/password_change/", typed).status_code == 302
    assert events.of(f"user {ada.pk}").filter(action="password_changed", actor="user ada").exists()
    assert "another" not in str(list(Event.objects.values()))


PAGES = {
    "/admin/conversions/conversionjob/": {"viewer", "operator", "admin"},
    "/admin/conversions/conversionjob/new/": {"operator", "admin"},
    "/admin/conversions/schedule/": {"viewer", "operator", "admin"},
    "/admin/conversions/schedule/add/": {"operator", "admin"},
    "/admin/conversions/apikey/": {"operator", "admin"},
    "/admin/connectors/credential/": {"viewer", "operator", "admin"},
    "/admin/connectors/credential/add/": {"admin"},
    "/admin/connectors/event/": {"admin"},
    "/admin/auth/user/": {"admin"},
    "/admin/auth/user/add/": {"admin"},
    "/admin/auth/group/add/": set(),
}


@pytest.mark.parametrize("role", ["nobody", "viewer", "operator", "admin", "superuser"])
def test_a_role_opens_its_pages_and_no_others(as_: As, role: str) -> None:
    client = as_(role)
    opened = {path for path in PAGES if client.get(path).status_code == 200}
    assert opened == {path for path, roles in PAGES.items() if role in roles | {"superuser"}}


def test_an_admin_cannot_rise_above_themselves(as_: As) -> None:
    admin = as_("admin")
    root = User.objects.create_superuser("root", password="x")
    me = User.objects.get(username="admin")
    for user in (root, me):
        admin.post(f"/admin/auth/user/{user.pk}/change/", {"username": user.username, "is_superuser": "on"})
        admin.post(f"/admin/auth/user/{user.pk}/password/", {"password1": "taken over 1", "password2": "taken over 1"})
    me.refresh_from_db()
    root.refresh_from_db()
    assert not me.is_superuser
    assert root.check_password("x")


def test_the_audit_log_tells_who_did_what_and_cannot_be_changed(as_: As) -> None:
    admin = as_("admin")
    admin.post("/admin/auth/user/add/", {"username": "eve", "password1": "long enough 9", "password2": "long enough 9"})
    eve = User.objects.get(username="eve")
    Credential.objects.create(id="shop", connector_type="postgresql")
    admin.post("/admin/connectors/credential/shop/change/", {"owner": eve.pk, "for_everyone": "on"})
    page = admin.get("/admin/connectors/event/").content.decode()
    for text in ("user admin", "created", f"user {eve.pk}", "shared", "credential shop"):
        assert text in page
    event = events.of("credential shop").get()
    for text in ("credential shop", "shop", "shared"):
        assert list(admin.get("/admin/connectors/event/", {"q": text}).context["cl"].result_list) == [event], text
    assert event.detail["owner"] == "eve"
    for path in (f"/admin/connectors/event/{event.pk}/delete/", "/admin/connectors/event/add/"):
        assert admin.post(path, {"post": "yes"}).status_code == 403
