"""Whoever mends what dies, and prunes what is old, must itself survive whatever it meets."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage
from django.utils import timezone
from pytest_django import Settings

from connectors.errors import UnreadableFile
from conversions import reaper, retention, services
from conversions.assignments import limits_for
from conversions.engine import client
from conversions.models import ConversionJob, JobKind, JobStatus
from conversions.pipeline.assignment import Assignment
from tests.conftest import Converter
from tests.faults.breaking import PEOPLE, until
from tests.portal import Portal
from tests.store.client import ObjectStore


def test_a_portal_goes_on_when_its_watcher_meets_what_it_does_not_know(embedded: Portal, store: ObjectStore) -> None:
    """Here, that somebody took away a directory."""
    tmp, pid = embedded.data_dir / "tmp", embedded.pid
    before = embedded.output.count("a step failed")
    tmp.rename(aside := tmp.with_name("aside"))
    try:
        until(lambda: embedded.output.count("a step failed") > before)
    finally:
        aside.rename(tmp)
    converter = Converter(embedded, store, "after-the-unknown")
    embedded.post("/convert/file", converter.request(PEOPLE, "csv"))
    assert embedded.pid == pid


@contextmanager
def directories_that_come_and_go(home: Path) -> Iterator[None]:
    stop = threading.Event()

    def come_and_go() -> None:
        while not stop.is_set():
            for number in range(20):
                (home / str(number)).mkdir()
            for number in range(20):
                (home / str(number)).rmdir()

    going = threading.Thread(target=come_and_go)
    going.start()
    try:
        yield
    finally:
        stop.set()
        going.join()


@pytest.mark.django_db
def test_a_reaper_minds_no_attempt_that_ends_while_it_looks(tmp_path: Path, settings: Settings) -> None:
    settings.TEMP_DIR = tmp_path
    with directories_that_come_and_go(tmp_path):
        for _ in range(100):
            reaper.Reaper().reap()


def failed_job() -> ConversionJob:
    """One that ended long ago."""
    job = services.submit(services.Submission(JobKind.FILE, {"format": "csv", "options": {}}, {}, "a.csv"))
    assert job.claim("worker")
    assert job.fail(UnreadableFile("Line 3 has 4 values where 2 are due."))
    ConversionJob.objects.filter(pk=job.pk).update(finished_at=timezone.now() - timedelta(days=90))
    return job


class SlowToForget(FileSystemStorage):
    """A store that takes so long to remove something that meanwhile somebody has a job retried."""

    def listdir(self, path: str) -> Any:
        for job in ConversionJob.objects.filter(status=JobStatus.FAILED, source="a.csv")[:1]:
            services.retry(job)
        return super().listdir(path)


@pytest.mark.django_db
def test_a_job_that_is_retried_while_old_ones_are_pruned_is_not_lost(tmp_path: Path, settings: Settings) -> None:
    backend = {"BACKEND": f"{__name__}.SlowToForget", "OPTIONS": {"location": tmp_path}}
    settings.STORAGES = {**settings.STORAGES, "kept": backend}
    jobs = [failed_job(), failed_job()]
    assert retention.prune(30).jobs == 0
    assert {ConversionJob.objects.get(pk=job.pk).status for job in jobs} == {JobStatus.QUEUED}


def assignment(home: Path) -> dict[str, Any]:
    """To infer a schema, on this machine."""
    (home / "a.csv").write_bytes(PEOPLE)
    request = {
        "source_path": str(home / "a.csv"),
        "format": "csv",
        "options": {},
        "row_group_size": 1000,
        "sample_size": 10,
    }
    job = ConversionJob(kind=JobKind.SCHEMA, request=request)
    return Assignment(
        kind=job.kind,
        job_id=str(job.pk),
        number=1,
        request_id="",
        created_at=job.created_at.isoformat(),
        request={**request, "source_label": "a.csv"},
        limits=limits_for(job),
        urls={},
        temp_dir=home,
    ).as_json()


def test_a_worker_gets_past_an_engine_that_is_stuck(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody says how its child ended: the next one has another engine, and gets its own answer."""
    engine = client.Engine()
    try:
        child = engine.begin(assignment(tmp_path))
        os.kill(stuck := engine_pid(), signal.SIGSTOP)
        with monkeypatch.context() as impatient:
            impatient.setattr(client, "_PATIENCE_SECONDS", 0.3)
            impatient.setattr(client, "_GOODBYE_SECONDS", 0.3)
            assert child.finish().signal_number == signal.SIGKILL
        assert not Path(f"/proc/{stuck}").exists()
        child = engine.begin(assignment(tmp_path))
        messages: list[dict[str, Any]] = [{}]
        while not messages[-1].keys() & {"result", "error"}:
            messages.append(child.next_message(10) or {})
        assert messages[-1]["result"]["schema"]["total_rows"] == 2, messages
        assert child.finish().peak_memory > 0
    finally:
        engine.stop()


def test_an_engine_that_died_while_it_idled_is_replaced(tmp_path: Path) -> None:
    engine = client.Engine()
    try:
        assert engine.warm_up()
        os.kill(dead := engine_pid(), signal.SIGKILL)
        try:
            child = engine.begin(assignment(tmp_path))
        except EOFError:  # its death is noticed only now
            child = engine.begin(assignment(tmp_path))
        assert engine_pid() != dead
        child.kill()
        assert child.finish().signal_number == signal.SIGKILL
    finally:
        engine.stop()


def engine_pid() -> int:
    """The fork server of this process."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return next(int(pid) for pid in children if b"engine.server" in Path(f"/proc/{pid}/cmdline").read_bytes())
