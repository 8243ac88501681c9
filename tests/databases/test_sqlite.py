"""SQLite files: every value whatever its column says, only inside the allowed directory, and never written."""

from __future__ import annotations

import datetime as dt
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.databases.connection_test import test_connection
from connectors.databases.credentials import Credentials
from connectors.databases.hosts import HostPolicy
from connectors.databases.opening import open_database
from connectors.databases.request import DatabaseRequest
from connectors.errors import ConversionError, InvalidRequest, NotFound
from connectors.source import Column, Context, Notice, schema_of


class File:
    """A SQLite file in an allowed directory, and a reader of it."""

    def __init__(self, directory: Path) -> None:
        self.policy = HostPolicy(sqlite_directory=directory)
        self.path = directory / "data.sqlite"
        self.columns: dict[str, Column] = {}
        self.warnings: list[Notice] = []

    def run(self, *statements: str) -> None:
        with closing(sqlite3.connect(self.path)) as connection, connection:
            for statement in statements:
                connection.execute(statement)

    def insert(self, table: str, rows: list[tuple[Any, ...]]) -> None:
        marks = ", ".join("?" * len(rows[0]))
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)

    def read(self, database: str = "data.sqlite", seconds: float = 30.0, **fields: Any) -> pa.Table:
        credentials = Credentials.parse("sqlite", {"database": database})
        request = DatabaseRequest.parse({"connector_type": "sqlite", **fields})
        context = Context(temp_dir=self.path.parent, batch_rows=3)
        with open_database(request, credentials, context, self.policy, seconds) as source:
            batches = list(source.batches())
            self.columns = {column.name: column for column in source.columns}
            self.warnings = context.warnings.items
            table = pa.Table.from_batches(batches, schema_of(source.columns))
            assert source.total_rows == table.num_rows
            return table


@pytest.fixture
def file(tmp_path: Path) -> File:
    made = File(tmp_path / "allowed")
    made.path.parent.mkdir()
    made.run("CREATE TABLE t (id INTEGER PRIMARY KEY, v)")
    return made


COLUMNS: list[tuple[str, list[Any], pa.DataType, list[Any]]] = [
    ("INTEGER", [-(2**63), 2**63 - 1, None], pa.int64(), [-(2**63), 2**63 - 1, None]),
    ("BOOLEAN", [1, 0, None], pa.bool_(), [True, False, None]),
    ("BOOLEAN", [1, 2], pa.int64(), [1, 2]),
    ("REAL", [0.1, 5e-324, 2], pa.float64(), [0.1, 5e-324, 2.0]),
    ("NUMERIC", [1, 0.5], pa.float64(), [1.0, 0.5]),
    ("NUMERIC", [2**53 + 1, 0.5], pa.string(), ["9007199254740993", "0.5"]),
    ("TEXT", ["é", "", "a\0b", None], pa.string(), ["é", "", "a\0b", None]),
    ("INTEGER", [1, "one", 1.5], pa.string(), ["1", "one", "1.5"]),
    ("BLOB", [b"\x00\xff", b"", None], pa.binary(), [b"\x00\xff", b"", None]),
    ("", [b"a", "a", 1, "it's"], pa.string(), ["X'61'", "'a'", "1", "'it''s'"]),
    ("DATE", ["2024-02-29", "0001-01-01"], pa.date32(), [dt.date(2024, 2, 29), dt.date(1, 1, 1)]),
    ("DATE", ["2024-02-31"], pa.string(), ["2024-02-31"]),
    ("DATETIME", ["2024-01-02 03:04:05"], pa.timestamp("us"), [dt.datetime(2024, 1, 2, 3, 4, 5)]),
    ("TIMESTAMP", ["2024-01-02T03:04:05Z"], pa.string(), ["2024-01-02T03:04:05Z"]),
    ("INT", [None], pa.int64(), [None]),
    ("VARCHAR(9)", [None], pa.string(), [None]),
    ("DOUBLE", [None], pa.float64(), [None]),
    ("BLOB", [None], pa.binary(), [None]),
]


@pytest.mark.parametrize(("declared", "stored", "kind", "expected"), COLUMNS)
def test_every_value_of_a_column_arrives(
    file: File, declared: str, stored: list[Any], kind: pa.DataType, expected: list[Any]
) -> None:
    file.run(f"CREATE TABLE typed (v {declared})")
    file.insert("typed", [(value,) for value in stored])
    table = file.read(table_name="typed")
    assert (table.schema.field("v").type, table.column("v").to_pylist()) == (kind, expected)
    assert bool(file.warnings) == (file.columns["v"].fidelity != "exact")


VALUES = (
    st.none()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=5)
    | st.binary(max_size=5)
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(VALUES, min_size=1, max_size=12))
def test_no_value_is_lost_whatever_a_column_mixes(file: File, values: list[Any]) -> None:
    file.run("DROP TABLE IF EXISTS mixed", "CREATE TABLE mixed (v)")
    file.insert("mixed", [(value,) for value in values])
    arrived = file.read(table_name="mixed").column("v").to_pylist()
    kind = file.columns["v"].fidelity
    assert [value is None for value in arrived] == [value is None for value in values]
    for value, came in zip(values, arrived, strict=True):
        if value is None or kind == "exact":
            assert came == value
        elif kind == "written as text":
            assert came == (value if isinstance(value, str) else repr(value))
        elif isinstance(value, float):
            # SQLite itself reads some long numbers a last digit off.
            assert float(came) == value
        elif not (isinstance(value, str) and "\0" in value):
            assert means(came) == value


def means(literal: str) -> Any:
    with closing(sqlite3.connect(":memory:")) as connection:
        return connection.execute(f"SELECT {literal}").fetchone()[0]


def test_a_query_keeps_its_order_and_repeated_names(file: File) -> None:
    file.insert("t", [(number, f"v{number}") for number in range(10)])
    table = file.read(query="SELECT id, v, v FROM t WHERE id > 6 ORDER BY id DESC -- the last first")
    assert table.to_pylist()[0] == {"id": 9, "v": "v9", "v_2": "v9"}
    assert table.column("id").to_pylist() == [9, 8, 7]


def test_columns_are_chosen_by_name(file: File) -> None:
    file.insert("t", [(1, "x")])
    assert file.read(table_name="t", columns=["v"]).to_pylist() == [{"v": "x"}]
    with pytest.raises(InvalidRequest, match="no column 'nope'; it has id, v"):
        file.read(table_name="t", columns=["nope"])
    with pytest.raises(InvalidRequest, match="no column 'nope' to partition by"):
        file.read(table_name="t", partition_column="nope")


def test_not_null_is_promised_by_the_table(file: File) -> None:
    file.run("CREATE TABLE strict (a INT NOT NULL, b INT)")
    file.read(table_name="strict")
    assert (file.columns["a"].nullable, file.columns["b"].nullable) == (False, True)


def test_text_that_is_not_utf8_is_refused_by_column(file: File) -> None:
    file.run("INSERT INTO t VALUES (1, CAST(x'ff' AS TEXT))")
    with pytest.raises(ConversionError, match="Column 'v' holds a value that is no string"):
        file.read(table_name="t")


@pytest.mark.parametrize(
    ("fields", "error", "code"),
    [
        ({"table_name": "nope"}, NotFound, "table_not_found"),
        ({"query": "SELECT * FROM nope"}, NotFound, "table_not_found"),
        ({"query": "SELECT nope FROM t"}, InvalidRequest, "query_failed"),
        ({"query": "SELECT 1 FROM"}, InvalidRequest, "query_failed"),
        ({"query": "SELECT * FROM pragma_journal_mode('delete')"}, InvalidRequest, "query_not_allowed"),
        ({"query": "DELETE FROM t"}, InvalidRequest, "query_not_allowed"),
        ({"query": "ATTACH 'x' AS y"}, InvalidRequest, "query_not_allowed"),
        ({"query": "SELECT load_extension('x')"}, InvalidRequest, "query_not_allowed"),
    ],
)
def test_what_cannot_be_read_is_refused(
    file: File, fields: dict[str, Any], error: type[ConversionError], code: str
) -> None:
    with pytest.raises(error) as caught:
        file.read(**fields)
    assert caught.value.code == code


def test_a_query_over_its_time_is_ended(file: File) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    with pytest.raises(ConversionError) as caught:
        file.read(seconds=0.3, query=endless)
    assert caught.value.code == "query_timeout"


@pytest.mark.parametrize("database", ["../outside.sqlite", "/etc/passwd", "link.sqlite", "link/outside.sqlite"])
def test_nothing_outside_the_directory_is_opened(file: File, database: str) -> None:
    outside = file.path.parent.parent / "outside.sqlite"
    file.path.rename(outside)
    (file.path.parent / "link.sqlite").symlink_to(outside)
    (file.path.parent / "link").symlink_to(outside.parent)
    with pytest.raises(InvalidRequest, match="outside the allowed directory"):
        file.read(database, table_name="t")


def test_the_connector_is_off_until_a_directory_is_allowed(file: File) -> None:
    file.policy = HostPolicy()
    with pytest.raises(InvalidRequest, match="connector is off"):
        file.read(table_name="t")


def test_a_missing_file_is_not_made(file: File) -> None:
    with pytest.raises(ConversionError) as caught:
        file.read("new.sqlite", table_name="t")
    assert caught.value.code == "database_not_found"
    assert not (file.path.parent / "new.sqlite").exists()


def test_a_file_that_is_no_database_is_said_to_be_none(file: File) -> None:
    file.path.write_bytes(b"id,name\n1,x\n" * 200)
    with pytest.raises(ConversionError, match="not a database"):
        file.read(table_name="t")


def test_the_connection_test_knows_sqlite(file: File) -> None:
    facts = test_connection(Credentials.parse("sqlite", {"database": "data.sqlite"}), 3, file.policy)
    assert (facts.database_type, facts.server_version) == ("SQLite", sqlite3.sqlite_version)
    assert (facts.rows_returned, facts.ssl, facts.read_only) == (1, False, True)
