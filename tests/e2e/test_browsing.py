"""Looking into databases before converting: tables, columns, previews, on real servers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.databases.servers import PASSWORD, MariaServer, PostgresServer
from tests.manage import manage
from tests.portal import ROOT, Answer, Portal

BOTH = pytest.mark.parametrize("kind", ["postgresql", "mysql"])
SCHEMA = {"postgresql": "shelf", "mysql": "tundra"}
TABLES = (
    "CREATE TABLE {}.books (id bigint PRIMARY KEY, title varchar(40) NOT NULL, price decimal(8,2), printed date)",
    "INSERT INTO {}.books VALUES (1,'Ulysses',9.90,'1922-02-02'), (2,'Emma',NULL,'1815-12-23'), (3,'Kim',5,NULL)",
    "CREATE VIEW {}.cheap_books AS SELECT id, title FROM {}.books WHERE price < 7",
)


@pytest.fixture(scope="module")
def shelves(
    portal: Portal, postgres: PostgresServer, maria: MariaServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Any]]:
    """Both servers with books in a schema of their own, and the portal with credentials for both."""
    home = tmp_path_factory.mktemp("credentials")
    servers: dict[str, Any] = {"postgresql": postgres, "mysql": maria}
    postgres.execute("CREATE SCHEMA shelf", 'CREATE TABLE shelf."Odd name" (a int)', "CREATE SEQUENCE shelf.numbers")
    maria.execute("CREATE TABLE `Odd name` (a int)")
    for kind, server in servers.items():
        server.execute(*(statement.replace("{}", SCHEMA[kind]) for statement in TABLES))
        given = json.dumps(server.credentials())
        kept = ("store_credentials", f"{kind}_shelf", "--connector-type", kind)
        assert manage(home, *kept, given=given, data_dir=portal.data_dir).returncode == 0
    yield servers
    postgres.execute("DROP SCHEMA shelf CASCADE")
    maria.execute("DROP VIEW cheap_books", "DROP TABLE books", "DROP TABLE `Odd name`")


def tables(portal: Portal, kind: str, search: str) -> Any:
    """``GET /credentials/<id>/tables`` of the shelves."""
    answer = portal.request("GET", f"/credentials/{kind}_shelf/tables?search={search}")
    assert answer.status == 200, answer.body
    return answer.body


def preview(portal: Portal, kind: str, **fields: Any) -> Answer:
    """``POST /preview/database``."""
    return portal.request(
        "POST", "/preview/database", {"connector_type": kind, "credentials_id": f"{kind}_shelf", **fields}
    )


@BOTH
def test_tables_and_views_are_found_by_a_part_of_their_name(shelves: Any, portal: Portal, kind: str) -> None:
    found = tables(portal, kind, "BOOKS")
    assert [(it["schema"], it["name"], it["kind"]) for it in found["tables"]] == [
        (SCHEMA[kind], "books", "table"),
        (SCHEMA[kind], "cheap_books", "view"),
    ]
    assert found["tables"][0]["table_name"] == f"{SCHEMA[kind]}.books"
    assert (found["count"], found["is_complete"]) == (2, True)
    assert "numbers" not in {it["name"] for it in tables(portal, kind, "")["tables"]}


@BOTH
def test_a_name_that_only_a_query_can_quote_says_so(shelves: Any, portal: Portal, kind: str) -> None:
    assert [(it["name"], it["table_name"]) for it in tables(portal, kind, "odd")["tables"]] == [("Odd name", None)]


@BOTH
def test_the_name_that_is_listed_is_the_one_that_converts(shelves: Any, portal: Portal, kind: str) -> None:
    name = tables(portal, kind, "cheap")["tables"][0]["table_name"]
    answer = preview(portal, kind, table_name=name)
    assert answer.status == 200, answer.body
    assert answer.body["sample_data"] == [{"id": 3, "title": "Kim"}]


@BOTH
def test_columns_are_told_as_the_table_declares_them(shelves: Any, portal: Portal, kind: str) -> None:
    answer = portal.request("GET", f"/credentials/{kind}_shelf/tables/{SCHEMA[kind]}.books")
    assert answer.status == 200, answer.body
    columns = answer.body["columns"]
    assert [(it["name"], it["nullable"], it["is_key"]) for it in columns] == [
        ("id", False, True),
        ("title", False, False),
        ("price", True, False),
        ("printed", True, False),
    ]
    assert columns[2]["type"] == {"postgresql": "numeric(8,2)", "mysql": "decimal(8,2)"}[kind]


@BOTH
@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("{kind}_shelf/tables/nothing_there", 404, "nothing_there"),
        ("{kind}_shelf/tables/a.b.c.d", 400, "Invalid table name: 'a.b.c.d'"),
        ("{kind}_shelf/tables?serach=x", 400, "serach"),
        ("nobodys/tables", 404, "nobodys"),
    ],
)
def test_a_bad_question_is_refused_with_a_reason(
    shelves: Any, portal: Portal, kind: str, path: str, status: int, said: str
) -> None:
    answer = portal.request("GET", f"/credentials/{path.format(kind=kind)}")
    assert (answer.status, said in answer.body["detail"]) == (status, True), answer.body
    assert PASSWORD not in json.dumps(answer.body)


def test_only_what_the_account_may_read_is_listed(shelves: Any, portal: Portal, postgres: PostgresServer) -> None:
    with postgres.connect_as_owner("tundra") as owner:
        owner.execute("CREATE SCHEMA vault")
        owner.execute("CREATE TABLE vault.gold (bars int, price int); GRANT USAGE ON SCHEMA vault TO tundra")
        assert tables(portal, "postgresql", "vault")["count"] == 0
        owner.execute("GRANT SELECT (bars) ON vault.gold TO tundra")
        assert tables(portal, "postgresql", "vault")["count"] == 1
        columns = portal.request("GET", "/credentials/postgresql_shelf/tables/vault.gold").body["columns"]
        assert [column["name"] for column in columns] == ["bars"]
        owner.execute("DROP SCHEMA vault CASCADE")


@BOTH
def test_a_preview_shows_the_first_rows_and_the_declared_types(shelves: Any, portal: Portal, kind: str) -> None:
    shelves[kind].execute(f"ANALYZE {'TABLE ' if kind == 'mysql' else ''}{SCHEMA[kind]}.books")
    answer = preview(portal, kind, table_name=f"{SCHEMA[kind]}.books", partition_num=4, sample_size=2)
    assert answer.status == 200, answer.body
    assert answer.body["sample_data"] == [
        {"id": 1, "title": "Ulysses", "price": "9.90", "printed": "1922-02-02"},
        {"id": 2, "title": "Emma", "price": None, "printed": "1815-12-23"},
    ]
    columns = {it["name"]: it["inferred_type"] for it in answer.body["schema"]["columns"]}
    assert columns["price"] == "Decimal(8,2)"
    assert answer.body["schema"]["total_rows"] == 2
    assert answer.body["estimate"]["rows"] == 3
    assert (answer.body["estimate"]["bytes"] is not None) == (kind == "postgresql")


MILLION = {"postgresql": "generate_series(1, 1000000) AS g(seq)", "mysql": "seq_1_to_1000000"}
ENDLESS = {
    "postgresql": "SELECT a FROM generate_series(1, 99999) AS a CROSS JOIN generate_series(1, 999999) AS b",
    "mysql": "SELECT a.seq AS a FROM seq_1_to_1000000 AS a, seq_1_to_1000000 AS b, seq_1_to_1000000 AS c",
}


@BOTH
def test_a_query_keeps_its_order_and_its_repeated_names(shelves: Any, portal: Portal, kind: str) -> None:
    query = f"SELECT seq AS n, -seq AS n FROM {MILLION[kind]} ORDER BY seq DESC -- the last ones"
    answer = preview(portal, kind, query=query, sample_size=3)
    assert answer.status == 200, answer.body
    assert [list(row.values()) for row in answer.body["sample_data"]] == [
        [1000000, -1000000],
        [999999, -999999],
        [999998, -999998],
    ]
    assert answer.body["estimate"]["rows"] > 1000


@BOTH
def test_a_preview_of_very_much_reads_only_its_rows(shelves: Any, portal: Portal, kind: str) -> None:
    answer = preview(portal, kind, query=ENDLESS[kind])
    assert answer.status == 200, answer.body
    assert len(answer.body["sample_data"]) == 50


@BOTH
@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({}, 400, "exactly one"),
        ({"query": "DELETE FROM books"}, 400, "DELETE"),
        ({"query": "SELECT nonsense"}, 400, "nonsense"),
        ({"table_name": "books", "sample_size": 0}, 400, "sample_size"),
        ({"table_name": "books", "output_url": "https://a.example"}, 400, "output_url"),
        ({"table_name": "books", "credentials_id": "nobodys"}, 404, "nobodys"),
    ],
)
def test_a_bad_preview_is_refused_with_a_reason(
    shelves: Any, portal: Portal, kind: str, fields: dict[str, Any], status: int, said: str
) -> None:
    answer = preview(portal, kind, **fields)
    assert (answer.status, said in answer.body["detail"]) == (status, True), answer.body


def test_a_preview_is_a_job_that_writes_nothing_and_is_kept_as_a_use(shelves: Any, portal: Portal) -> None:
    job_id = preview(portal, "postgresql", table_name="shelf.books").body["job_id"]
    job = portal.request("GET", f"/jobs/{job_id}").body
    assert (job["kind"], job["status"], job["output"]) == ("preview", "succeeded", None)
    assert job["progress"]["rows"] == 3
    assert portal.request("GET", f"/jobs/{job_id}/output").body["detail"] == "A database preview has no output."
    known = {it["credentials_id"]: it for it in portal.request("GET", "/credentials").body["credentials"]}
    assert known["postgresql_shelf"]["last_use_outcome"] == "ok"


def test_the_web_process_browses_without_the_engine() -> None:
    program = (
        "import django, sys; django.setup();"
        "import connectors.databases.browsing, connectors.databases.connection_test;"
        "import tundra_site.urls; print(sorted({'polars', 'connectorx'} & set(sys.modules)))"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tundra_site.settings"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
