"""The mixed table (3M rows, 10 columns) from PostgreSQL and MariaDB to Parquet: ours and the peers', side by side.

Run it with ``python -m benchmarks.databases [rows] [runs]``. Every run is a process of its own; the contenders take
turns, and the figures are medians. The servers are private and thrown away.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.databases.servers import MariaServer, PostgresServer, running

ROWS = 3_000_000
RUNS = 5
# A consumer as slow as a real one: strong compression, which no reader may answer by filling memory.
SLOW = ("zstd", 12)
POSTGRESQL = """
    CREATE TABLE mixed AS SELECT i::bigint AS id, (i::bigint * 7919 % 100000)::int AS n, md5(i::text) AS h,
        'user' || i || '@example.com' AS email, (i * 1.37)::numeric(12,2) AS amount, i * 0.1::float8 AS score,
        i % 2 = 0 AS flag, timestamp '2020-01-01' + i * interval '1 second' AS ts, date '2000-01-01' + i % 9000 AS d,
        CASE WHEN i % 10 = 0 THEN NULL ELSE 'note ' || i END AS note FROM generate_series(1, {rows}) i
"""
MARIADB = """
    CREATE TABLE mixed (PRIMARY KEY (id)) AS SELECT CAST(seq AS SIGNED) AS id, CAST(seq * 7919 % 100000 AS INT) AS n,
        MD5(seq) AS h, CONCAT('user', seq, '@example.com') AS email, CAST(seq * 1.37 AS DECIMAL(12,2)) AS amount,
        seq * 0.1e0 AS score, seq % 2 = 0 AS flag, TIMESTAMP'2020-01-01 00:00:00' + INTERVAL seq SECOND AS ts,
        DATE'2000-01-01' + INTERVAL seq % 9000 DAY AS d, IF(seq % 10 = 0, NULL, CONCAT('note ', seq)) AS note
    FROM seq_1_to_{rows}
"""


def ours(kind: str, values: dict[str, Any], output: Path, codec: str = "snappy", level: int | None = None) -> None:
    """Convert as the engine does: described, divided, one snapshot, restored, the Parquet sink."""
    from connectors.databases.credentials import Credentials
    from connectors.databases.hosts import HostPolicy
    from connectors.databases.opening import open_database
    from connectors.databases.request import DatabaseRequest
    from connectors.source import Context, schema_of
    from conversions.pipeline.sink import Compression, ParquetSink

    request = DatabaseRequest.parse({"connector_type": kind, "table_name": "mixed"})
    context = Context(temp_dir=output.parent)
    with open_database(request, Credentials.parse(kind, values), context, HostPolicy(allow_loopback=True)) as source:
        schema = schema_of(source.columns)
        compression = Compression(codec, level)
        with ParquetSink(output, schema, compression=compression, row_group_rows=50_000, provenance={}) as sink:
            for batch in source.batches():
                sink.write(batch)
            sink.close()


def slowly(kind: str, values: dict[str, Any], output: Path) -> None:
    """As ours, with a consumer that is slower than the server."""
    ours(kind, values, output, *SLOW)


def eager(kind: str, values: dict[str, Any], output: Path) -> None:
    """Polars' read_database_uri over ConnectorX, whole, then written: what the portal did once."""
    import polars as pl

    user, password = quote(values["username"], safe=""), quote(values["password"], safe="")
    uri = f"{kind}://{user}:{password}@{values['host']}:{values['port']}/{values['database']}"
    frame = pl.read_database_uri("SELECT * FROM mixed", uri, partition_on="id", partition_num=4)
    frame.write_parquet(output, compression="snappy")


def duck(kind: str, values: dict[str, Any], output: Path) -> None:
    """DuckDB's scanner."""
    import duckdb
    from duckdb_extensions import import_extension

    scanner = "postgres" if kind == "postgresql" else "mysql"
    connection = duckdb.connect()
    import_extension(f"{scanner}_scanner", con=connection)
    connection.load_extension(f"{scanner}_scanner")
    secret = ", ".join(
        f"{name} '{str(values[field]).replace(chr(39), chr(39) * 2)}'"
        for name, field in (("host", "host"), ("port", "port"), ("database", "database"), ("user", "username"),
                            ("password", "password"))
    )  # fmt: skip
    connection.execute(f"CREATE SECRET peer (TYPE {scanner}, {secret})")
    connection.execute(f"ATTACH '' AS peer (TYPE {scanner}, SECRET peer, READ_ONLY)")
    table = "peer.public.mixed" if scanner == "postgres" else "peer.tundra.mixed"
    connection.execute(f"COPY (SELECT * FROM {table}) TO '{output}' (FORMAT parquet, COMPRESSION snappy)")


CONTENDERS = {"ours": ours, "ours, slow sink": slowly, "eager": eager, "duckdb": duck}


def run_once(name: str, kind: str, values: str) -> None:
    """Print wall seconds, CPU seconds and peak MB of one conversion; imports are not counted in the times."""
    import connectorx  # noqa: F401 - imported before the clock starts
    import duckdb  # noqa: F401
    import polars as pl  # noqa: F401

    with tempfile.TemporaryDirectory() as directory:
        started = time.perf_counter()
        CONTENDERS[name](kind, json.loads(values), Path(directory) / "out.parquet")
        wall = time.perf_counter() - started
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(f"{wall:.3f} {usage.ru_utime + usage.ru_stime:.3f} {usage.ru_maxrss // 1024}")


def measure(kind: str, values: dict[str, Any], runs: int) -> dict[str, tuple[float, float, int]]:
    """Median wall seconds, CPU seconds and peak MB of each contender; they take turns."""
    results: dict[str, list[list[float]]] = {name: [] for name in CONTENDERS}
    for _ in range(runs):
        for name in CONTENDERS:
            command = [sys.executable, "-m", "benchmarks.databases", "--once", name, kind, json.dumps(values)]
            printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
            results[name].append([float(figure) for figure in printed])
    medians = {}
    for name, figures in results.items():
        wall, cpu, peak = (statistics.median(column) for column in zip(*figures, strict=True))
        medians[name] = (wall, cpu, int(peak))
    return medians


def report(kind: str, medians: dict[str, tuple[float, float, int]]) -> None:
    """Print the figures and the ratios that the targets are about."""
    for name, (wall, cpu, peak) in medians.items():
        print(f"{kind:10} {name:16} {wall:6.2f} s  {cpu:6.2f} CPU-s  {peak:5} MB")
    mine, whole, peer = medians["ours"], medians["eager"], medians["duckdb"]
    print(f"{kind:10} wall {mine[0] / whole[0]:.2f} of eager, {mine[0] / peer[0]:.2f} of DuckDB; "
          f"memory {mine[2] / whole[2]:.2f} of eager")  # fmt: skip


def main(rows: int, runs: int) -> None:
    """Measure both servers."""
    with running(PostgresServer()) as postgres:
        postgres.execute(POSTGRESQL.format(rows=rows), "ALTER TABLE mixed ADD PRIMARY KEY (id)", "VACUUM ANALYZE mixed")
        report("postgresql", measure("postgresql", postgres.credentials(), runs))
    with running(MariaServer()) as maria:
        maria.execute(MARIADB.format(rows=rows), "ANALYZE TABLE mixed")
        report("mysql", measure("mysql", maria.credentials(), runs))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--once"]:
        run_once(*sys.argv[2:])
    else:
        main(*([int(argument) for argument in sys.argv[1:]] or [ROWS, RUNS]))
