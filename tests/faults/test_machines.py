"""Several machines on one database, broker and bucket, each with a watcher: one takes over what another leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest

from conversions.engine.processes import die_with_parent
from tests.conftest import Converter
from tests.faults.breaking import (
    events_of,
    hang,
    has_one_effect,
    job_of,
    kill_all,
    processes,
    puts,
    until,
    until_ended,
)
from tests.portal import ROOT, Portal
from tests.store.client import ObjectStore

DRAIN_SECONDS = 2
WORKERS = 3  # of the first machine


class Machine:
    """Workers alone, ``manage.py workers``, with a data directory that no other machine sees."""

    def __init__(self, home: Path, portal: Portal) -> None:
        self.home = home
        home.mkdir()
        given = {"TUNDRA_DATA_DIR": str(home), "MAX_CONCURRENT_CONVERSIONS": "1", "DRAIN_SECONDS": str(DRAIN_SECONDS)}
        with (home / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "manage.py", "workers"],
                cwd=ROOT,
                env={**portal.environment, **given},
                stdout=log,
                stderr=log,
                preexec_fn=partial(die_with_parent, os.getpid(), signal.SIGTERM),  # noqa: PLW1509 - a killed test run leaves nothing
            )

    def is_on(self) -> bool:
        """Whether something has been converted here."""
        return any("conversions.engine.server" in command for command in processes(self.home).values())

    def deploy(self) -> None:
        """SIGTERM: what can be finished in time is, the rest is handed on."""
        self._process.send_signal(signal.SIGTERM)
        assert self._process.wait(60) == 0
        assert processes(self.home) == {}

    def lose_power(self) -> None:
        """Everything ends at once, the watcher first."""
        self._process.kill()
        while left := processes(self.home):
            kill_all(left)
        self._process.wait()


@contextmanager
def machines(home: Path, portal: Portal) -> Iterator[list[Machine]]:
    """Two, ready to work."""
    with ExitStack() as stack:
        started = [Machine(home / name, portal) for name in ("one", "other")]
        for machine in started:
            stack.callback(machine.lose_power)
        until(lambda: all(machine.is_on() for machine in started), 120)
        yield started


@pytest.fixture
def busy(scaled_out: Portal, store: ObjectStore) -> list[str]:
    """Jobs that keep the first machine's own workers from any other, until they are cancelled."""
    return [hang(Converter(scaled_out, store, f"first-{number}"), times=9, seconds=900) for number in range(WORKERS)]


def test_one_machine_takes_over_what_another_hands_on_or_loses(
    tmp_path: Path, scaled_out: Portal, store: ObjectStore, busy: list[str]
) -> None:
    with machines(tmp_path, scaled_out) as (one, other):
        elsewhere = Converter(scaled_out, store, "elsewhere")
        body = elsewhere.request(b"a,b\n1,2\n3\n", "csv", options={"on_bad_row": "skip"})
        done = scaled_out.post("/convert/file", body)
        converters = [Converter(scaled_out, store, f"left-{number}") for number in range(2)]
        jobs = [hang(converter) for converter in converters]
        assert all(job_of(scaled_out, job_id)["status"] == "running" for job_id in (*busy, *jobs))
        one.deploy()
        other.lose_power()
        for job_id in busy:
            assert scaled_out.request("POST", f"/jobs/{job_id}/cancel").status == 202
        for converter, job_id in zip(converters, jobs, strict=True):
            job = until_ended(scaled_out, job_id)
            assert (job["status"], job["attempts"], puts(converter)) == ("succeeded", 2, 1), job
            assert has_one_effect(converter)
            assert events_of(scaled_out, job_id) == ["submitted", "started", "requeued", "started", "succeeded"]
    rejects = scaled_out.request("GET", done["metadata"]["rejects"])
    assert json.loads(rejects.body)["line"] == 3
