"""SIGKILL for every process of the portal, in every phase of a job: it ends, once, with one whole file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial

import psycopg
import pytest

from tests.conftest import Converter, rows_by_duckdb
from tests.faults.both import on_both
from tests.faults.breaking import (
    PEOPLE,
    hang,
    has_one_effect,
    kill,
    kill_all,
    pids,
    puts,
    submit,
    until,
    until_ended,
)
from tests.portal import Portal

ROWS = 800_000
LARGE = b"id,text\n" + b"".join(b"%d,text %d\n" % (n, n) for n in range(ROWS))


def in_convert(converter: Converter) -> str:
    job_id = submit(converter, LARGE)
    until(lambda: list((converter.portal.data_dir / "tmp").glob(f"{job_id}-*/output.parquet")), pause=0.002)
    return job_id


def in_upload(converter: Converter) -> str:
    converter.store.inject("hang", method="PUT", key=converter.output, seconds=120)
    job_id = submit(converter)
    until(lambda: converter.store.hits(converter.output))
    return job_id


@pytest.mark.parametrize("victim", ["child", "busy"])
@on_both
def test_jobs_survive_their_process_and_their_worker_in_every_phase(converters: list[Converter], victim: str) -> None:
    portal = converters[0].portal
    jobs = [reach(converter) for converter, reach in zip(converters, (hang, in_upload, in_convert), strict=False)]
    kill(portal, victim)
    for converter, job_id in zip(converters, jobs, strict=False):
        job = until_ended(portal, job_id)
        assert (job["status"], job["attempts"]) == ("succeeded", 2), job
        assert rows_by_duckdb(converter.store, converter.output) == job["metadata"]["rows"]
        assert has_one_effect(converter)


@contextmanager
def jobs_kept_from_changing(portal: Portal) -> Iterator[None]:
    """Nobody but the reader gets at the portal's jobs for a while."""
    if url := portal.environment.get("DATABASE_URL"):
        with psycopg.connect(url) as connection:
            connection.execute("LOCK TABLE conversions_conversionjob IN EXCLUSIVE MODE")
            yield
    else:
        with closing(sqlite3.connect(portal.data_dir / "db.sqlite3", isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield


@on_both
def test_a_job_survives_its_worker_between_delivery_and_the_final_update(converters: list[Converter]) -> None:
    converter = converters[0]
    portal = converter.portal
    converter.store.inject("slow", method="GET", key=converter.source, piece=4, seconds=0.3)
    job_id = submit(converter)
    until(lambda: converter.store.hits(converter.source))
    with jobs_kept_from_changing(portal):
        until(lambda: puts(converter))
        kill(portal, "busy")
    job = until_ended(portal, job_id)
    assert (job["status"], job["attempts"], puts(converter)) == ("succeeded", 2, 2)
    assert has_one_effect(converter)


@on_both
def test_an_idle_worker_takes_nothing_along(converters: list[Converter]) -> None:
    """It may hold the lock that all workers wait for, and then nothing runs again without help."""
    portal = converters[0].portal
    running = hang(converters[1], seconds=3)
    kill(portal, "idle")
    job = until_ended(portal, submit(converters[0]))
    assert (job["status"], job["attempts"]) == ("succeeded", 1)
    job = until_ended(portal, running)
    assert (job["status"], job["attempts"] <= 2) == ("succeeded", True)


WATCHED = {"cluster": "workers", "web": "web processes"}


@pytest.mark.parametrize("victim", ["monitor", "pusher", "sentinel", "cluster", "web", "web-worker", "engine"])
@on_both
def test_no_other_process_is_missed_for_long(converters: list[Converter], victim: str) -> None:
    portal = converters[0].portal
    running = hang(converters[0], seconds=3)
    before = set(pids(portal, victim))
    kill_all(before)
    until(lambda: set(pids(portal, victim)) - before)
    portal._wait_until_healthy(150)
    waiting = submit(converters[1])
    for job_id in (running, waiting):
        job = until_ended(portal, job_id)
        assert (job["status"], job["attempts"] <= 2) == ("succeeded", True), job
    assert has_one_effect(converters[0])
    assert has_one_effect(converters[1])
    if name := WATCHED.get(victim):
        assert f"the portal's {name} are started again: ended by itself (-9)" in portal.output


@on_both
def test_a_job_that_kills_its_process_every_time_ends_failed_and_the_queue_goes_on(converters: list[Converter]) -> None:
    poison, other = converters[:2]
    job_id = hang(poison, times=9)
    for attempt in (1, 2, 3):
        until(partial(_was_asked_for, poison, attempt))
        kill(poison.portal, "child")
    job = until_ended(poison.portal, job_id)
    assert (job["status"], job["attempts"], job["error"]["code"]) == ("failed", 3, "worker_crashed")
    assert not poison.store.exists(poison.output)
    other.portal.post("/convert/file", other.request(PEOPLE, "csv"))


@on_both
def test_a_job_that_kills_its_worker_every_time_ends_failed_too(converters: list[Converter]) -> None:
    converter = converters[0]
    job_id = hang(converter, times=9)
    for attempt in (1, 2, 3):
        until(partial(_was_asked_for, converter, attempt))
        kill(converter.portal, "busy")
    job = until_ended(converter.portal, job_id)
    assert (job["status"], job["attempts"], job["error"]["code"]) == ("failed", 3, "worker_crashed")


def _was_asked_for(converter: Converter, times: int) -> bool:
    return converter.store.hits(converter.source) == times
