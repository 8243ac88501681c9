"""Credentials through the other doors: the API of a running portal, and the commands."""

from __future__ import annotations

import io
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from connectors.models import Credential
from connectors.secrets.google import GoogleStore
from tests.manage import manage
from tests.portal import Portal
from tests.secrets.standin import SecretManagerStandIn

Account = dict[str, Any]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The data directory of a portal that has never run."""
    return tmp_path / "portal"


def command(
    home: Path, *arguments: str, given: str = "", after: str = "migrate", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run ``manage.py`` on the portal's data."""
    return manage(home.parent, *arguments, given=given, data_dir=home, after=after, **environment)


def store(
    home: Path, account: Any, *more: str, after: str = "migrate", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Store credentials ``sales``, given as JSON or as text."""
    given = account if isinstance(account, str) else json.dumps(account)
    named = ("store_credentials", "sales", "--connector-type", "postgresql")
    return command(home, *named, *more, given=given, after=after, **environment)


def test_the_commands_store_test_and_rotate_right_after_the_clone(home: Path, planted_account: Account) -> None:
    first = store(home, planted_account, after="clone")
    assert first.stdout == "sales (postgresql): the connection works; stored.\n"
    tested = command(home, "test_connection", "--credentials-id", "sales", "--json")
    assert json.loads(tested.stdout)["database_type"] == "PostgreSQL"
    assert "rotated" in store(home, {**planted_account, "ssl_mode": "disable"}).stdout
    assert "connected to PostgreSQL" in command(home, "test_connection", "--credentials-id", "sales").stdout


@pytest.mark.parametrize(
    ("account", "code", "said"),
    [
        ("no json", 2, "not a JSON object"),
        ({"host": "127.0.0.1"}, 2, "credentials.database is missing"),
        ({"host": "127.0.0.1", "port": 1, "database": "d", "username": "u", "password": "needle"}, 1, "127.0.0.1:1"),
    ],
)
def test_a_command_that_refuses_says_why_and_keeps_nothing(home: Path, account: Any, code: int, said: str) -> None:
    done = store(home, account)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "needle" not in done.stderr
    assert "Traceback" not in done.stderr
    missing = command(home, "test_connection", "--credentials-id", "sales")
    assert (missing.returncode, missing.stderr.strip()) == (2, "There are no credentials 'sales'.")


def test_the_key_of_an_embedded_portal_can_be_changed(home: Path, planted_account: Account) -> None:
    old, new = "o" * 50, "n" * 50
    assert store(home, planted_account, SECRET_KEY=old).returncode == 0
    again = command(home, "reencrypt_secrets", SECRET_KEY=new, SECRET_KEY_FALLBACKS=old)
    assert again.stdout == "1 secrets are encrypted with the current SECRET_KEY.\n"
    assert command(home, "test_connection", "--credentials-id", "sales", SECRET_KEY=new).returncode == 0
    lost = command(home, "test_connection", "--credentials-id", "sales", SECRET_KEY=old)
    assert lost.returncode == 1
    assert "SECRET_KEY_FALLBACKS" in lost.stderr


def test_the_commands_use_secret_manager_when_there_is_a_project(
    home: Path, planted_account: Account, secret_manager: SecretManagerStandIn
) -> None:
    environment = {"GCP_PROJECT_ID": "commands", "SECRET_MANAGER_ENDPOINT": secret_manager.endpoint}
    behind = GoogleStore("commands", secret_manager.endpoint)
    behind.put("sales", json.dumps(planted_account))
    assert "already" in store(home, planted_account, **environment).stderr
    assert store(home, "", "--existing", **environment).returncode == 0
    tested = command(home, "test_connection", "--credentials-id", "sales", **environment)
    assert "connected to PostgreSQL" in tested.stdout


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"SECRET_STORE": "google"}, "GCP_PROJECT_ID"),
        ({"SECRET_STORE": "vault"}, "SECRET_STORE"),
        (
            {"ENV": "production", "SECRET_KEY": "k" * 50, "ALLOWED_HOSTS": "x", "SECRET_MANAGER_ENDPOINT": "y:1"},
            "SECRET_MANAGER_ENDPOINT",
        ),
    ],
)
def test_a_store_that_cannot_work_stops_the_start_and_names_the_variable(
    home: Path, environment: dict[str, str], said: str
) -> None:
    done = command(home, "check", **environment)
    assert done.returncode != 0
    assert said in done.stderr.strip().splitlines()[-1]


def test_a_running_portal_lists_references_and_checks_its_store(
    home: Path, planted_account: Account, secret_manager: SecretManagerStandIn
) -> None:
    environment = {"GCP_PROJECT_ID": "running", "SECRET_MANAGER_ENDPOINT": secret_manager.endpoint}
    assert store(home, planted_account, **environment).returncode == 0
    with Portal(home, **environment) as portal:
        answer = portal.request("GET", "/credentials")
        assert portal.request("GET", "/health/deep").body["checks"]["secret_manager"] == "healthy"
        assert portal.request("GET", "/credentials?x=1").status == 400
        assert portal.request("POST", "/credentials", {}).status == 405
        assert "credentials" in portal.request("GET", "/schema").body
        printed = portal.output
    assert answer.status == 200
    assert answer.body["count"] == 1
    [found] = answer.body["credentials"]
    assert (found["credentials_id"], found["connector_type"], found["last_test_outcome"]) == (
        "sales",
        "postgresql",
        "ok",
    )
    assert "needle" not in json.dumps(answer.body) + printed
    assert not {"host", "username", "password", "database"} & set(found)


@pytest.mark.django_db
def test_a_caller_sees_only_what_it_may_use() -> None:
    ann, bob = User.objects.create_user("ann"), User.objects.create_user("bob")
    grants: dict[str, dict[str, Any]] = {
        "of-ann": {"owner": ann},
        "of-bob": {"owner": bob},
        "of-all": {"for_everyone": True},
    }
    for name, fields in grants.items():
        Credential.objects.create(id=name, connector_type="mysql", **fields)
    Credential.objects.create(id="off", connector_type="mysql", owner=ann, is_disabled=True)
    client = Client()
    client.force_login(ann)
    assert [found["credentials_id"] for found in client.get("/credentials").json()["credentials"]] == [
        "of-all",
        "of-ann",
    ]


@pytest.mark.django_db
def test_without_a_key_nothing_is_listed(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings.TUNDRA, "API_AUTH", "key")
    assert Client().get("/credentials").status_code in (401, 403)


@pytest.mark.django_db
@pytest.mark.usefixtures("portal_data")
def test_the_command_can_name_an_owner(planted_account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    ann = User.objects.create_user("ann")

    def run(owner: str) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(planted_account)))
        named = ("sales", "--connector-type", "postgresql", "--owner", owner)
        call_command("store_credentials", *named, stdout=io.StringIO(), stderr=io.StringIO())

    with pytest.raises(SystemExit) as caught:
        run("nobody")
    assert caught.value.code == 2
    run("ann")
    credential = Credential.objects.get()
    assert (credential.owner, credential.for_everyone) == (ann, False)
    with pytest.raises(SystemExit):
        run("ann")
