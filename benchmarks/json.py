"""NDJSON: draining our source, beside DuckDB's COPY of the same file. Run: python -m benchmarks.json [rows]"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

from connectors.files.json.source import open as open_json
from connectors.files.options import FileOptions
from connectors.source import Context

_ROW = """select i as id, hash(i) % 100000 as k, md5(i::varchar) as h, 'user' || i || '@example.com' as email,
    ((hash(i * 7) % 1000000) / 100.0)::decimal(12, 2) as amount, (hash(i * 3) % 1000007) / 1000.0 as d, i % 2 = 0 as b,
    (timestamp '2020-01-01' + interval (i) second)::varchar as ts,
    case when i % 10 = 0 then null else 'text ' || i end as t"""


def main(rows: int) -> None:
    """Print the best of three of each, and their ratio."""
    with tempfile.TemporaryDirectory() as directory:
        path, target = Path(directory) / "rows.ndjson", Path(directory) / "rows.parquet"
        duckdb.sql(f"copy ({_ROW} from range({rows}) r(i)) to '{path}' (format json)")
        print(f"{rows} rows, {path.stat().st_size / 1e6:.0f} MB")
        ours = best(lambda: drain(path, Path(directory)))
        theirs = best(lambda: duckdb.sql(f"copy (from read_json('{path}')) to '{target}' (format parquet)"))
        print(f"ours {ours:.2f} s, DuckDB {theirs:.2f} s, ratio {ours / theirs:.2f}")


def drain(path: Path, temp_dir: Path) -> None:
    """Read every batch."""
    with open_json(path, FileOptions(), Context(temp_dir)) as source:
        for _ in source.batches():
            pass


def best(run: Callable[[], object]) -> float:
    """Seconds of the fastest of three."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
