"""What the portal itself stands on goes away for a while and comes back: nothing is lost, nothing done twice."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from tests.conftest import Converter, rows_by_duckdb
from tests.databases.servers import PostgresServer
from tests.faults.breaking import (
    PEOPLE,
    hang,
    has_one_effect,
    job_of,
    puts,
    submit,
    until,
    until_ended,
)
from tests.faults.servers import RedisServer
from tests.portal import Answer, Portal
from tests.store.client import ObjectStore

AWAY_SECONDS = 30
WORKERS = 3


@pytest.fixture
def portal(scaled_out: Portal) -> Portal:
    """Only this configuration has parts that can go away."""
    scaled_out._wait_until_healthy(150)
    return scaled_out


@pytest.fixture
def converters(portal: Portal, store: ObjectStore, request: pytest.FixtureRequest) -> list[Converter]:
    """More than there are workers, so that some jobs run and some wait."""
    return [Converter(portal, store, f"{request.node.name}-{number}") for number in range(WORKERS + 4)]


def in_all_ways(converters: list[Converter], away_seconds: float) -> list[str]:
    """Jobs that run, jobs that end while the part is away, and jobs that wait."""
    long, soon = converters[:2], converters[2:WORKERS]
    running = [hang(converter, seconds=away_seconds + 5) for converter in long]
    running += [hang(converter, seconds=5) for converter in soon]
    return running + [submit(converter) for converter in converters[WORKERS:-2]]


def test_the_portals_database_is_away_for_half_a_minute(
    converters: list[Converter], portal_database: PostgresServer
) -> None:
    portal, patient, latecomer = converters[0].portal, *converters[-2:]
    before = jobs_in(portal_database)
    jobs = in_all_ways(converters, AWAY_SECONDS)
    request = latecomer.request(PEOPLE, "csv")

    def ask() -> Answer:
        return portal.request("POST", "/convert/file", request, Idempotency_Key=latecomer.output)

    with ThreadPoolExecutor(2) as clients:
        waiting = clients.submit(portal.request, "POST", "/convert/file", patient.request(PEOPLE, "csv"))
        until(lambda: jobs_in(portal_database) == before + len(jobs) + 1)
        portal_database.go_down()
        gone_at = time.monotonic()
        assert [(answer.status, answer.body["code"]) for answer in (ask(), ask())] == [(503, "database_away")] * 2
        asked = portal.request("GET", f"/jobs/{jobs[0]}")
        assert (asked.status, asked.body["code"]) == (503, "database_away")
        assert portal.request("GET", "/health").status == 200
        deep = portal.request("GET", "/health/deep")
        assert deep.status == 503
        assert deep.body["checks"]["database"] == "unhealthy: the portal's database does not answer (OperationalError)"
        console = portal.request("GET", "/admin/", Cookie="sessionid=whatever")
        assert console.status == 503, console.body
        time.sleep(max(0, gone_at + AWAY_SECONDS - time.monotonic()))
        portal_database.come_back()
        until(lambda: ask().status == 200)
        assert waiting.result().status == 200
    for converter, job_id in zip(converters, jobs, strict=False):
        job = until_ended(portal, job_id)
        assert (job["status"], job["attempts"]) == ("succeeded", 1), job
        assert rows_by_duckdb(converter.store, converter.output) == job["metadata"]["rows"]
    assert all(has_one_effect(converter) for converter in converters)
    assert jobs_in(portal_database) == before + len(jobs) + 2


def test_the_broker_hangs_then_is_away_and_loses_what_it_held(
    converters: list[Converter], redis_server: RedisServer
) -> None:
    portal, jobs = converters[0].portal, in_all_ways(converters, away_seconds=10)
    redis_server.freeze()
    jobs.append(submit(converters[-2]))
    redis_server.go_down()
    jobs.append(submit(converters[-1]))
    deep = portal.request("GET", "/health/deep")
    assert (deep.status, deep.body["checks"]["queue"]) == (
        503,
        "unhealthy: the broker does not answer (ConnectionError)",
    )
    time.sleep(5)
    assert job_of(portal, jobs[-1])["status"] == "queued"
    redis_server.come_back()
    for converter, job_id in zip(converters, jobs, strict=True):
        job = until_ended(portal, job_id)
        assert (job["status"], job["attempts"]) == ("succeeded", 1), job
        assert has_one_effect(converter)


def jobs_in(server: PostgresServer) -> int:
    """How many jobs the portal has ever accepted, past the portal."""
    with closing(server.connect_as_owner("portal")) as connection:
        found = connection.execute("SELECT count(*) FROM conversions_conversionjob").fetchone()
        assert found is not None
        return int(found[0])


JUMP = """
UPDATE conversions_conversionjob SET started_at = now() + interval '1 year',
    lease_expires_at = now() - interval '1 year', queued_at = now() - interval '1 year' WHERE id = %s
"""


def test_a_clock_that_jumps_ends_no_job(converters: list[Converter], portal_database: PostgresServer) -> None:
    """All that a job's row says of time is wrong by a year, in either direction."""
    portal, converter = converters[0].portal, converters[0]
    job_id = hang(converter, seconds=9)  # the reaper looks every five
    with closing(portal_database.connect_as_owner("portal")) as connection:
        assert connection.execute(JUMP, [job_id]).rowcount == 1
    job = until_ended(portal, job_id)
    assert (job["status"], job["attempts"], puts(converter)) == ("succeeded", 1, 1)
    assert job["run_seconds"] == 0
