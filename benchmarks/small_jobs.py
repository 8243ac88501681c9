"""Small jobs: a 10 kB CSV through ``POST /convert/file`` on a warm portal, in series and with four clients."""

from __future__ import annotations

import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.portal import Portal
from tests.store.client import ObjectStore

WARM_UP, IN_SERIES, CLIENTS, PER_CLIENT, RUNS = 10, 40, 4, 40, 3


def main() -> None:
    """Print medians, with what the original converter needed inline and without a queue: 76 ms and 17 a second."""
    content = b"id,name,amount\n" + b"".join(b"%d,user-%d,%d.25\n" % (n, n, n) for n in range(450))
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        with (
            ObjectStore(home / "store") as store,
            Portal(home / "portal", store_hosts=[store.host], RATE_LIMIT_ENABLED="false") as portal,
        ):
            store.put("small.csv", content)
            request = {
                "source_url": store.presign("GET", "small.csv"),
                "output_url": store.presign("PUT", "small.parquet"),
                "format": "csv",
            }
            for _ in range(WARM_UP):
                portal.post("/convert/file", request)
            runs = [_measure(portal, request) for _ in range(RUNS)]
    print(f"small jobs ({len(content):,} bytes of CSV, medians of {RUNS} runs):")
    print(f"  answered synchronously in {statistics.median(run[0] for run in runs) * 1000:.0f} ms (median)")
    print(f"  {statistics.median(run[1] for run in runs):.1f} jobs a second with {CLIENTS} clients")


def _measure(portal: Portal, request: dict[str, str]) -> tuple[float, float]:
    latencies = []
    for _ in range(IN_SERIES):
        started = time.perf_counter()
        portal.post("/convert/file", request)
        latencies.append(time.perf_counter() - started)
    started = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(lambda _: portal.post("/convert/file", request), range(CLIENTS * PER_CLIENT)))
    return statistics.median(latencies), CLIENTS * PER_CLIENT / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
