"""Credentials in the console, clicked through: tested before they are stored, never shown, everything on record."""

from __future__ import annotations

import io
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from connectors import services
from connectors.models import Credential
from connectors.secrets.store import SecretNotFound
from tests.secrets.conftest import PLANTED

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("portal_data")]
ADD = "/admin/connectors/credential/add/"
LIST = "/admin/connectors/credential/"


@pytest.fixture
def console(operator: User) -> Client:
    """The operator's browser."""
    client = Client()
    client.force_login(operator)
    return client


@pytest.fixture
def account(planted_account: dict[str, Any]) -> dict[str, Any]:
    """The form's fields for a database that is there."""
    return {"id": "sales", "connector_type": "postgresql", **planted_account, "ssl_mode": ""}


def page_of(name: str, what: str = "change") -> str:
    """A credential's own pages."""
    return reverse(f"admin:connectors_credential_{what}", args=[name])


def act(console: Client, action: str, *names: str, **more: str) -> str:
    """Run a list action and return the page that follows."""
    answer = console.post(LIST, {"action": action, "_selected_action": names, "index": "0", **more}, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def test_creating_tests_then_stores(console: Client, account: dict[str, Any], operator: User) -> None:
    answer = console.post(ADD, account, follow=True)
    assert answer.redirect_chain == [(page_of("sales"), 302)]
    assert "the connection works" in answer.content.decode()
    stored = json.loads(services.resolve("sales", operator))
    assert stored == {name: account[name] for name in ("host", "port", "database", "username", "password")}
    assert Credential.objects.get().owner == operator


def test_a_connection_that_fails_stores_nothing_and_keeps_what_was_typed(
    console: Client, account: dict[str, Any]
) -> None:
    page = console.post(ADD, {**account, "password": "not-the-password"}).content.decode()
    assert "password" in page
    assert 'value="planted"' in page
    assert "not-the-password" not in page
    assert not Credential.objects.exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"id": "no spaces"}, "Use letters, digits, hyphens and underscores only."),
        ({"id": "sales\n\n"}, None),
        ({"host": ""}, "credentials.host is missing."),
        ({"ssl_root_cert": "no pem"}, "credentials.ssl_root_cert"),
        ({"port": "70000"}, "less than or equal to 65535"),
        ({"is_stored": "on"}, "Leave the fields of the secret empty, or switch this off."),
    ],
)
def test_a_mistake_is_shown_at_its_field(
    console: Client, account: dict[str, Any], changes: dict[str, str], said: str | None
) -> None:
    page = console.post(ADD, {**account, **changes}, follow=True).content.decode()
    if said is None:
        assert Credential.objects.get().pk == "sales", "white space around an id is no part of it"
    else:
        assert said in page
        assert not Credential.objects.exists()


def test_an_id_that_is_taken_is_refused(console: Client, account: dict[str, Any]) -> None:
    console.post(ADD, account)
    page = console.post(ADD, account).content.decode()
    assert "There are credentials &#x27;sales&#x27; already." in page


def test_rotating_changes_what_was_filled_in(console: Client, account: dict[str, Any], operator: User) -> None:
    console.post(ADD, account)
    form = console.get(page_of("sales", "rotate")).content.decode()
    assert "What is left empty stays as it is stored." in form
    assert account["username"] not in form
    refused = console.post(page_of("sales", "rotate"), {"password": "not-the-password"}).content.decode()
    assert "not-the-password" not in refused
    assert json.loads(services.resolve("sales", operator))["password"] == PLANTED
    console.post(page_of("sales", "rotate"), {"password": PLANTED, "ssl_mode": "disable"})
    assert json.loads(services.resolve("sales", operator))["ssl_mode"] == "disable"


def test_the_actions_test_disable_and_enable(console: Client, account: dict[str, Any], operator: User) -> None:
    console.post(ADD, account)
    assert "sales: connected to PostgreSQL" in act(console, "test_connections", "sales")
    assert "Disable 1 credential?" in act(console, "disable", "sales")
    assert "sales: disabled." in act(console, "disable", "sales", confirmed="yes")
    assert not services.usable_by(operator).exists()
    assert "sales: enabled." in act(console, "enable", "sales", confirmed="yes", stay="yes")
    assert services.usable_by(operator).exists()


def test_a_failing_test_says_why(console: Client, account: dict[str, Any]) -> None:
    console.post(ADD, account)
    services.secret_store().put("sales", json.dumps({"host": "127.0.0.1"}))
    assert "credentials.database is missing" in act(console, "test_connections", "sales")
    assert Credential.objects.get().last_test_outcome == "invalid_credentials"


def test_the_page_of_a_credential_has_its_buttons_outside_the_form(console: Client, account: dict[str, Any]) -> None:
    console.post(ADD, account)
    page = console.get(page_of("sales")).content.decode()
    assert page.index('value="test_connections"') < page.index('id="credential_form"')
    assert page_of("sales", "rotate") in page


def test_sharing_is_edited_and_nothing_else(console: Client, account: dict[str, Any]) -> None:
    console.post(ADD, account)
    ann = User.objects.create_user("ann")
    changes = {"users": [ann.pk], "owner": ann.pk, "connector_type": "mysql", "is_disabled": "on", "id": "other"}
    console.post(page_of("sales"), changes)
    credential = Credential.objects.get()
    assert (credential.pk, credential.connector_type, credential.is_disabled) == ("sales", "postgresql", False)
    assert (credential.owner, list(credential.users.all())) == (ann, [ann])


@pytest.mark.parametrize("in_bulk", [True, False])
def test_deleting_removes_the_secret(console: Client, account: dict[str, Any], in_bulk: bool) -> None:
    console.post(ADD, account)
    if in_bulk:
        act(console, "delete_selected", "sales", post="yes")
    else:
        console.post(page_of("sales", "delete"), {"post": "yes"})
    assert not Credential.objects.exists()
    with pytest.raises(SecretNotFound):
        services.secret_store().get("sales")


@pytest.mark.parametrize("in_bulk", [True, False])
def test_a_refused_deletion_is_said_and_leaves_everything(
    console: Client, settings: LazySettings, portal_data: Path, in_bulk: bool
) -> None:
    Credential.objects.create(id="sales", connector_type="postgresql")
    (portal_data / "secrets").write_text("a file where the directory should be")
    if in_bulk:
        page = act(console, "delete_selected", "sales", post="yes")
    else:
        page = console.post(page_of("sales", "delete"), {"post": "yes"}, follow=True).content.decode()
    assert "The secret directory cannot be used" in page
    assert Credential.objects.exists()


def test_everything_done_is_on_record(console: Client, account: dict[str, Any], operator: User) -> None:
    console.post(ADD, account)
    console.post(page_of("sales", "rotate"), {"password": PLANTED})
    act(console, "test_connections", "sales")
    act(console, "disable", "sales", confirmed="yes")
    done = LogEntry.objects.filter(object_id="sales", user=operator).order_by("pk")
    said = [entry.change_message for entry in done]
    assert [said[0], said[1], said[3]] == ["tested and stored", "rotated", "disabled"]
    assert said[2].startswith("connected to PostgreSQL")


@pytest.mark.parametrize("path", [ADD, LIST, f"{LIST}sales/change/", f"{LIST}sales/rotate/"])
def test_staff_without_permission_get_nowhere(path: str) -> None:
    Credential.objects.create(id="sales", connector_type="postgresql")
    client = Client()
    client.force_login(User.objects.create_user("staff", is_staff=True))
    assert client.get(path).status_code == 403
    assert client.post(path, {"action": "disable", "_selected_action": "sales"}).status_code == 403
    assert not Credential.objects.get().is_disabled


def test_who_may_only_look_can_change_nothing(account: dict[str, Any]) -> None:
    Credential.objects.create(id="sales", connector_type="postgresql")
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_credential"))
    client = Client()
    client.force_login(viewer)
    page = client.get(page_of("sales")).content.decode()
    assert "test_connections" not in page
    act(client, "disable", "sales")
    assert not Credential.objects.get().is_disabled
    assert client.post(page_of("sales", "rotate"), {"password": "x"}).status_code == 403


def test_a_stored_secret_is_given_only_to_who_may_use_all(account: dict[str, Any]) -> None:
    services.secret_store().put("treasure", json.dumps({"host": "h"}))
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.add(*Permission.objects.filter(codename__in=["add_credential", "view_credential"]))
    client = Client()
    client.force_login(clerk)
    page = client.post(ADD, {"id": "treasure", "connector_type": "postgresql", "is_stored": "on"}).content.decode()
    assert "Only who may use every credential" in page
    assert not Credential.objects.exists()


def test_a_planted_password_is_found_nowhere(
    console: Client, account: dict[str, Any], portal_data: Path, operator: User
) -> None:
    logged = io.StringIO()
    handler = logging.StreamHandler(logged)
    logging.getLogger().addHandler(handler)
    try:
        pages = [console.post(ADD, {**account, "database": "nowhere"}), console.post(ADD, account, follow=True)]
        pages += [console.post(page_of("sales", "rotate"), {"password": PLANTED, "port": "1"})]
        pages += [console.get(path) for path in (LIST, page_of("sales"), page_of("sales", "rotate"), "/credentials")]
        pages += [console.get(page_of("sales", "history")), console.get(page_of("sales", "delete"))]
        act(console, "test_connections", "sales")
    finally:
        logging.getLogger().removeHandler(handler)
    assert json.loads(services.resolve("sales", operator))["password"] == PLANTED
    rows = repr(list(Credential.objects.values()) + list(LogEntry.objects.values()))
    files = b"".join(path.read_bytes() for path in portal_data.rglob("*") if path.is_file())
    everything = "".join(page.content.decode() for page in pages) + rows + logged.getvalue()
    assert "needle" not in everything
    assert b"needle" not in files
