"""Every row of a PostgreSQL table or query arrives exactly once, of one moment, however it is divided."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import psycopg
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.databases.credentials import Credentials
from connectors.databases.estimate import estimate
from connectors.databases.postgresql.ranges import ctid_ranges
from connectors.databases.request import DatabaseRequest
from connectors.errors import ConversionError, InvalidRequest, NotFound
from tests.databases.reading import ALLOW_LOOPBACK, extract, opened
from tests.databases.servers import PostgresServer

ROWS = 30_000


@pytest.fixture(scope="module", autouse=True)
def tables(postgres: PostgresServer) -> None:
    postgres.execute(
        "CREATE TABLE keyed (id bigint PRIMARY KEY, word text, padding text)",
        f"INSERT INTO keyed SELECT i, 'w' || i % 7, repeat('x', 200) FROM generate_series(1, {ROWS}) i",
        "CREATE TABLE empty (id int, word text)",
        "CREATE VIEW seen AS SELECT id, word FROM keyed WHERE id <= 1000",
        "CREATE MATERIALIZED VIEW kept AS SELECT id FROM keyed",
        "CREATE TABLE parent (id int, kind text) PARTITION BY LIST (kind)",
        "CREATE TABLE child_a PARTITION OF parent FOR VALUES IN ('a')",
        "CREATE TABLE child_b (kind text, dropped int, id int)",
        "ALTER TABLE child_b DROP COLUMN dropped",
        "ALTER TABLE parent ATTACH PARTITION child_b FOR VALUES IN ('b')",
        "INSERT INTO parent SELECT i, CASE WHEN i <= 20000 THEN 'a' ELSE 'b' END FROM generate_series(1, 25000) i",
        "CREATE TABLE heir (more int) INHERITS (keyed)",
        "INSERT INTO heir VALUES (-5, 'heir', NULL, 1)",
        'CREATE TABLE "MixedCase" ("order" int, "a b" int, "per%cent{}" int)',
        'INSERT INTO "MixedCase" VALUES (1, 2, 3)',
        "CREATE TABLE wide (id int, blob text)",
        "ALTER TABLE wide ALTER blob SET STORAGE EXTERNAL",
        "INSERT INTO wide SELECT i, repeat('y', 300000) FROM generate_series(1, 300) i",
    )


@pytest.mark.parametrize("partitions", [1, 2, 7, 16, "auto"])
def test_a_table_is_read_whole_by_any_number_of_connections(postgres: PostgresServer, partitions: int | str) -> None:
    result = extract(postgres, table_name="keyed", partition_num=partitions)
    assert sorted(result.values("id")) == [-5, *range(1, ROWS + 1)]
    assert result.facts["consistent_snapshot"] is True
    if isinstance(partitions, int):
        assert 1 <= result.facts["partitions"] <= partitions


@pytest.mark.parametrize("name", ["empty", "public.empty", "tundra.public.empty"])
def test_an_empty_table_has_its_columns(postgres: PostgresServer, name: str) -> None:
    result = extract(postgres, table_name=name)
    assert (result.table.column_names, result.table.num_rows) == (["id", "word"], 0)


@pytest.mark.parametrize(("name", "rows"), [("seen", 1001), ("kept", ROWS), ("parent", 25000)])
def test_whatever_can_be_selected_from_is_a_table(postgres: PostgresServer, name: str, rows: int) -> None:
    ids = extract(postgres, table_name=name).values("id")
    assert (len(ids), len(set(ids))) == (rows, rows)


def test_names_in_mixed_case_with_reserved_words_and_odd_characters_work(postgres: PostgresServer) -> None:
    assert extract(postgres, table_name="MixedCase").table.to_pylist() == [{"order": 1, "a b": 2, "per%cent{}": 3}]


def test_columns_are_chosen_and_ordered(postgres: PostgresServer) -> None:
    result = extract(postgres, table_name="keyed", columns=["word", "id"])
    assert result.table.column_names == ["word", "id"]
    with pytest.raises(InvalidRequest, match="no column 'nope'; it has id, word, padding"):
        extract(postgres, table_name="keyed", columns=["nope"])


def test_values_stored_out_of_line_divide_a_table_that_looks_small(postgres: PostgresServer) -> None:
    result = extract(postgres, table_name="wide", partition_num=2)
    assert sorted(result.values("id")) == list(range(1, 301))
    assert {len(value) for value in result.values("blob")} == {300000}


def test_a_query_keeps_its_order_and_its_repeated_names(postgres: PostgresServer) -> None:
    result = extract(postgres, query="SELECT id, id AS id, 1 FROM keyed ORDER BY id DESC -- newest first;\n;")
    assert result.values(0) == [*range(ROWS, 0, -1), -5]
    assert result.table.column_names == ["id", "id_2", "?column?"]
    assert [warning.issue for warning in result.warnings] == ["renamed_column"]


@pytest.mark.parametrize(
    "query",
    [
        "TABLE seen",
        "VALUES (1, 'a'), (2, NULL)",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT * FROM n /* five */",
        "SELECT 'a;b -- c' AS t, E'it\\'s' AS u, $$delete from keyed;$$ AS v",
        "(SELECT 1 AS a) UNION ALL (SELECT 2) ORDER BY a DESC LIMIT 1",
        "SELECT '{\"a\": 1}'::jsonb ->> 'a' AS a, '[1]'::jsonb @> '1' AS b, 10 % 3 AS c",
        "SELECT id, row_number() OVER w FROM seen WINDOW w AS (PARTITION BY word ORDER BY id)",
    ],
)
def test_a_legal_query_gives_what_the_server_gives(postgres: PostgresServer, query: str) -> None:
    result = extract(postgres, query=query)
    with postgres.connect() as connection:
        expected = connection.execute(query.encode()).fetchall()
    assert [tuple(row.values()) for row in result.table.to_pylist()] == expected


KEYS = {
    "bigint": ["-9223372036854775808", "-1", "0", "1", "9223372036854775807", "NULL"],
    "float8": ["'-Infinity'", "-5.5", "-5.4", "0.1", "'Infinity'", "'NaN'", "NULL"],
    "numeric": ["-5.5", "0.000000000000000000001", "1e30", "'NaN'", "NULL"],
    "text": ["''", "'it''s'", "'a\\b'", "'Z'", "'é'", "'%'", "NULL"],
    "date": ["'-infinity'", "'0044-03-15 BC'", "'2020-01-01'", "'infinity'", "NULL"],
    "timestamptz": ["'2020-01-01 00:00:00.000001+02'", "'infinity'", "NULL"],
    "uuid": ["'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'", "NULL"],
    "interval": ["'1 month'", "'30 days'", "'-1 s'", "NULL"],
    "bool": ["true", "false", "NULL"],
    "int[]": ["'{1,2}'", "'{}'", "NULL"],
    "inet": ["'1.2.3.4'", "'::1'", "NULL"],
}


@pytest.mark.parametrize("kind", KEYS)
def test_a_query_is_divided_by_a_column_of_any_ordered_type(postgres: PostgresServer, kind: str) -> None:
    values = ", ".join(f"(({value})::{kind})" for value in KEYS[kind])
    query = f"SELECT k, n FROM (VALUES {values}) AS v(k), generate_series(1, 300) n"
    result = extract(postgres, query=query, partition_column="k", partition_num=4)
    assert sorted(result.values("n")) == sorted(list(range(1, 301)) * len(KEYS[kind]))
    assert result.facts["partitioned"] is True


def test_a_query_cannot_be_divided_by_what_has_no_order_or_is_not_there(postgres: PostgresServer) -> None:
    with pytest.raises(InvalidRequest, match="'j' cannot be partitioned by: its type has no order"):
        extract(postgres, query="SELECT '{}'::json AS j", partition_column="j")
    with pytest.raises(InvalidRequest, match="no column 'k' to partition by; there are j"):
        extract(postgres, query="SELECT 1 AS j", partition_column="k")


@pytest.mark.parametrize(
    "fields",
    [
        {"query": "SELECT random() AS k, id FROM keyed"},
        {"query": "SELECT id AS k, id FROM keyed LIMIT 30001"},
        {"query": "SELECT row_number() OVER () AS k, id FROM keyed"},
        {"query": "SELECT id AS k, id FROM changing"},
        {"table_name": "changing", "partition_column": "id"},
        {"query": "WITH changing AS (SELECT * FROM changing) SELECT id AS k, id FROM changing"},
        {"query": "SELECT id AS k, id FROM changing WHERE 1 IN (WITH changing AS (SELECT 1 AS n) TABLE changing)"},
    ],
)
def test_what_may_give_other_rows_each_time_is_read_once(postgres: PostgresServer, fields: dict[str, Any]) -> None:
    postgres.execute("CREATE OR REPLACE VIEW changing AS SELECT * FROM keyed ORDER BY random() LIMIT 30001")
    result = extract(postgres, **{"partition_column": "k", **fields})
    assert sorted(result.values("id")) == [-5, *range(1, ROWS + 1)]
    assert [warning.issue for warning in result.warnings] == ["not_partitioned"]
    assert result.facts["partitioned"] is False


@given(
    keys=st.lists(st.none() | st.integers(-(2**63), 2**63 - 1) | st.sampled_from([1, 2, 2**63 - 1]), max_size=60),
    partitions=st.integers(1, 9),
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_union_of_the_ranges_is_the_query(
    postgres: PostgresServer, keys: list[int | None], partitions: int
) -> None:
    rows = ", ".join("(NULL)" if key is None else f"('{key}')" for key in [*keys, 0])
    query = f"SELECT k::bigint AS k FROM (VALUES {rows}) AS v(k)"
    result = extract(postgres, query=query, partition_column="k", partition_num=partitions)
    assert sorted(map(str, result.values("k"))) == sorted(map(str, [*keys, 0]))


@given(blocks=st.integers(0, 10**7), bytes_per_block=st.integers(8192, 10**6), connections=st.integers(1, 16))
def test_every_block_is_in_exactly_one_range(blocks: int, bytes_per_block: int, connections: int) -> None:
    bounds = [0]
    for condition in ctid_ranges(min(blocks, 5000), blocks * bytes_per_block, connections):
        low, high = bound(condition, ">="), bound(condition, "<")
        assert (low or 0) == bounds[-1]
        bounds.append(high if high is not None else -1)
    assert bounds[-1] == -1
    assert all(low < high for low, high in pairwise(bounds[:-1]))


def bound(condition: str, operator: str) -> int | None:
    for part in condition.split(" AND "):
        if part.startswith(f"ctid {operator} "):
            return int(part.partition("(")[2].partition(",")[0])
    return None


@pytest.fixture
def writer(postgres: PostgresServer) -> Iterator[threading.Event]:
    """Changes rows, which moves them, and adds rows until the test ends."""
    postgres.execute(
        "DROP TABLE IF EXISTS accounts",
        "CREATE TABLE accounts (id int PRIMARY KEY, balance bigint, padding text)",
        "INSERT INTO accounts SELECT i, 1000, repeat('p', 500) FROM generate_series(1, 8000) i",
    )
    stop, busy = threading.Event(), threading.Event()

    def write() -> None:
        with postgres.connect() as connection:
            while not stop.is_set():
                connection.execute("UPDATE accounts SET balance = balance + 1 WHERE id % 50 < 2")
                connection.execute("INSERT INTO accounts SELECT max(id) + 1, 1000, repeat('p', 500) FROM accounts")
                busy.set()

    thread = threading.Thread(target=write)
    thread.start()
    assert busy.wait(10)
    yield busy
    stop.set()
    thread.join()


def test_an_extract_is_one_moment_while_others_write(postgres: PostgresServer, writer: threading.Event) -> None:
    for query in ({"table_name": "accounts", "partition_num": 8}, {"query": "SELECT * FROM accounts"}):
        result = extract(postgres, **query)
        ids = result.values("id")
        # One insert at a time: an extract of one moment has no gap, and no row twice or in two versions.
        assert sorted(ids) == list(range(1, len(ids) + 1))


def test_the_rows_of_partitions_keep_their_places_until_they_are_read(postgres: PostgresServer) -> None:
    postgres.execute(
        "CREATE TABLE log (id int, padding text) PARTITION BY RANGE (id)",
        "CREATE TABLE log_0 PARTITION OF log FOR VALUES FROM (0) TO (9000)",
        "CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM (9000) TO (18000)",
        "INSERT INTO log SELECT i, repeat('p', 1500) FROM generate_series(0, 17999) i",
        "DELETE FROM log WHERE id % 3 = 0",
        "CREATE TABLE log_2 AS SELECT i AS id, repeat('p', 1500) AS padding FROM generate_series(18000, 26999) i",
    )
    with opened(postgres, table_name="log", partition_num=1) as source:
        batches = source.batches()
        ids = next(batches).column(0).to_pylist()
        with postgres.connect() as other:
            other.execute("SET lock_timeout = '100ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                other.execute("VACUUM FULL log_1")
            other.execute("ALTER TABLE log ATTACH PARTITION log_2 FOR VALUES FROM (18000) TO (27000)")
        for batch in batches:
            ids += batch.column(0).to_pylist()
    assert sorted(ids) == [i for i in range(18000) if i % 3]


def test_the_partitions_of_a_query_stay_until_they_are_read(postgres: PostgresServer) -> None:
    postgres.execute(
        "CREATE TABLE days (id int) PARTITION BY RANGE (id)",
        "CREATE TABLE days_0 PARTITION OF days FOR VALUES FROM (0) TO (9000)",
        "INSERT INTO days SELECT generate_series(0, 8999)",
    )
    query = {"query": "SELECT id FROM days", "partition_column": "id", "partition_num": 2}
    with opened(postgres, **query) as source, postgres.connect() as other:
        other.execute("SET lock_timeout = '100ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            other.execute("TRUNCATE days_0")
        assert sum(batch.num_rows for batch in source.batches()) == 9000


@pytest.mark.parametrize("fields", [{"table_name": "spread"}, {"query": "SELECT * FROM spread"}])
def test_foreign_partitions_are_in_no_snapshot_and_read_once(postgres: PostgresServer, fields: dict[str, Any]) -> None:
    path = postgres.place("far.csv", b"1\n2\n3\n")
    with postgres.connect_as_owner("tundra") as owner:
        for statement in (
            "DROP EXTENSION IF EXISTS file_fdw CASCADE",
            "CREATE EXTENSION file_fdw",
            "CREATE SERVER far FOREIGN DATA WRAPPER file_fdw",
            "DROP TABLE IF EXISTS spread",
            "CREATE TABLE spread (id int) PARTITION BY RANGE (id)",
            "CREATE TABLE spread_1 PARTITION OF spread FOR VALUES FROM (10) TO (20)",
            "INSERT INTO spread VALUES (11), (12)",
            "CREATE FOREIGN TABLE spread_0 PARTITION OF spread FOR VALUES FROM (0) TO (10)"  # noqa: ISC004
            f" SERVER far OPTIONS (filename '{path}', format 'csv')",
            "GRANT SELECT ON spread TO tundra",
        ):
            owner.execute(statement)
    result = extract(postgres, **fields, partition_column="id", partition_num=2)
    assert sorted(result.values("id")) == [1, 2, 3, 11, 12]
    assert [warning.issue for warning in result.warnings] == ["not_partitioned"]


def test_rows_that_a_policy_may_hide_are_told_of(postgres: PostgresServer) -> None:
    postgres.execute(
        "CREATE TABLE secured (id int)",
        "INSERT INTO secured SELECT generate_series(1, 10)",
        "CREATE POLICY even ON secured USING (id % 2 = 0)",
        "ALTER TABLE secured ENABLE ROW LEVEL SECURITY",
    )
    owners = extract(postgres, table_name="secured")
    postgres.execute("ALTER TABLE secured FORCE ROW LEVEL SECURITY")
    filtered = extract(postgres, table_name="secured")
    assert (len(owners.values("id")), owners.warnings) == (10, [])
    assert filtered.values("id") == [2, 4, 6, 8, 10]
    assert [warning.issue for warning in filtered.warnings] == ["row_security"]


@pytest.fixture
def backslashes_escape(postgres: PostgresServer) -> Iterator[None]:
    """In every new session a backslash in any string escapes, as in servers of old."""
    postgres.execute("ALTER DATABASE tundra SET standard_conforming_strings = off")
    yield
    postgres.execute("ALTER DATABASE tundra RESET standard_conforming_strings")


@pytest.mark.usefixtures("backslashes_escape")
def test_an_estimate_runs_nothing_that_the_guard_took_for_a_string(postgres: PostgresServer) -> None:
    query = "SELECT '\\' AS a, '; SELECT 1/0 --' AS b"
    request = DatabaseRequest.parse({"connector_type": "postgresql", "query": query})
    credentials = Credentials.parse("postgresql", postgres.credentials())
    assert estimate(request, credentials, 10.0, ALLOW_LOOPBACK).rows == 1


def test_a_missing_table_is_not_found(postgres: PostgresServer) -> None:
    for name in ("nope", "nowhere.nope", "elsewhere.public.keyed"):
        with pytest.raises(NotFound) as caught:
            extract(postgres, table_name=name)
        assert caught.value.code == "table_not_found"


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("SELECT nope FROM keyed", 'column "nope" does not exist'),
        ("SELECT FROM FROM", "syntax error at or near"),
        ("SELECT 1 / (id - id) FROM keyed", "division by zero"),
        ("SELECT nope()", "function nope() does not exist"),
    ],
)
def test_a_query_the_server_refuses_fails_in_its_own_words(postgres: PostgresServer, query: str, says: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        extract(postgres, query=query)
    assert caught.value.code == "query_failed"
    assert says in caught.value.message


def test_nothing_can_be_written_even_by_a_function_the_guard_does_not_know(postgres: PostgresServer) -> None:
    postgres.execute(
        "CREATE OR REPLACE FUNCTION sneaky() RETURNS int LANGUAGE sql AS 'DELETE FROM keyed RETURNING 1'",
    )
    with pytest.raises(ConversionError, match="read-only transaction"):
        extract(postgres, query="SELECT sneaky()")
    assert len(extract(postgres, table_name="keyed", columns=["id"]).values()) == ROWS + 1


def statements(server: PostgresServer) -> list[Any]:
    with server.connect_as_owner() as owner:
        return owner.execute(
            "SELECT query FROM pg_stat_activity WHERE application_name LIKE 'tundra-%' AND state <> 'idle'"
        ).fetchall()


@pytest.mark.parametrize(
    "fields",
    [
        {"table_name": "keyed", "partition_num": 2},
        {"query": "SELECT a.id, repeat('z', 1000) FROM keyed a, keyed b"},
        {"query": "SELECT k.id FROM keyed k, generate_series(1, 100000) g", "partition_num": 2},
    ],
)
def test_a_reader_that_stops_early_leaves_no_statement_running(
    postgres: PostgresServer, fields: dict[str, Any]
) -> None:
    with opened(postgres, **fields) as source:
        next(iter(source.batches()))
    deadline = time.monotonic() + 10
    while (running := statements(postgres)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert running == []


def test_a_statement_that_takes_too_long_is_ended_by_the_server(postgres: PostgresServer) -> None:
    postgres.execute("CREATE OR REPLACE VIEW slow AS SELECT 1 AS one FROM pg_sleep(30)")
    with pytest.raises(ConversionError) as caught:
        extract(postgres, table_name="slow", seconds=0.5)
    assert (caught.value.code, caught.value.http_status) == ("query_timeout", 502)
    assert statements(postgres) == []


def end_a_reader(server: PostgresServer) -> None:
    """End sessions that copy a range, as soon as there are any."""
    with server.connect_as_owner() as owner:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            ended = owner.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name LIKE 'tundra-%' AND state = 'active' AND query LIKE 'COPY%'"
            )
            if ended.rowcount:
                return
    raise AssertionError("nobody read")


def test_a_range_whose_connection_breaks_is_read_again_in_its_snapshot(postgres: PostgresServer) -> None:
    """Others have given every row a new version meanwhile."""
    filled = "SELECT i, 0 AS version, repeat('x', 200) AS x FROM generate_series(1, 250000) i"
    postgres.execute(f"CREATE TABLE versioned AS {filled}")
    with opened(postgres, table_name="versioned", partition_num=2) as source, ThreadPoolExecutor(1) as others:
        postgres.execute("UPDATE versioned SET version = 1")
        ending = others.submit(end_a_reader, postgres)
        table = pa.Table.from_batches(source.batches())
        ending.result()
    assert sorted(table["i"].to_pylist()) == list(range(1, 250_001))
    assert set(table["version"].to_pylist()) == {0}


def test_a_lost_snapshot_is_a_failure_that_may_pass(postgres: PostgresServer) -> None:
    postgres.execute("CREATE TABLE long AS SELECT i, repeat('x', 200) AS x FROM generate_series(1, 250000) i")
    with opened(postgres, table_name="long", partition_num=2) as source:
        batches = source.batches()
        next(batches)
        with postgres.connect_as_owner() as owner:
            owner.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'tundra-%'"
            )
        with pytest.raises(ConversionError) as caught:
            list(batches)
    assert (caught.value.code, caught.value.http_status, caught.value.retryable) == ("connection_lost", 502, True)


def test_no_more_connections_are_used_than_the_role_may_have(postgres: PostgresServer) -> None:
    with postgres.connect_as_owner() as owner:
        owner.execute("ALTER ROLE tundra CONNECTION LIMIT 3")
        try:
            result = extract(postgres, table_name="keyed", partition_num=16)
        finally:
            owner.execute("ALTER ROLE tundra CONNECTION LIMIT -1")
    assert len(result.values("id")) == ROWS + 1
    assert result.facts["partitions"] == 2


def test_a_table_without_columns_is_refused(postgres: PostgresServer) -> None:
    postgres.execute("CREATE TABLE bare ()")
    with pytest.raises(InvalidRequest, match="no columns"):
        extract(postgres, table_name="bare")


def test_text_that_is_not_valid_in_its_encoding_is_refused(postgres: PostgresServer) -> None:
    with postgres.connect_as_owner() as owner:
        owner.execute("CREATE DATABASE raw OWNER tundra ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
    with pytest.raises(ConversionError, match="not valid in its own encoding"):
        extract(postgres, database="raw", query="SELECT convert_from('\\xff'::bytea, 'SQL_ASCII') AS t")
