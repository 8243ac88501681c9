"""Credentials from first store to last use: tested, kept, rotated, and only for those who may use them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import AnonymousUser, Group, Permission, User

from connectors import services
from connectors.errors import ConversionError, InvalidRequest, NotFound
from connectors.models import Credential
from connectors.secrets.google import GoogleStore
from connectors.secrets.store import SecretNotFound
from tests.databases.servers import MariaServer
from tests.secrets.standin import SecretManagerStandIn

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("portal_data")]
Account = dict[str, Any]


@pytest.fixture
def ann() -> User:
    """A user without any permission."""
    return User.objects.create_user("ann")


@pytest.fixture
def bob() -> User:
    """Another one."""
    return User.objects.create_user("bob")


def make(name: str = "sales", **fields: Any) -> Credential:
    """A reference and its secret, without a database behind it."""
    services.secret_store().put(name, "{}")
    return Credential.objects.create(id=name, connector_type="postgresql", **fields)


def names_for(caller: Any) -> list[str]:
    """What ``GET /credentials`` lists."""
    return [credential.pk for credential in services.usable_by(caller)]


def test_good_credentials_are_tested_stored_and_usable(planted_account: Account, ann: User) -> None:
    credential = services.create("sales", "postgresql", planted_account, owner=ann)
    assert json.loads(services.resolve("sales", ann)) == planted_account
    credential.refresh_from_db()
    assert (credential.last_test_outcome, credential.last_use_outcome) == ("ok", "")
    assert credential.last_tested_at is not None


def test_mariadb_credentials_work_too(maria: MariaServer, ann: User) -> None:
    credential = services.create("stock", "mysql", maria.credentials(), owner=ann)
    assert services.test(credential).database_type == "MariaDB"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"password": "wrong"}, "authentication_failed"),
        ({"database": "nowhere"}, "database_not_found"),
        ({"ssl_mode": "require"}, "ssl_required"),
        ({"port": 1}, "connection_refused"),
        ({"port": "x"}, "invalid_credentials"),
        ({"colour": "red"}, "invalid_credentials"),
    ],
)
def test_credentials_that_do_not_work_are_not_kept(
    planted_account: Account, ann: User, changes: Account, code: str
) -> None:
    with pytest.raises(ConversionError) as caught:
        services.create("sales", "postgresql", {**planted_account, **changes}, owner=ann)
    assert caught.value.code == code
    assert not Credential.objects.exists()
    with pytest.raises(NotFound):
        services.secret_store().get("sales")


def test_an_id_that_is_taken_is_refused(planted_account: Account, ann: User) -> None:
    make(owner=ann)
    with pytest.raises(ConversionError, match="already") as caught:
        services.create("sales", "postgresql", planted_account, owner=ann)
    assert caught.value.http_status == 409
    assert services.resolve("sales", ann) == "{}"


def test_a_secret_of_somebody_else_in_the_store_is_never_overwritten(planted_account: Account) -> None:
    services.secret_store().put("sales", '"of another program"')
    with pytest.raises(ConversionError, match="already"):
        services.create("sales", "postgresql", planted_account)
    assert services.secret_store().get("sales") == '"of another program"'
    assert not Credential.objects.exists()


def test_a_secret_that_is_stored_already_can_be_referred_to(planted_account: Account, ann: User) -> None:
    services.secret_store().put("sales", json.dumps(planted_account))
    services.create("sales", "postgresql", None, owner=ann)
    assert json.loads(services.resolve("sales", ann)) == planted_account
    with pytest.raises(ConversionError, match="already") as caught:
        services.create("sales", "postgresql", None, for_everyone=True)
    assert caught.value.http_status == 409
    assert not Credential.objects.get().for_everyone


@pytest.mark.parametrize("payload", ["no json", "[1]", '"text"', "[" * 5000])
def test_a_stored_secret_that_is_no_json_object_is_refused_without_quoting_it(payload: str) -> None:
    services.secret_store().put("sales", payload)
    with pytest.raises(InvalidRequest, match="not a JSON object") as caught:
        services.create("sales", "postgresql", None)
    assert payload not in caught.value.message


def test_rotation_keeps_what_works_and_nothing_else(planted_account: Account, ann: User) -> None:
    credential = services.create("sales", "postgresql", {**planted_account, "port": planted_account["port"]}, owner=ann)
    with pytest.raises(ConversionError) as caught:
        services.rotate(credential, services.changed(credential, {"password": "wrong"}))
    assert caught.value.code == "authentication_failed"
    assert json.loads(services.resolve("sales", ann)) == planted_account
    services.rotate(credential, services.changed(credential, {"ssl_mode": "disable"}))
    assert json.loads(services.resolve("sales", ann)) == {**planted_account, "ssl_mode": "disable"}


def test_a_failed_test_is_kept_with_its_reason(planted_account: Account, ann: User) -> None:
    credential = services.create("sales", "postgresql", planted_account, owner=ann)
    services.secret_store().put("sales", json.dumps({**planted_account, "password": "wrong"}))
    with pytest.raises(ConversionError):
        services.test(credential)
    assert Credential.objects.get().last_test_outcome == "authentication_failed"


def test_the_outcome_of_each_use_is_kept() -> None:
    make()
    services.record_use("sales", ConversionError("It failed.", code="timeout"))
    assert Credential.objects.get().last_use_outcome == "timeout"
    services.record_use("sales")
    found = Credential.objects.get()
    assert found.last_use_outcome == "ok"
    assert found.last_used_at is not None


def test_deleting_removes_reference_and_secret(ann: User) -> None:
    services.delete(make(owner=ann))
    assert not Credential.objects.exists()
    with pytest.raises(SecretNotFound):
        services.secret_store().get("sales")


def test_only_the_owner_and_those_it_is_shared_with_may_use_it(ann: User, bob: User, operator: User) -> None:
    credential = make(owner=ann)
    assert (names_for(ann), names_for(bob), names_for(operator)) == (["sales"], [], ["sales"])
    with pytest.raises(NotFound, match="or you may not use them"):
        services.resolve("sales", bob)
    credential.users.add(bob)
    assert names_for(bob) == ["sales"]


def test_a_group_shares_it_with_its_members(ann: User, bob: User) -> None:
    credential = make()
    analysts, others = Group.objects.create(name="analysts"), Group.objects.create(name="others")
    credential.groups.add(analysts, others)
    ann.groups.add(analysts, others)
    assert (names_for(ann), names_for(bob)) == (["sales"], [])


def test_what_is_for_everyone_is_also_for_callers_without_an_account(ann: User) -> None:
    make("open", for_everyone=True)
    make("closed", owner=ann)
    assert names_for(AnonymousUser()) == ["open"]


def test_the_permission_to_use_every_credential_is_enough(ann: User) -> None:
    make()
    ann.user_permissions.add(Permission.objects.get(codename="use_credential"))
    assert names_for(User.objects.get(pk=ann.pk)) == ["sales"]


def test_disabled_credentials_are_there_for_nobody(ann: User, operator: User) -> None:
    credential = make(owner=ann, for_everyone=True)
    services.set_disabled(credential, is_disabled=True)
    for caller in (ann, operator, AnonymousUser()):
        assert names_for(caller) == []
        with pytest.raises(SecretNotFound):
            services.resolve("sales", caller)
    services.set_disabled(credential, is_disabled=False)
    assert services.resolve("sales", ann) == "{}"


def test_the_end_of_an_account_opens_its_credentials_to_nobody(ann: User, bob: User) -> None:
    make(owner=ann)
    ann.delete()
    assert (names_for(bob), names_for(AnonymousUser())) == ([], [])


def test_credentials_for_another_kind_of_database_are_refused(ann: User) -> None:
    make(owner=ann)
    services.check_use("sales", ann, "postgresql")
    with pytest.raises(InvalidRequest, match="for postgresql, not mysql"):
        services.check_use("sales", ann, "mysql")


def test_a_secret_without_a_reference_is_for_those_who_may_use_all(
    settings: LazySettings, monkeypatch: pytest.MonkeyPatch, ann: User, operator: User
) -> None:
    services.secret_store().put("of-old", "{}")
    monkeypatch.setattr(settings.TUNDRA, "API_AUTH", "key")
    assert services.resolve("of-old", operator) == "{}"
    for caller in (ann, AnonymousUser()):
        with pytest.raises(SecretNotFound):
            services.resolve("of-old", caller)
    monkeypatch.setattr(settings.TUNDRA, "API_AUTH", "none")
    assert services.resolve("of-old", AnonymousUser()) == "{}"


@pytest.fixture
def on_google(settings: LazySettings, monkeypatch: pytest.MonkeyPatch, secret_manager: SecretManagerStandIn) -> str:
    """The portal on Secret Manager; the project."""
    monkeypatch.setattr(settings.TUNDRA, "SECRET_STORE", "google")
    monkeypatch.setattr(settings.TUNDRA, "GCP_PROJECT_ID", "services")
    monkeypatch.setattr(settings.TUNDRA, "SECRET_MANAGER_ENDPOINT", secret_manager.endpoint)
    return "services"


def test_secret_manager_serves_the_same_life(
    on_google: str, planted_account: Account, ann: User, secret_manager: SecretManagerStandIn, portal_data: Path
) -> None:
    credential = services.create("warehouse", "postgresql", planted_account, owner=ann)
    behind = GoogleStore(on_google, secret_manager.endpoint)
    assert json.loads(behind.get("warehouse")) == planted_account
    services.rotate(credential, services.changed(credential, {"ssl_mode": "disable"}))
    assert json.loads(services.resolve("warehouse", ann))["ssl_mode"] == "disable"
    assert not (portal_data / "secrets" / "stored").exists()
    services.delete(credential)
    with pytest.raises(SecretNotFound):
        behind.get("warehouse")


@pytest.mark.usefixtures("on_google")
@pytest.mark.parametrize(
    ("name", "status", "code"),
    [("denied", 403, "secret_access_denied"), ("gone", 404, "secret_not_found")],
)
def test_secret_managers_refusals_reach_the_caller(ann: User, name: str, status: int, code: str) -> None:
    Credential.objects.create(id=name, connector_type="postgresql", owner=ann)
    with pytest.raises(ConversionError) as caught:
        services.resolve(name, ann)
    assert (caught.value.http_status, caught.value.code) == (status, code)


@pytest.mark.usefixtures("on_google")
def test_a_refused_deletion_leaves_the_reference(ann: User) -> None:
    credential = Credential.objects.create(id="denied", connector_type="postgresql", owner=ann)
    with pytest.raises(ConversionError):
        services.delete(credential)
    assert Credential.objects.filter(pk="denied").exists()


@pytest.mark.usefixtures("on_google")
def test_a_store_that_is_down_is_an_unhealthy_part(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert services.check_store() == "healthy"
    monkeypatch.setattr(settings.TUNDRA, "SECRET_MANAGER_ENDPOINT", "127.0.0.1:1")
    assert services.check_store().startswith("unhealthy: Secret Manager is not available")


def test_the_embedded_store_is_healthy() -> None:
    assert services.check_store() == "healthy"


def test_the_secret_key_can_be_changed(settings: LazySettings, ann: User) -> None:
    make(owner=ann)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another key " * 5
    assert services.resolve("sales", ann) == "{}"
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(ConversionError, match="another SECRET_KEY"):
        services.resolve("sales", ann)
    assert services.check_store().startswith("unhealthy")
