"""Looking into a running portal, and breaking its parts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tests.conftest import Converter
from tests.portal import ROOT, Portal

PEOPLE = b"id,name\n1,Ann\n2,Bob\n"
ENDED = ("succeeded", "failed", "cancelled")


def processes(data_dir: Path) -> dict[int, str]:
    """Every process that carries this portal's data directory in its environment, with its command line."""
    found = {}
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and f"TUNDRA_DATA_DIR={data_dir}\0".encode() in (entry / "environ").read_bytes():
                found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
        except (FileNotFoundError, PermissionError, ProcessLookupError):
            continue
    return found


def pids(portal: Portal, role: str) -> list[int]:
    """Processes of a role: web, web-worker, cluster, sentinel, monitor, pusher, idle, busy, engine, child."""
    commands = processes(portal.data_dir)
    return [pid for pid, command in commands.items() if role == _role(pid, command, commands)]


def _role(pid: int, command: str, commands: dict[int, str]) -> str:
    parent = commands.get(parent_of(pid), "")
    if "conversions.engine.server" in command:
        return "child" if "conversions.engine.server" in parent else "engine"
    if command.startswith("gunicorn"):
        return "web" if "master" in command else "web-worker"
    if command.startswith("qcluster"):
        last = command.rpartition(" ")[2]
        known = last if last in ("idle", "monitor", "pusher") else "busy" if " processing " in command else "sentinel"
        if not command.startswith("qcluster MainProcess"):
            return known
        return "sentinel" if parent.startswith("qcluster") else "cluster"  # it has the title of its parent
    return "other"


def parent_of(pid: int) -> int:
    """The parent of a process; 0 when it has ended."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def kill(portal: Portal, role: str) -> None:
    """SIGKILL every process of a role, once there is one."""
    until(lambda: pids(portal, role))
    kill_all(pids(portal, role))


def kill_all(numbers: Iterable[int]) -> None:
    """SIGKILL processes, of which some may just have ended."""
    for number in numbers:
        try:
            os.kill(number, signal.SIGKILL)
        except ProcessLookupError:
            continue


def until(condition: Callable[[], Any], seconds: float = 150.0, pause: float = 0.05) -> Any:
    """Wait for something that is about to happen, and return what it is."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"it did not happen within {seconds:g} seconds"
        time.sleep(pause)
    return found


def submit(converter: Converter, content: bytes = PEOPLE) -> str:
    """Submit a conversion without waiting; the job's id."""
    body = converter.request(content, "csv")
    answer = converter.portal.request("POST", "/convert/file", body, Prefer="respond-async")
    assert answer.status == 202, answer.body
    return str(answer.body["job_id"])


def hang(converter: Converter, *, times: int = 1, seconds: float = 120) -> str:
    """Submit a job that hangs in its download; its id, once it does."""
    before = converter.store.hits(converter.source)
    converter.store.inject("hang", method="GET", key=converter.source, times=times, seconds=seconds)
    job_id = submit(converter)
    until(lambda: converter.store.hits(converter.source) > before)
    return job_id


def job_of(portal: Portal, job_id: str) -> dict[str, Any]:
    """A job as the API tells it."""
    return dict(portal.request("GET", f"/jobs/{job_id}").body)


def events_of(portal: Portal, job_id: str) -> list[str]:
    """What has happened to a job, in order."""
    return [event["action"] for event in portal.request("GET", f"/jobs/{job_id}/events").body["events"]]


def until_ended(portal: Portal, job_id: str, seconds: float = 150.0) -> dict[str, Any]:
    """Wait for a job's end and return it, having made sure that it stays ended."""
    until(lambda: job_of(portal, job_id)["status"] in ENDED, seconds)
    return job_of(portal, job_id)


def puts(converter: Converter) -> int:
    """How often the output was stored."""
    return len(_stored(converter))


def has_one_effect(converter: Converter) -> bool:
    """Whether the output was stored, and the same bytes each time: a repeated delivery changes nothing."""
    return len({entry["headers"]["content-md5"] for entry in _stored(converter)}) == 1


def _stored(converter: Converter) -> list[dict[str, Any]]:
    wanted = [entry for entry in converter.store.requests("PUT") if entry["key"].endswith(converter.output)]
    return [entry for entry in wanted if entry["status"] == 200]


def inside(portal: Portal, code: str) -> str:
    """Run Python inside the portal's Django, as an operator's shell would; what it printed."""
    script = f"import django; django.setup()\n{code}"
    environment = {**portal.environment, "DJANGO_SETTINGS_MODULE": "tundra_site.settings"}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
