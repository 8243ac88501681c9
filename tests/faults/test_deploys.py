"""A deploy: what runs is finished or handed on, and what another version has written is understood or refused."""

from __future__ import annotations

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.conftest import Converter
from tests.databases.servers import PostgresServer
from tests.faults.both import on_both
from tests.faults.breaking import (
    PEOPLE,
    events_of,
    hang,
    has_one_effect,
    inside,
    job_of,
    processes,
    puts,
    submit,
    until_ended,
)
from tests.faults.servers import database_url
from tests.portal import Portal
from tests.store.client import ObjectStore

DRAIN_SECONDS = 12


def portal_in(home: Path, store: ObjectStore, **environment: str) -> Portal:
    return Portal(
        home,
        store_hosts=[store.host],
        RATE_LIMIT_ENABLED="false",
        MAX_CONCURRENT_CONVERSIONS="2",
        DRAIN_SECONDS=str(DRAIN_SECONDS),
        **environment,
    )


def test_a_deploy_finishes_what_it_can_and_hands_on_the_rest(tmp_path: Path, store: ObjectStore) -> None:
    with portal_in(tmp_path, store, MAX_ATTEMPTS="1") as old:
        short, long, waiting = (Converter(old, store, f"deploy-{name}") for name in ("short", "long", "waiting"))
        ids = {short: hang(short, seconds=2), long: hang(long), waiting: submit(waiting)}
        os.kill(old.pid, signal.SIGTERM)
        assert old.stop() == 0
        assert processes(tmp_path) == {}
        assert puts(short) == 1
        assert not list((tmp_path / "tmp").glob(f"{ids[short]}*"))
    with portal_in(tmp_path, store, MAX_ATTEMPTS="1") as new:
        for converter, job_id in ids.items():
            job = until_ended(new, job_id)
            assert (job["status"], puts(converter)) == ("succeeded", 1), job
        # One attempt is all that a job has here, and yet it had another: a deploy's do not count.
        assert {name: job_of(new, ids[name])["attempts"] for name in ids} == {short: 1, long: 2, waiting: 1}
        assert events_of(new, ids[long]) == ["submitted", "started", "requeued", "started", "succeeded"]
        assert all(has_one_effect(converter) for converter in ids)


ACCEPTED_BY_ANOTHER_VERSION = """
from conversions import queue
from conversions.models import ConversionJob
job = ConversionJob.objects.get(pk="{job_id}")
options = job.request["options"]
for kind, request in (
    ("file", job.request | {{"mask_columns": ["name"]}}),
    ("file", job.request | {{"options": options | {{"locale": "de"}}}}),
    ("file", {{name: value for name, value in job.request.items() if name != "format"}}),
    ("stream", job.request),
    ("file", job.request),
):
    other = ConversionJob(kind=kind, request=request, sealed=job.sealed)
    other.save(force_insert=True)
    queue.ring()
    print("job", other.pk)
"""


@on_both
def test_what_another_version_accepted_is_refused_by_name_unless_it_means_the_same(converters: list[Converter]) -> None:
    """An older worker must not leave out what a newer web process has promised, nor try it again and again."""
    converter = converters[0]
    portal, running = converter.portal, hang(converter, seconds=5)
    printed = inside(portal, ACCEPTED_BY_ANOTHER_VERSION.format(job_id=running)).splitlines()
    jobs = [until_ended(portal, line.removeprefix("job ")) for line in printed if line.startswith("job ")]
    ends = [(job["status"], job["attempts"]) for job in jobs]
    assert ends == [("failed", 1)] * 4 + [("succeeded", 1)], jobs[-1]["error"]
    for job, named in zip(jobs, ("mask_columns", "options.locale", "format", "stream"), strict=False):
        assert job["error"]["code"] == "request_of_another_version"
        assert named in job["error"]["detail"]
    assert until_ended(portal, running)["status"] == "succeeded"
    assert puts(converter) == 2  # the one that hung, and the one that means the same


BEFORE_ALL_MIGRATIONS_BUT_THE_FIRST = """
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from conversions.sealed import seal
first = ("conversions", "0001_initial")
executor = MigrationExecutor(connection)
executor.migrate([first])
Job = executor.loader.project_state([first]).apps.get_model("conversions", "ConversionJob")
urls = dict(source_url={source!r}, output_url={output!r})
request = dict(format="csv", options=dict(), compression="snappy", compression_level=None, row_group_size=50000,
               source_url="http://store/source", output_url="http://store/output.parquet")
common = dict(kind="file", request=request, sealed=seal(urls))
Job.objects.create(status="queued", **common)
Job.objects.create(status="running", attempts=1, worker="gone:1:a", progress=dict(phase="convert"), **common)
Job.objects.create(status="failed", attempts=3, error_code="worker_crashed", error_message="It died.", **common)
Job.objects.create(status="succeeded", attempts=1, kind="file", request=request, result=dict(rows=7))
"""
AFTER_ALL_MIGRATIONS = """
import json
from django.core.management import call_command
from conversions import reaper, services, supervisor
from conversions.models import ConversionJob as Job
call_command("migrate", verbosity=0)
reaper.take_back(Job.objects.get(status="running"))
services.retry(Job.objects.get(status="failed"))
for _ in range(3):
    supervisor.run_next()
supervisor.cool_down()
print(json.dumps([[job.status, job.attempts, job.result["rows"]] for job in Job.objects.order_by("created_at")]))
"""


def test_jobs_in_flight_survive_every_migration(
    tmp_path: Path, store: ObjectStore, portal_database: PostgresServer
) -> None:
    """From the tables of the first version to those of today; then a worker of today runs what was left to do."""
    databases = {"sqlite": {}, "postgresql": {"DATABASE_URL": database_url(portal_database, "migrated")}}
    with ThreadPoolExecutor() as threads:
        for migrating in [
            # A portal's settings; it is not started.
            threads.submit(migrate_all_the_way, portal_in(tmp_path / name, store, **settings), store, name)
            for name, settings in databases.items()
        ]:
            migrating.result()


def migrate_all_the_way(portal: Portal, store: ObjectStore, database: str) -> None:
    portal.data_dir.mkdir()
    converter = Converter(portal, store, f"migrated-{database}")
    urls = converter.request(PEOPLE, "csv")
    inside(portal, BEFORE_ALL_MIGRATIONS_BUT_THE_FIRST.format(source=urls["source_url"], output=urls["output_url"]))
    after = json.loads(inside(portal, AFTER_ALL_MIGRATIONS).splitlines()[-1])
    assert after == [["succeeded", 1, 2], ["succeeded", 2, 2], ["succeeded", 4, 2], ["succeeded", 1, 7]]
    assert puts(converter) == 3
