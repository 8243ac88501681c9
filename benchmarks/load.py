"""Load: many jobs queued at once are all done, none twice, while health checks and submissions are answered quickly."""

from __future__ import annotations

import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.portal import Portal
from tests.store.client import ObjectStore

SUBMITTERS = 4


def main(jobs: int = 1000) -> None:
    """Print how many were done how often, and how long health checks and submissions took meanwhile."""
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        with (
            ObjectStore(home / "store") as store,
            Portal(home / "portal", store_hosts=[store.host], RATE_LIMIT_ENABLED="false") as portal,
        ):
            store.put("small.csv", b"id,name\n" + b"".join(b"%d,user-%d\n" % (n, n) for n in range(500)))
            done = threading.Event()
            health: list[float] = []
            prober = threading.Thread(target=_probe, args=(portal, done, health))
            prober.start()
            started = time.perf_counter()
            with ThreadPoolExecutor(SUBMITTERS) as clients:
                submissions = list(clients.map(lambda number: _submit(portal, store, number), range(jobs)))
            states = _until_ended(portal, jobs)
            seconds = time.perf_counter() - started
            done.set()
            prober.join()
            stored = Counter(entry["key"] for entry in store.requests("PUT") if entry["status"] == 200)
    doubled = sum(count - 1 for count in stored.values())
    print(f"load ({jobs:,} jobs queued by {SUBMITTERS} clients, {seconds:.0f} s until all had ended):")
    print(f"  {dict(states)}; outputs stored {len(stored):,}, stored again {doubled}")
    print(f"  GET /health: p99 {_quantile(health, 99) * 1000:.0f} ms of {len(health):,}")
    print(f"  submission: p95 {_quantile(submissions, 95) * 1000:.0f} ms")


def _submit(portal: Portal, store: ObjectStore, number: int) -> float:
    body = {
        "source_url": store.presign("GET", "small.csv"),
        "output_url": store.presign("PUT", f"load/{number}.parquet"),
        "format": "csv",
    }
    started = time.perf_counter()
    answer = portal.request("POST", "/convert/file", body, Prefer="respond-async")
    if answer.status != 202:
        raise AssertionError(f"a submission was answered {answer.status}: {answer.body}")
    return time.perf_counter() - started


def _probe(portal: Portal, done: threading.Event, taken: list[float]) -> None:
    while not done.wait(0.05):
        started = time.perf_counter()
        if portal.request("GET", "/health").status == 200:
            taken.append(time.perf_counter() - started)


def _until_ended(portal: Portal, jobs: int) -> Counter[str]:
    """How many jobs ended how."""
    while any(_jobs(portal, f"status={state}&page_size=1") for state in ("queued", "running")):
        time.sleep(2)
    states = Counter(job["status"] for job in _all_jobs(portal))
    if states.total() != jobs:
        raise AssertionError(f"{jobs} jobs were accepted, and {states.total()} are known")
    return states


def _jobs(portal: Portal, query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = portal.request("GET", f"/jobs?{query}").body["results"]
    return found


def _all_jobs(portal: Portal) -> list[dict[str, Any]]:
    jobs: list[dict[str, Any]] = []
    path = "/jobs?page_size=500"
    while path:
        page = portal.request("GET", path).body
        jobs += page["results"]
        path = (page["next"] or "").removeprefix(portal.url)
    return jobs


def _quantile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100)[percent - 1]


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
