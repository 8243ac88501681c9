"""What both stores promise: what was put is what is got, and every failure has its own name, soon."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.errors import ConversionError, InvalidRequest
from connectors.secrets.google import GoogleStore
from connectors.secrets.local import LocalStore
from connectors.secrets.store import SecretNotFound, SecretStore, SecretUnreadable, check_id, check_payload
from tests.portal import free_port
from tests.secrets.standin import SecretManagerStandIn

SECRET = '{"host": "db", "password": "p@ss/w:rd#? %&é"}'
in_time = pytest.mark.timeout(20)  # gRPC by itself waits for a minute


@pytest.fixture(params=["local_store", "google_store", "cached_store"])
def store(request: pytest.FixtureRequest) -> SecretStore:
    """Each kind of store."""
    found: SecretStore = request.getfixturevalue(request.param)
    return found


def test_it_returns_what_was_put(store: SecretStore) -> None:
    store.put("sales-db", SECRET)
    assert store.get("sales-db") == SECRET
    assert store.get_fresh("sales-db") == SECRET


def test_it_returns_the_latest_of_several_versions(store: SecretStore) -> None:
    for number in range(3):
        store.put("sales_db", f'{{"password": "{number}"}}')
    assert store.get("sales_db") == '{"password": "2"}'


def test_ids_differ_by_case_and_do_not_mix(store: SecretStore) -> None:
    store.put("a", "1")
    store.put("A", "2")
    store.put("a" * 255, "3")
    assert [store.get(name) for name in ("a", "A", "a" * 255)] == ["1", "2", "3"]


def test_a_deleted_secret_is_not_found_and_may_be_deleted_again(store: SecretStore) -> None:
    store.put("sales", SECRET)
    store.delete("sales")
    store.delete("sales")
    for ask in (store.get, store.get_fresh):
        with pytest.raises(SecretNotFound, match="There are no credentials 'sales'"):
            ask("sales")


def test_a_missing_secret_is_404(store: SecretStore) -> None:
    with pytest.raises(ConversionError) as caught:
        store.get("never-stored")
    assert (caught.value.http_status, caught.value.code) == (404, "secret_not_found")


@pytest.mark.parametrize("bad", ["", "a/b", "../up", "a b", ".hidden", "a\n", "é", "x" * 256, "a\x00"])
def test_an_id_that_is_none_is_refused_before_anything_is_asked(store: SecretStore, bad: str) -> None:
    for ask in (store.get, store.get_fresh, store.delete, lambda name: store.put(name, SECRET)):
        with pytest.raises(InvalidRequest, match="credentials_id"):
            ask(bad)


@pytest.mark.parametrize("bad", ["", "x" * 65_537, "\ud800"])
def test_a_payload_that_cannot_be_stored_is_refused(store: SecretStore, bad: str) -> None:
    with pytest.raises(InvalidRequest, match="Credentials have to be"):
        store.put("sales", bad)
    with pytest.raises(SecretNotFound):
        store.get("sales")


def test_a_store_that_works_passes_its_check(store: SecretStore) -> None:
    store.check()
    store.put("sales", SECRET)
    store.check()


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(secret=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=2000))
def test_any_text_survives_the_local_store(local_store: LocalStore, secret: str) -> None:
    local_store.put("any", secret)
    assert local_store.get("any") == secret


@settings(max_examples=300)
@given(st.text(max_size=300))
def test_what_is_an_id_is_safe_as_a_file_name(text: str) -> None:
    try:
        check_id(text)
    except InvalidRequest:
        return
    assert Path(text).name == text
    assert not text.startswith(".")
    assert text.isascii()


def test_the_largest_payload_is_accepted() -> None:
    assert len(check_payload("x" * 65_536)) == 65_536


@in_time
@pytest.mark.parametrize(
    ("secret_id", "status", "code"),
    [
        ("denied", 403, "secret_access_denied"),
        ("anonymous", 403, "secret_access_denied"),
        ("missing", 404, "secret_not_found"),
        ("slow", 502, "secret_manager_unavailable"),
    ],
)
def test_secret_managers_refusals_are_told_apart_in_time(
    google_store: GoogleStore, secret_id: str, status: int, code: str
) -> None:
    with pytest.raises(ConversionError) as caught:
        google_store.get(secret_id)
    assert (caught.value.http_status, caught.value.code) == (status, code)
    assert "projects/" not in caught.value.message


@in_time
def test_a_secret_manager_that_is_down_is_502_in_time() -> None:
    store = GoogleStore("project", f"127.0.0.1:{free_port()}")
    for ask in (lambda: store.get("sales"), lambda: store.put("sales", SECRET), store.check):
        with pytest.raises(ConversionError) as caught:
            ask()
        assert (caught.value.http_status, caught.value.code) == (502, "secret_manager_unavailable")
        assert caught.value.retryable


@in_time
def test_a_portal_without_a_google_identity_is_told_so_in_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "not-there.json"))
    with pytest.raises(ConversionError, match="no Google identity") as caught:
        GoogleStore("project").get("sales")
    assert caught.value.http_status == 502


def test_a_moments_unavailability_is_overcome(google_store: GoogleStore) -> None:
    google_store.put("flaky", SECRET)
    assert google_store.get("flaky") == SECRET


def test_a_secret_that_is_not_text_is_refused(google_store: GoogleStore) -> None:
    with pytest.raises(SecretUnreadable, match="not UTF-8"):
        google_store.get("binary")


def test_projects_do_not_mix(secret_manager: SecretManagerStandIn) -> None:
    GoogleStore("mine", secret_manager.endpoint).put("sales", SECRET)
    with pytest.raises(SecretNotFound):
        GoogleStore("yours", secret_manager.endpoint).get("sales")


def test_a_secret_made_without_a_version_is_not_found_and_can_be_put(secret_manager: SecretManagerStandIn) -> None:
    store = GoogleStore("half-made", secret_manager.endpoint)
    store._create("sales")
    with pytest.raises(SecretNotFound):
        store.get("sales")
    store.put("sales", SECRET)
    assert store.get("sales") == SECRET
