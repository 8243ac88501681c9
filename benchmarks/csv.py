"""The mixed CSV (3M rows, 10 columns, 420 MB) to Parquet: ours and DuckDB's, side by side.

Run it with ``python -m benchmarks.csv [rows]``. Each figure is the best of three runs, each in a process of its own.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

ROWS = 3_000_000
RUNS = 3
MIXED = """
COPY (SELECT i AS id, (hash(i) % 100000)::INT AS n, md5(i::VARCHAR) AS h, 'user' || i || '@example.com' AS email,
             ((hash(i * 7) % 10000000000) / 100)::DECIMAL(12, 2) AS amount, (hash(i * 13) % 1000000007) / 1e5 AS score,
             hash(i) % 2 = 0 AS flag, TIMESTAMP '2020-01-01' + to_seconds((hash(i * 3) % 100000000)::BIGINT) AS ts,
             DATE '2000-01-01' + (hash(i * 5) % 9000)::INT AS d,
             CASE WHEN hash(i * 11) % 10 = 0 THEN NULL ELSE 'note ' || i END AS note
      FROM range(1, {rows} + 1) t(i)) TO '{path}' (HEADER)
"""


def ours(source: Path, output: Path) -> None:
    """Convert as the engine does: typed source, proven batches, the Parquet sink."""
    from connectors.files.opening import open_file
    from connectors.files.options import FileOptions
    from connectors.source import Context, schema_of
    from conversions.pipeline.sink import Compression, ParquetSink

    with open_file(source, "csv", FileOptions(), Context(temp_dir=output.parent)) as opened:
        schema = schema_of(opened.columns)
        with ParquetSink(output, schema, compression=Compression(), row_group_rows=50_000, provenance={}) as sink:
            for batch in opened.batches():
                sink.write(batch)
            sink.close()


def duck(source: Path, output: Path) -> None:
    """Convert with DuckDB alone."""
    duckdb.sql(f"COPY (FROM read_csv('{source}')) TO '{output}' (FORMAT parquet, COMPRESSION snappy)")


def measure(name: str, source: Path) -> tuple[float, float, int]:
    """Best wall seconds, its CPU seconds and peak MB of several processes that run one contender."""
    runs = []
    for _ in range(RUNS):
        command = [sys.executable, "-m", "benchmarks.csv", "run", name, str(source)]
        wall, cpu, peak = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        runs.append((float(wall), float(cpu), int(peak)))
    return min(runs)


def run_once(name: str, source: Path) -> None:
    """Print wall seconds, CPU seconds and peak MB of one conversion; imports are not counted."""
    import connectors.files.delimited.source  # noqa: F401 - a warm worker has both
    import conversions.pipeline.sink  # noqa: F401

    with tempfile.TemporaryDirectory() as directory:
        start, used = time.perf_counter(), time.process_time()
        {"ours": ours, "duckdb": duck}[name](source, Path(directory) / "output.parquet")
        wall, cpu = time.perf_counter() - start, time.process_time() - used
    print(round(wall, 3), round(cpu, 3), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)


def main() -> None:
    """Generate the file, run both and print the ratio."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with tempfile.TemporaryDirectory() as directory:
        source = Path(directory) / "mixed.csv"
        duckdb.sql(MIXED.format(rows=rows, path=source))
        print(f"{rows:,} rows, {source.stat().st_size / 2**20:.0f} MB")
        figures = {name: measure(name, source) for name in ("ours", "duckdb")}
    for name, (wall, cpu, peak) in figures.items():
        print(f"{name:8} {wall:6.2f} s wall {cpu:6.2f} s CPU {peak:5d} MB peak")
    print(f"ours / duckdb: {figures['ours'][0] / figures['duckdb'][0]:.2f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["run"]:
        run_once(sys.argv[2], Path(sys.argv[3]))
    else:
        main()
