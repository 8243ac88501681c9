"""Starting and stopping the portal, and what happens when a part of it dies."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Converter
from tests.portal import Portal
from tests.store.client import ObjectStore


def processes(data_dir: Path) -> list[tuple[int, str]]:
    """Every process that carries this portal's data directory in its environment."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and str(data_dir).encode() in (entry / "environ").read_bytes():
                found.append((int(entry.name), (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()))
        except (FileNotFoundError, PermissionError, ProcessLookupError):
            continue
    return found


@pytest.fixture
def own_portal(tmp_path: Path, store: ObjectStore) -> Iterator[Portal]:
    """A portal that a test may break."""
    with Portal(
        tmp_path, store_hosts=[store.host], RATE_LIMIT_ENABLED="false", MAX_CONCURRENT_CONVERSIONS="1"
    ) as running:
        yield running


def test_the_first_start_prints_a_password_that_opens_the_console(own_portal: Portal) -> None:
    password = re.search(r"superuser 'admin' with the password (\S+)", own_portal.output)
    assert password
    assert own_portal.output.count("with the password") == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly_and_leaves_nothing_behind(own_portal: Portal, number: signal.Signals) -> None:
    os.kill(own_portal.pid, number)
    assert own_portal.stop() == 0
    assert processes(own_portal.data_dir) == []


def test_a_conversion_whose_process_is_killed_is_done_again(
    own_portal: Portal, store: ObjectStore, request: pytest.FixtureRequest
) -> None:
    converter = Converter(own_portal, store, request.node.name)
    job_id = hang(converter)
    kill_child(own_portal)
    job = until_ended(own_portal, job_id)
    assert (job["status"], job["attempts"]) == ("succeeded", 2)
    assert store.exists(converter.output)


def test_a_conversion_that_kills_its_process_every_time_ends_failed(
    own_portal: Portal, store: ObjectStore, request: pytest.FixtureRequest
) -> None:
    converter = Converter(own_portal, store, request.node.name)
    job_id = hang(converter, times=9)
    for attempt in (1, 2, 3):
        until_downloading(converter, attempt)
        kill_child(own_portal)
    job = until_ended(own_portal, job_id)
    assert (job["status"], job["attempts"], job["error"]["code"]) == ("failed", 3, "worker_crashed")
    assert not store.exists(converter.output)
    store.clear_faults()
    own_portal.post("/convert/file", converter.request(b"a\n1\n", "csv"))


def hang(converter: Converter, times: int = 1) -> str:
    """Submit a job that hangs in its download."""
    converter.store.inject("hang", method="GET", key=converter.source, times=times, seconds=20)
    body = converter.request(b"id\n1\n", "csv")
    job_id: str = converter.portal.request("POST", "/convert/file", body, Prefer="respond-async").body["job_id"]
    until_downloading(converter)
    return job_id


def until_downloading(converter: Converter, attempt: int = 1) -> None:
    """The child has begun: one that is killed before costs no attempt."""
    until(lambda: converter.store.hits(converter.source) >= attempt)


def children(portal: Portal) -> list[int]:
    """The engine's forked children: those whose parent is a fork server."""
    servers = {pid for pid, command in processes(portal.data_dir) if "conversions.engine.server" in command}
    return [pid for pid in servers if parent_of(pid) in servers]


def kill_child(portal: Portal) -> None:
    """SIGKILL the process that converts."""
    until(lambda: bool(children(portal)))
    for pid in children(portal):
        os.kill(pid, signal.SIGKILL)


def parent_of(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def until_ended(portal: Portal, job_id: str) -> dict[str, Any]:
    until(lambda: portal.request("GET", f"/jobs/{job_id}").body["status"] in ("succeeded", "failed", "cancelled"))
    return dict(portal.request("GET", f"/jobs/{job_id}").body)


def until(condition: Callable[[], object]) -> None:
    """Wait for something that is about to happen."""
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen within a minute")


def test_a_portal_that_is_killed_takes_everything_with_it(own_portal: Portal) -> None:
    os.kill(own_portal.pid, signal.SIGKILL)
    until(lambda: not processes(own_portal.data_dir))


def test_an_engine_whose_worker_has_died_before_it_began_ends_at_once() -> None:
    init = "1"
    engine = subprocess.run([sys.executable, "-m", "conversions.engine.server", init, "0"], check=False)
    assert engine.returncode == -signal.SIGKILL
