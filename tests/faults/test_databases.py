"""The database that is read breaks in mid-extract while others write to it: rows of one moment, all of them, once."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pyarrow.parquet as pq
import pymysql
import pytest

from tests.databases.servers import MariaServer, PostgresServer
from tests.faults.breaking import job_of, until, until_ended
from tests.manage import manage
from tests.portal import Portal
from tests.store.client import ObjectStore

Server = PostgresServer | MariaServer
ROWS = 40_000
LEDGER = "CREATE TABLE ledger (id int PRIMARY KEY, version int NOT NULL)"
# Slow enough to be broken in the middle: it sleeps a little every few rows.
SLOWLY = "CREATE VIEW ledger_slowly AS SELECT id, version FROM ledger WHERE id % 20 > 0 OR "
NAMES = {"postgresql": "ledger_pg", "mysql": "ledger_my"}


@pytest.fixture(scope="module")
def servers(
    embedded: Portal, portal_database: PostgresServer, maria: MariaServer, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Server]:
    """Both, with a table whose rows are all of one version at every moment, and credentials in the portal."""
    home = tmp_path_factory.mktemp("credentials")
    fill = "INSERT INTO ledger SELECT {0}, 0 FROM {1}"
    postgres_sleeps, maria_sleeps = "pg_sleep(0.0015)::text = ''", "SLEEP(0.0015) = 0"
    portal_database.execute(LEDGER, fill.format("i", f"generate_series(1, {ROWS}) i"), SLOWLY + postgres_sleeps)
    maria.execute(LEDGER, fill.format("seq", f"seq_1_to_{ROWS}"), SLOWLY + maria_sleeps)
    found: dict[str, Server] = {"postgresql": portal_database, "mysql": maria}
    for kind, server in found.items():
        given = json.dumps(server.credentials())
        command = ("store_credentials", NAMES[kind], "--connector-type", kind)
        done = manage(home, *command, given=given, data_dir=embedded.data_dir)
        assert done.returncode == 0, done.stderr
    return found


_OURS = {
    PostgresServer: "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'tundra-%'",
    MariaServer: "SELECT id FROM information_schema.processlist WHERE user = 'tundra' AND info LIKE '%ledger_slowly%'",
}
_END = {PostgresServer: "SELECT pg_terminate_backend({})", MariaServer: "KILL {}"}


def kill_sessions(server: Server) -> None:
    """End all connections that read the ledger for the portal; there are some."""
    with server.connect_as_owner() as owner, owner.cursor() as cursor:
        cursor.execute(_OURS[type(server)])
        numbers = [number for (number,) in cursor.fetchall()]
        assert numbers
        for number in numbers:
            cursor.execute(_END[type(server)].format(number))


def restart(server: Server) -> None:
    """Crash, and come back."""
    server.go_down()
    server.come_back()


@contextmanager
def others_writing(server: Server) -> Iterator[None]:
    """Somebody gives all rows a new version, again and again."""
    stop = threading.Event()

    def write() -> None:
        while not stop.wait(0.4):
            try:
                server.execute("UPDATE ledger SET version = version + 1")
            except (psycopg.Error, pymysql.err.Error, OSError):  # it is just being restarted
                continue

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        stop.set()
        writer.join()


def read_while_it_breaks(
    portal: Portal, store: ObjectStore, kind: str, server: Server, break_: Callable[[Server], None]
) -> None:
    output = f"ledger-{kind}-{break_.__name__}.parquet"
    body = {
        "connector_type": kind,
        "credentials_id": NAMES[kind],
        "table_name": "ledger_slowly",
        "output_url": store.presign("PUT", output),
    }
    with others_writing(server):
        answer = portal.request("POST", "/convert/database", body, Prefer="respond-async")
        assert answer.status == 202, answer.body
        job_id = answer.body["job_id"]
        until(lambda: job_of(portal, job_id)["progress"]["rows"])
        break_(server)
        job = until_ended(portal, job_id)
    assert (job["status"], job["attempts"]) == ("succeeded", 1), job
    table = pq.read_table(io.BytesIO(store.get(output)))
    assert sorted(table["id"].to_pylist()) == list(range(1, ROWS + 1))
    assert len(set(table["version"].to_pylist())) == 1


@pytest.mark.parametrize("break_", [kill_sessions, restart])
def test_rows_are_of_one_moment_and_all_of_them(
    embedded: Portal, store: ObjectStore, servers: dict[str, Server], break_: Callable[[Server], None]
) -> None:
    """PostgreSQL and MariaDB, at once."""
    with ThreadPoolExecutor() as threads:
        for reading in [
            threads.submit(read_while_it_breaks, embedded, store, kind, server, break_)
            for kind, server in servers.items()
        ]:
            reading.result()
