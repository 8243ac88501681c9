"""Faults: jobs while random processes of the portal are killed; then every job, output and history is looked at.

``python -m benchmarks.faults 5``: for so many minutes, half of them on the embedded default and half on PostgreSQL with
Redis.
"""

from __future__ import annotations

import io
import itertools
import random
import sys
import tempfile
import threading
import time
import urllib.error
from collections import Counter, defaultdict
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from tests.conftest import Converter
from tests.databases.servers import PostgresServer, running
from tests.faults.breaking import ENDED, events_of, inside, job_of, kill_all, pids, until
from tests.faults.servers import RedisServer, database_url
from tests.portal import Portal
from tests.store.client import ObjectStore

CLIENTS = 3
ROLES = ("child", "busy", "idle", "engine", "monitor", "pusher", "sentinel", "cluster", "web", "web-worker")
COUNT = "from conversions.models import ConversionJob\nprint('count', ConversionJob.objects.count())"


@dataclass(frozen=True, slots=True)
class Accepted:
    """A job that the portal has accepted, and what has to come of it."""

    job_id: str
    output: str
    rows: int


class Trial:
    """One portal under load while its processes are killed."""

    def __init__(self, portal: Portal, store: ObjectStore) -> None:
        self._portal = portal
        self._store = store
        self._numbers = itertools.count()
        self._over = threading.Event()
        self.accepted: list[Accepted] = []
        self.kills: Counter[str] = Counter()

    def run(self, seconds: float) -> None:
        """Submit and kill for so long; then wait until all that was accepted has ended."""
        clients = [threading.Thread(target=self._submit_until_over) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            time.sleep(random.uniform(1, 6))
            self._kill_one()
        self._over.set()
        for client in clients:
            client.join()
        until(lambda: all(self._has_ended(job) for job in self.accepted), 180, pause=1)

    def _kill_one(self) -> None:
        present = {role: found for role in ROLES if (found := pids(self._portal, role))}
        if present:
            role = random.choice(list(present))
            kill_all([random.choice(present[role])])
            self.kills[role] += 1

    def _submit_until_over(self) -> None:
        while not self._over.is_set():
            number = next(self._numbers)
            rows = random.choice((10, 1_000, 20_000, 200_000))
            converter = Converter(self._portal, self._store, f"faults/{number}")
            request = converter.request(b"n\n" + b"\n".join(b"%d" % n for n in range(rows)) + b"\n", "csv")
            answer = self._ask_until_answered(request, converter.output)
            self.accepted.append(Accepted(answer["job_id"], converter.output, rows))
            time.sleep(random.uniform(0, 1))

    def _ask_until_answered(self, request: dict[str, Any], key: str) -> dict[str, Any]:
        """As careful callers do: the same request with the same key, until there is an answer."""
        while True:
            try:
                headers = {"Prefer": "respond-async", "Idempotency_Key": key}
                answer = self._portal.request("POST", "/convert/file", request, **headers)
            except (urllib.error.URLError, HTTPException, OSError):
                time.sleep(0.5)
                continue
            if answer.status in (200, 202):
                return dict(answer.body)
            time.sleep(0.5)

    def _has_ended(self, job: Accepted) -> bool:
        return job_of(self._portal, job.job_id)["status"] in ENDED

    def report(self) -> None:
        """Print what became of everything."""
        jobs = [job_of(self._portal, job.job_id) for job in self.accepted]
        lost = [job for job, end in zip(self.accepted, jobs, strict=True) if not self._is_whole(job, end)]
        seconds = sorted(_seconds(job) for job in jobs)
        rows_in_database = int(inside(self._portal, COUNT).split("count ")[-1])
        print(f"  {len(jobs)} jobs, {sum(self.kills.values())} processes killed: {_listed(self.kills)}")
        print(f"  {sum(job['attempts'] > 1 for job in jobs)} jobs needed several attempts, the most {_most(jobs)}")
        print(f"  from acceptance to end: median {seconds[len(seconds) // 2]:.1f} s, longest {seconds[-1]:.1f} s")
        print(f"  jobs lost, failed or with another output: {len(lost)}")
        print(f"  jobs nobody asked for: {rows_in_database - len({job.job_id for job in self.accepted})}")
        print(f"  jobs that ended twice: {sum(self._ended_twice(job) for job in self.accepted)}")
        print(f"  outputs that were stored with differing bytes: {self._differing()}", flush=True)

    def _is_whole(self, job: Accepted, end: dict[str, Any]) -> bool:
        if end["status"] != "succeeded" or not self._store.exists(job.output):
            return False
        column = pq.read_table(io.BytesIO(self._store.get(job.output)))["n"].to_pylist()
        return bool(column == list(range(job.rows)) and end["metadata"]["rows"] == job.rows)

    def _ended_twice(self, job: Accepted) -> bool:
        return sum(event in ENDED for event in events_of(self._portal, job.job_id)) != 1

    def _differing(self) -> int:
        stored = defaultdict(set)
        for entry in self._store.requests("PUT"):
            if entry["status"] == 200:
                stored[entry["key"]].add(entry["headers"]["content-md5"])
        return sum(len(digests) > 1 for digests in stored.values())


def _seconds(job: dict[str, Any]) -> float:
    began, ended = (datetime.fromisoformat(job[name]) for name in ("created_at", "finished_at"))
    return (ended - began).total_seconds()


def _most(jobs: list[dict[str, Any]]) -> int:
    return max(int(job["attempts"]) for job in jobs)


def _listed(kills: Counter[str]) -> str:
    return ", ".join(f"{role} {times}" for role, times in kills.most_common())


def main(minutes: float = 5.0) -> None:
    """Try both configurations."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        database, redis = stack.enter_context(running(PostgresServer())), stack.enter_context(running(RedisServer()))
        with database.connect_as_owner() as owner:
            owner.execute("ALTER SYSTEM SET synchronous_commit = 'on'")
            owner.execute("SELECT pg_reload_conf()")
        scaled_out = {"DATABASE_URL": database_url(database, "portal"), "REDIS_URL": redis.url}
        for name, settings in (("the embedded default", {}), ("PostgreSQL and Redis", scaled_out)):
            place = home / name.split()[-1]
            limits = {"RATE_LIMIT_ENABLED": "false", "MAX_CONCURRENT_CONVERSIONS": "4", "MAX_ATTEMPTS": "20"}
            with (
                ObjectStore(place / "store") as store,
                Portal(place / "portal", store_hosts=[store.host], **limits, **settings) as portal,
            ):
                trial = Trial(portal, store)
                trial.run(minutes * 30)
                portal._wait_until_healthy(120)
                print(f"{name}, {minutes * 30:.0f} s of faults:")
                trial.report()


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
