"""``POST /convert/database`` and what belongs to it, end to end on real servers."""

from __future__ import annotations

import io
import json
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.databases.servers import PASSWORD, MariaServer, PostgresServer
from tests.manage import manage
from tests.portal import Answer, Portal
from tests.store.client import ObjectStore

TABLE = "CREATE TABLE people (id bigint PRIMARY KEY, name varchar(40), pay numeric(12,2), since date)"
ROWS = "INSERT INTO people VALUES (-5,'Ann',1.10,'2024-01-31'), (0,NULL,22.20,NULL), (7,'Bob',333.30,'1999-12-31')"


@pytest.fixture(scope="module")
def kinds(
    portal: Portal, postgres: PostgresServer, maria: MariaServer, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """Both servers with a table, and the portal with credentials for both."""
    home = tmp_path_factory.mktemp("credentials")
    servers: dict[str, Any] = {"postgresql": postgres, "mysql": maria}
    for kind, server in servers.items():
        server.execute("DROP TABLE IF EXISTS people", TABLE, ROWS)
        done = manage(
            home,
            "store_credentials",
            f"{kind}_people",
            "--connector-type",
            kind,
            given=json.dumps(server.credentials()),
            data_dir=portal.data_dir,
        )
        assert done.returncode == 0, done.stderr
    return servers


BOTH = pytest.mark.parametrize("kind", ["postgresql", "mysql"])


def ask(portal: Portal, store: ObjectStore, kind: str, **fields: Any) -> Answer:
    """``POST /convert/database`` for the people of one server."""
    body = {
        "output_url": store.presign("PUT", f"database/{kind}.parquet"),
        "connector_type": kind,
        "credentials_id": f"{kind}_people",
        **fields,
    }
    return portal.request("POST", "/convert/database", body)


def table_in(store: ObjectStore, kind: str) -> pa.Table:
    """What was delivered, by id."""
    return pq.read_table(io.BytesIO(store.get(f"database/{kind}.parquet"))).sort_by("id")


@BOTH
@pytest.mark.parametrize("partitions", [1, 4, "auto"])
def test_a_table_arrives_whole(
    kinds: dict[str, Any], portal: Portal, store: ObjectStore, kind: str, partitions: int | str
) -> None:
    answer = ask(portal, store, kind, table_name="people", partition_column="id", partition_num=partitions)
    assert answer.status == 200, answer.body
    table = table_in(store, kind)
    assert table["id"].to_pylist() == [-5, 0, 7]
    assert table["name"].to_pylist() == ["Ann", None, "Bob"]
    assert table["pay"].to_pylist() == [Decimal("1.10"), Decimal("22.20"), Decimal("333.30")]
    assert [str(value) for value in table["since"].to_pylist()] == ["2024-01-31", "None", "1999-12-31"]
    metadata = answer.body["metadata"]
    assert (metadata["rows"], metadata["columns"], metadata["source_type"]) == (3, 4, "database")
    assert metadata["rows_skipped"] is None
    assert metadata["connection_info"]["connector_type"] == kind
    assert metadata["connection_info"]["compression"] == "snappy"
    assert metadata["connection_info"]["consistent_snapshot"] is True
    assert metadata["query_execution_time_ms"] > 0
    fields = {field["name"]: field for field in metadata["column_schema"]["fields"]}
    assert fields["pay"]["type"] == "Decimal(12,2)"
    assert fields["id"]["nullable"] is False


@BOTH
def test_a_query_arrives_whole(kinds: dict[str, Any], portal: Portal, store: ObjectStore, kind: str) -> None:
    answer = ask(
        portal, store, kind, query="WITH p AS (SELECT * FROM people) SELECT id, name FROM p WHERE id >= 0; -- end"
    )
    assert answer.status == 200, answer.body
    assert table_in(store, kind).to_pylist() == [{"id": 0, "name": None}, {"id": 7, "name": "Bob"}]


@BOTH
@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"table_name": "people; DROP TABLE people"}, 400, ("Invalid table name: 'people; DROP TABLE people'. "
         "Table names must contain only alphanumeric characters, underscores, and dots.")),
        ({"table_name": "people\n"}, 400, "Invalid table name"),
        ({}, 400, "exactly one"),
        ({"table_name": "people", "query": "SELECT 1"}, 400, "exactly one"),
        ({"query": "DELETE FROM people"}, 400, "DELETE"),
        ({"query": "SELECT 1; DROP TABLE people"}, 400, ""),
        ({"table_name": "nothing_there"}, 404, "nothing_there"),
        ({"query": "SELECT nonsense FROM people"}, 400, "nonsense"),
        ({"table_name": "people", "partition_num": 17}, 400, "partition_num"),
        ({"table_name": "people", "options": {"numerics": "text"}}, 400, "numerics"),
        ({"table_name": "people", "credentials_id": "nobodys"}, 404, "nobodys"),
        ({"table_name": "people", "connector_type": "oracle"}, 400, "oracle"),
    ],
)  # fmt: skip
def test_bad_requests_are_refused_with_a_reason(
    kinds: dict[str, Any],
    portal: Portal,
    store: ObjectStore,
    kind: str,
    fields: dict[str, Any],
    status: int,
    said: str,
) -> None:
    answer = ask(portal, store, kind, **fields)
    assert answer.status == status, answer.body
    assert said in answer.body["detail"]
    assert PASSWORD not in json.dumps(answer.body)


@BOTH
def test_nothing_was_written_by_all_this(kinds: dict[str, Any], kind: str) -> None:
    with kinds[kind].connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM people")
        assert cursor.fetchone()[0] == 3


@BOTH
def test_a_connection_is_tested(kinds: dict[str, Any], portal: Portal, kind: str) -> None:
    body = {"connector_type": kind, "credentials": kinds[kind].credentials()}
    answer = portal.request("POST", "/test/database-connection", body)
    assert answer.status == 200, answer.body
    assert (answer.body["success"], answer.body["message"]) == (True, "Connection successful")
    assert answer.body["metadata"]["rows_returned"] == 1
    assert answer.body["metadata"]["database_type"] in ("PostgreSQL", "MySQL", "MariaDB")


@BOTH
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"password": "wrong"}, "authentication_failed"),
        ({"port": 1}, "connection_refused"),
        ({"host": "no-such-host.invalid"}, "host_not_found"),
        ({"host": "169.254.169.254"}, "host_not_allowed"),
        ({"database": "nothing_there"}, "database_not_found"),
    ],
)
def test_a_failed_test_says_why_at_once(
    kinds: dict[str, Any], portal: Portal, kind: str, change: dict[str, Any], code: str
) -> None:
    started = time.monotonic()
    body = {"connector_type": kind, "credentials": kinds[kind].credentials(**change)}
    answer = portal.request("POST", "/test/database-connection", body)
    assert answer.status == 400
    assert (answer.body["success"], answer.body["error"], answer.body["code"]) == (False, "connection_failed", code)
    assert answer.body["suggestions"]
    assert PASSWORD not in json.dumps(answer.body)
    assert time.monotonic() - started < 30


def test_a_malformed_test_never_echoes_the_password(portal: Portal) -> None:
    credentials = {"host": "h", "database": "d", "username": "u", "password": ["s3cret-value"], "pass": "s3cret-value"}
    body = {"connector_type": "postgresql", "credentials": credentials}
    answer = portal.request("POST", "/test/database-connection", body)
    assert answer.status == 400
    assert "s3cret-value" not in json.dumps(answer.body)


def test_connectors_are_the_contracts(portal: Portal) -> None:
    assert portal.request("GET", "/connectors").body == {"connectors": ["postgresql", "mysql"], "count": 2}


def test_credentials_are_listed_without_what_is_in_them(
    kinds: dict[str, Any], portal: Portal, postgres: PostgresServer
) -> None:
    answer = portal.request("GET", "/credentials")
    listed = [entry["credentials_id"] for entry in answer.body["credentials"]]
    assert {"mysql_people", "postgresql_people"} <= set(listed)
    assert listed == sorted(listed)
    assert postgres.username not in {str(value) for entry in answer.body["credentials"] for value in entry.values()}
    assert PASSWORD not in json.dumps(answer.body)


@BOTH
def test_the_command_converts_a_table(kinds: dict[str, Any], portal: Portal, kind: str, tmp_path: Path) -> None:
    done = manage(
        tmp_path,
        "convert_database",
        "people.parquet",
        "--credentials-id",
        f"{kind}_people",
        "--table-name",
        "people",
        "--json",
        data_dir=portal.data_dir,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["metadata"]["rows"] == 3
    assert pq.read_table(tmp_path / "people.parquet").num_rows == 3


def test_a_password_is_nowhere_in_the_clear(kinds: dict[str, Any], portal: Portal) -> None:
    kept = b"".join(path.read_bytes() for path in portal.data_dir.rglob("*") if path.is_file())
    assert PASSWORD.encode() not in kept


ENDLESS = {
    "postgresql": "SELECT count(*) AS n FROM generate_series(1, 100000000000) AS endless",
    "mysql": "SELECT count(*) AS n FROM seq_1_to_1000000 AS endless, seq_1_to_1000000 AS more",
}
RUNNING = {
    "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid() "
    "AND query LIKE '%endless%'",
    "mysql": "SELECT count(*) FROM information_schema.processlist WHERE id <> connection_id() AND command <> 'Sleep' "
    "AND info LIKE '%endless%'",
}


def running_queries(server: Any, kind: str) -> int:
    """How many of our endless queries the server is working on."""
    with server.connect_as_owner() as connection, connection.cursor() as cursor:
        cursor.execute(RUNNING[kind])
        return int(cursor.fetchone()[0])


def until(condition: Any) -> None:
    """Wait at most ten seconds."""
    for _ in range(100):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("it did not happen within ten seconds")


@BOTH
def test_a_cancelled_job_leaves_no_statement_running(
    kinds: dict[str, Any], portal: Portal, store: ObjectStore, kind: str
) -> None:
    body = {
        "output_url": store.presign("PUT", "database/endless.parquet"),
        "connector_type": kind,
        "credentials_id": f"{kind}_people",
        "query": ENDLESS[kind],
    }
    job_id = portal.request("POST", "/convert/database", body, Prefer="respond-async").body["job_id"]
    until(lambda: running_queries(kinds[kind], kind) > 0)
    assert portal.request("POST", f"/jobs/{job_id}/cancel").status == 202
    until(lambda: portal.request("GET", f"/jobs/{job_id}").body["status"] == "cancelled")
    until(lambda: running_queries(kinds[kind], kind) == 0)
