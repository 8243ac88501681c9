"""Secrets on disk: nobody reads them without the key, and a crash or a changed key loses none."""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from connectors.errors import ConversionError
from connectors.secrets.cache import CachedStore
from connectors.secrets.google import GoogleStore
from connectors.secrets.local import LocalStore
from connectors.secrets.opening import StoreConfig, open_store
from connectors.secrets.store import SecretNotFound, SecretUnreadable, use_secret
from tests.secrets.conftest import KEY
from tests.secrets.standin import SecretManagerStandIn

PLANTED = "planted-needle-5f1c"
SECRET = f'{{"password": "{PLANTED}"}}'


def everything_in(directory: Path) -> bytes:
    """Names and contents of all files."""
    files = [path for path in directory.rglob("*") if path.is_file()]
    return b"".join(str(path).encode() + path.read_bytes() for path in files)


def test_the_local_store_and_the_cache_hold_no_secret_in_clear(
    local_store: LocalStore, cached_store: CachedStore, tmp_path: Path
) -> None:
    for store in (local_store, cached_store):
        store.put("sales", SECRET)
    found = everything_in(tmp_path)
    assert len(list(tmp_path.rglob("sales"))) == 2
    assert PLANTED.encode() not in found


def test_only_the_portals_account_may_read_the_files(local_store: LocalStore, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        local_store.put("sales", SECRET)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "stored").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "stored" / "sales").stat().st_mode) == 0o600


def test_another_key_opens_nothing_and_says_what_to_do(local_store: LocalStore, tmp_path: Path) -> None:
    local_store.put("sales", SECRET)
    other = LocalStore(tmp_path / "stored", ["another key"])
    for ask in (lambda: other.get("sales"), other.check):
        with pytest.raises(SecretUnreadable, match="'sales' cannot be decrypted") as caught:
            ask()
        assert "SECRET_KEY_FALLBACKS" in str(caught.value.hint)


def test_the_key_can_be_changed_without_losing_a_secret(local_store: LocalStore, tmp_path: Path) -> None:
    local_store.put("sales", SECRET)
    local_store.put("stock", "2")
    both = LocalStore(tmp_path / "stored", ["new key", KEY])
    assert both.get("sales") == SECRET
    assert both.change_key() == 2
    new = LocalStore(tmp_path / "stored", ["new key"])
    assert [new.get("sales"), new.get("stock")] == [SECRET, "2"]
    with pytest.raises(SecretUnreadable):
        local_store.get("sales")


def test_a_key_change_that_meets_a_foreign_secret_says_which(local_store: LocalStore, tmp_path: Path) -> None:
    local_store.put("sales", SECRET)
    with pytest.raises(SecretUnreadable, match="'sales'"):
        LocalStore(tmp_path / "stored", ["new key"]).change_key()
    assert local_store.get("sales") == SECRET


def test_a_file_moved_to_another_name_does_not_open(local_store: LocalStore, tmp_path: Path) -> None:
    local_store.put("sales", SECRET)
    (tmp_path / "stored" / "sales").rename(tmp_path / "stored" / "stock")
    with pytest.raises(SecretUnreadable):
        local_store.get("stock")


@pytest.mark.parametrize("damage", [b"", b"garbage", b"\xff\x00", None])
def test_a_damaged_file_is_unreadable_never_wrong(
    local_store: LocalStore, tmp_path: Path, damage: bytes | None
) -> None:
    local_store.put("sales", SECRET)
    file = tmp_path / "stored" / "sales"
    file.write_bytes(file.read_bytes()[:-10] if damage is None else damage)
    with pytest.raises(SecretUnreadable):
        local_store.get("sales")


def test_a_reader_never_meets_a_half_written_secret(local_store: LocalStore) -> None:
    versions = {f"{number}" * 20_000 for number in range(2)}
    local_store.put("sales", min(versions))
    done = threading.Event()

    def write() -> None:
        for _ in range(25):
            for version in versions:
                local_store.put("sales", version)
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen = set()
    while not done.is_set():
        seen.add(local_store.get("sales"))
    writer.join()
    assert seen <= versions


def test_a_key_change_undoes_nothing_that_happens_meanwhile(local_store: LocalStore, tmp_path: Path) -> None:
    both = LocalStore(tmp_path / "stored", ["new key", KEY])
    local_store.put("removed", SECRET)
    done = threading.Event()

    def change() -> None:
        while not done.is_set():
            both.change_key()

    changer = threading.Thread(target=change)
    changer.start()
    try:
        for number in range(100):
            both.put("sales", str(number))
            assert both.get("sales") == str(number)
        both.delete("removed")
    finally:
        done.set()
        changer.join()
    assert both.get("sales") == "99"
    with pytest.raises(SecretNotFound):
        both.get("removed")


def test_a_directory_that_cannot_be_used_is_named_as_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store = LocalStore(tmp_path / "file" / "stored", [KEY])
    with pytest.raises(ConversionError, match="secret directory cannot be used") as caught:
        store.put("sales", SECRET)
    assert caught.value.code == "secret_manager_unavailable"


def test_the_cache_answers_without_asking_and_is_shared(
    cached_store: CachedStore, google_store: GoogleStore, tmp_path: Path
) -> None:
    google_store.put("sales", "old")
    assert cached_store.get("sales") == "old"
    google_store.put("sales", "new")
    another_process = CachedStore(google_store, tmp_path / "cached", [KEY], 3600)
    assert cached_store.get("sales") == another_process.get("sales") == "old"
    assert another_process.get_fresh("sales") == "new"
    assert cached_store.get("sales") == "new"


def test_the_cache_forgets_after_its_time(google_store: GoogleStore, tmp_path: Path) -> None:
    store = CachedStore(google_store, tmp_path / "cached", [KEY], 1)
    store.put("sales", "old")
    google_store.put("sales", "new")
    time.sleep(2.1)  # ages are whole seconds
    assert store.get("sales") == "new"


def test_a_cache_of_no_time_keeps_nothing(google_store: GoogleStore, tmp_path: Path) -> None:
    store = CachedStore(google_store, tmp_path / "cached", [KEY], 0)
    store.put("sales", "old")
    google_store.put("sales", "new")
    assert store.get("sales") == "new"
    assert not (tmp_path / "cached").exists()


@pytest.mark.parametrize("damage", [b"", b"garbage"])
def test_a_damaged_cache_only_costs_a_question(cached_store: CachedStore, tmp_path: Path, damage: bytes) -> None:
    cached_store.put("sales", SECRET)
    (tmp_path / "cached" / "sales").write_bytes(damage)
    assert cached_store.get("sales") == SECRET


def test_a_cache_that_cannot_be_written_only_costs_questions(google_store: GoogleStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store = CachedStore(google_store, tmp_path / "file" / "cached", [KEY], 3600)
    store.put("sales", SECRET)
    assert store.get("sales") == SECRET


def test_a_refusal_is_never_cached(cached_store: CachedStore, google_store: GoogleStore) -> None:
    with pytest.raises(SecretNotFound):
        cached_store.get("sales")
    google_store.put("sales", SECRET)
    assert cached_store.get("sales") == SECRET


def refuse_unless(password: str, tried: list[str], code: str = "authentication_failed") -> Callable[[str], str]:
    """A database that knows one password."""

    def connect(secret: str) -> str:
        tried.append(secret)
        if secret != password:
            raise ConversionError("The database refused.", code=code)
        return "connected"

    return connect


def test_a_password_changed_behind_the_cache_is_read_afresh_once(
    cached_store: CachedStore, google_store: GoogleStore
) -> None:
    cached_store.put("sales", "old")
    google_store.put("sales", "new")
    tried: list[str] = []
    assert use_secret(cached_store, "sales", refuse_unless("new", tried)) == "connected"
    assert tried == ["old", "new"]
    assert cached_store.get("sales") == "new"


def test_a_password_that_is_really_wrong_is_tried_once(cached_store: CachedStore) -> None:
    cached_store.put("sales", "wrong")
    tried: list[str] = []
    with pytest.raises(ConversionError, match="refused"):
        use_secret(cached_store, "sales", refuse_unless("right", tried))
    assert tried == ["wrong"]


def test_another_failure_does_not_ask_for_a_fresh_secret(cached_store: CachedStore, google_store: GoogleStore) -> None:
    cached_store.put("sales", "old")
    google_store.put("sales", "new")
    tried: list[str] = []
    with pytest.raises(ConversionError):
        use_secret(cached_store, "sales", refuse_unless("new", tried, code="connection_refused"))
    assert tried == ["old"]


def test_a_store_travels_as_json_and_shows_no_key(secret_manager: SecretManagerStandIn, tmp_path: Path) -> None:
    import json
    from dataclasses import asdict

    local = StoreConfig(str(tmp_path), (KEY,))
    google = StoreConfig(str(tmp_path), (KEY,), "travelling", secret_manager.endpoint)
    for config in (local, google):
        assert KEY not in repr(config)
        again = StoreConfig.from_json(json.loads(json.dumps(asdict(config))))
        assert again == config
        open_store(config).put("sales", SECRET)
        assert open_store(again).get("sales") == SECRET


def test_caches_of_two_projects_do_not_mix(secret_manager: SecretManagerStandIn, tmp_path: Path) -> None:
    one = open_store(StoreConfig(str(tmp_path), (KEY,), "project-one", secret_manager.endpoint))
    two = open_store(StoreConfig(str(tmp_path), (KEY,), "project-two", secret_manager.endpoint))
    one.put("sales", SECRET)
    with pytest.raises(SecretNotFound):
        two.get("sales")
