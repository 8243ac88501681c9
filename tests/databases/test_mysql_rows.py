"""Every row of a MySQL table or query arrives exactly once, of one moment, and nothing is left running."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.databases.credentials import Credentials
from connectors.databases.estimate import estimate
from connectors.databases.request import DatabaseRequest
from connectors.errors import ConversionError, InvalidRequest, NotFound, UpstreamFailed
from connectors.source import SchemaChanged
from tests.databases.reading import ALLOW_LOOPBACK, extract, opened
from tests.databases.servers import MariaServer

ROWS = 60_000


@pytest.fixture(scope="module", autouse=True)
def tables(maria: MariaServer) -> None:
    maria.execute(
        "CREATE TABLE keyed (id bigint PRIMARY KEY, word varchar(20), day date, share double, padding varchar(200),"
        " KEY (day))",
        f"INSERT INTO keyed SELECT seq, IF(seq % 5, CONCAT('w', seq % 7), NULL), '2020-01-01' + INTERVAL seq % 400 DAY,"
        f" seq / 7, REPEAT('x', 200) FROM seq_1_to_{ROWS}",
        "CREATE TABLE `MixedCase` (`order` int, `a b` int, `per%cent{}` int)",
        "INSERT INTO `MixedCase` VALUES (1, 2, 3)",
        "CREATE TABLE empty (id int PRIMARY KEY, word text)",
        "CREATE VIEW seen AS SELECT id, word FROM keyed WHERE id <= 1000",
        "CREATE TABLE by_engine (id int PRIMARY KEY) ENGINE=MyISAM",
        "INSERT INTO by_engine SELECT seq FROM seq_1_to_5000",
        "CREATE TABLE pair (a varchar(8), b int, PRIMARY KEY (a, b))",
        "INSERT INTO pair SELECT CONCAT('k', seq % 3), seq FROM seq_1_to_9000",
        "CREATE TABLE account (id int PRIMARY KEY, balance bigint NOT NULL, padding varchar(200))",
        "INSERT INTO account SELECT seq, 100, REPEAT('x', 200) FROM seq_1_to_50000",
        "ANALYZE TABLE keyed", "ANALYZE TABLE account",
    )  # fmt: skip


@pytest.mark.parametrize("partitions", [1, 2, 7, 16, "auto"])
def test_a_table_is_read_whole_by_any_number_of_connections(maria: MariaServer, partitions: int | str) -> None:
    result = extract(maria, table_name="keyed", partition_num=partitions)
    assert sorted(result.values("id")) == list(range(1, ROWS + 1))
    assert result.facts["consistent_snapshot"] is True
    if isinstance(partitions, int):
        assert result.facts["partitions"] == partitions


@pytest.mark.parametrize("column", ["id", "word", "day", "share", "padding"])
@pytest.mark.parametrize("source", [{"table_name": "keyed"}, {"query": "SELECT * FROM keyed"}])
def test_any_column_divides(maria: MariaServer, column: str, source: dict[str, Any]) -> None:
    result = extract(maria, partition_column=column, partition_num=3, **source)
    assert sorted(result.values("id")) == list(range(1, ROWS + 1))
    assert 1 <= result.facts["partitions"] <= 3


KEYS: dict[str, st.SearchStrategy[Any]] = {
    "bigint": st.integers(-(2**63), 2**63 - 1) | st.integers(-5, 5),
    "bigint unsigned": st.integers(0, 2**64 - 1) | st.integers(2**63 - 3, 2**63 + 3),
    "decimal(30,10)": st.decimals(-(10**18), 10**18, places=10, allow_nan=False),
    "varchar(12)": st.text("aAbBäß zZ'\\\"%", max_size=6),
    "varbinary(12)": st.binary(max_size=6),
    "date": st.dates() | st.just("0000-00-00"),
    "datetime(6)": st.datetimes(),
    "double": st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False),
    "enum('b','a','c')": st.sampled_from("abc"),
    "time": st.sampled_from(["-838:59:59", "00:00:00", "12:00:00", "838:59:59"]),
}


@pytest.mark.parametrize("kind", list(KEYS))
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_union_of_the_ranges_is_the_table(maria: MariaServer, kind: str, data: st.DataObject) -> None:
    keys = data.draw(st.lists(st.none() | KEYS[kind], max_size=40), label="keys")
    partitions = data.draw(st.integers(1, 6), label="partitions")
    maria.execute(f"CREATE OR REPLACE TABLE property (n int, k {kind}, KEY (k))")
    with maria.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION sql_mode = 'ALLOW_INVALID_DATES'")
        cursor.executemany("INSERT INTO property VALUES (%s, %s)", list(enumerate(keys)))
    result = extract(maria, table_name="property", partition_column="k", partition_num=partitions)
    assert sorted(result.values("n")) == list(range(len(keys)))


@pytest.mark.parametrize(("name", "rows"), [("seen", 1000), ("pair", 9000), ("by_engine", 5000), ("tundra.empty", 0)])
def test_whatever_can_be_selected_from_is_a_table(maria: MariaServer, name: str, rows: int) -> None:
    assert extract(maria, table_name=name).table.num_rows == rows


def test_names_in_mixed_case_with_reserved_words_and_odd_characters_work(maria: MariaServer) -> None:
    assert extract(maria, table_name="MixedCase").table.to_pylist() == [{"order": 1, "a b": 2, "per%cent{}": 3}]
    with pytest.raises(InvalidRequest, match="There is no column 'nope'; there are order, a b, per"):
        extract(maria, table_name="MixedCase", columns=["nope"])


@pytest.mark.parametrize("source", [{"table_name": "by_engine"}, {"query": "SELECT id FROM by_engine"}])
def test_an_engine_without_snapshots_is_said_to_be_inconsistent(maria: MariaServer, source: dict[str, Any]) -> None:
    result = extract(maria, **source, partition_column="id", partition_num=2)
    assert result.facts["consistent_snapshot"] is False
    assert result.facts["snapshot_note"]
    assert sorted(result.values("id")) == list(range(1, 5001))


def test_a_table_that_keeps_its_history_is_read_as_of_one_moment(maria: MariaServer) -> None:
    maria.execute(
        "CREATE TABLE versions (id int PRIMARY KEY) WITH SYSTEM VERSIONING",
        "INSERT INTO versions VALUES (1), (2), (3)",
        "DELETE FROM versions WHERE id = 2",
    )
    result = extract(maria, table_name="versions", partition_column="id", partition_num=2)
    assert (sorted(result.values("id")), result.facts["consistent_snapshot"]) == ([1, 3], True)


def test_invisible_columns_are_told_of_and_read_where_they_are_named(maria: MariaServer) -> None:
    maria.execute(
        "CREATE TABLE veiled (a int, `the key` int DEFAULT 0 INVISIBLE PRIMARY KEY, b int)",
        "INSERT INTO veiled (a, `the key`, b) VALUES (1, 2, 3)",
    )
    usual = extract(maria, table_name="veiled")
    assert usual.table.to_pylist() == [{"a": 1, "b": 3}]
    assert [(warning.issue, "the key" in warning.message) for warning in usual.warnings] == [
        ("invisible_columns", True)
    ]
    named = extract(maria, table_name="veiled", columns=["the key", "a"], partition_column="the key")
    assert (named.table.to_pylist(), named.warnings) == ([{"the key": 2, "a": 1}], [])


def test_an_account_that_may_not_lock_is_told_that_the_result_may_be_inconsistent(maria: MariaServer) -> None:
    with maria.connect_as_owner() as owner, owner.cursor() as cursor:
        cursor.execute("CREATE USER reader@'%%' IDENTIFIED BY %s", (maria.password,))
        cursor.execute("GRANT SELECT ON tundra.* TO reader@'%'")
    maria.username = "reader"
    try:
        divided = extract(maria, table_name="keyed", partition_num=2)
        alone = extract(maria, table_name="keyed", partition_num=1)
    finally:
        maria.username = "tundra"
    assert divided.facts["consistent_snapshot"] is False
    assert "denied" in divided.facts["snapshot_note"]
    assert alone.facts["consistent_snapshot"] is True
    assert sorted(divided.values("id")) == list(range(1, ROWS + 1))


@pytest.mark.parametrize(
    "source",
    [{"table_name": "account"}, {"query": "SELECT id, balance FROM account", "partition_column": "id"}],
)
def test_a_table_under_fire_is_read_as_of_one_moment(maria: MariaServer, source: dict[str, Any]) -> None:
    """Writers move money between distant rows; any mixture of moments would change the sum."""
    stop = threading.Event()

    def move(amount: int) -> None:
        with maria.connect() as connection, connection.cursor() as cursor:
            connection.autocommit(False)
            while not stop.is_set():
                cursor.execute("UPDATE account SET balance = balance - %s WHERE id = 1", (amount,))
                cursor.execute("UPDATE account SET balance = balance + %s WHERE id = 49999", (amount,))
                connection.commit()

    writer = threading.Thread(target=move, args=(1,))
    writer.start()
    try:
        for _ in range(5):
            result = extract(maria, partition_num=4, **source)
            assert result.facts["consistent_snapshot"] is True
            assert (len(set(result.values("id"))), sum(result.values("balance"))) == (50_000, 5_000_000)
    finally:
        stop.set()
        writer.join()


def test_a_query_keeps_its_order_and_its_repeated_names(maria: MariaServer) -> None:
    result = extract(maria, query="SELECT id, id, day FROM keyed WHERE id <= 3 ORDER BY id DESC -- the last first")
    assert result.table.column_names == ["id", "id_2", "day"]
    assert result.values("id") == [3, 2, 1]


@pytest.mark.parametrize(
    "query",
    [
        "(SELECT id FROM keyed ORDER BY word, id)",
        "((SELECT id FROM keyed) ORDER BY word, id)",
        "SELECT id FROM keyed ORDER /* comment */ BY word, id",
    ],
)
def test_an_order_is_kept_however_it_is_written(maria: MariaServer, query: str) -> None:
    with maria.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT id FROM keyed ORDER BY word, id")
        expected = [row[0] for row in cursor.fetchall()]
    assert extract(maria, query=query.replace("SELECT id", "SELECT id, word")).values("id") == expected


def test_a_long_list_of_a_group_is_not_cut(maria: MariaServer) -> None:
    [listed] = extract(maria, query="SELECT GROUP_CONCAT(seq ORDER BY seq) FROM seq_1_to_300000").values()
    assert listed.endswith(",299999,300000")


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("SELECT 2 AS a UNION ALL SELECT 1 ORDER BY a", {"a": 1}),
        ("WITH k AS (SELECT id FROM keyed) SELECT id FROM k ORDER BY id LIMIT 2", {"id": 1}),
        ("VALUES (1, 'x'), (2, 'y')", {"1": 1, "x": "x"}),
        ("SELECT COUNT(*), MAX(id) FROM keyed", {"COUNT(*)": ROWS, "MAX(id)": ROWS}),
        ("SELECT 'a;b' AS `x y`, '{}' AS `{}`;", {"x y": "a;b", "{}": "{}"}),
        ("SELECT id, ROW_NUMBER() OVER (ORDER BY id DESC) AS r FROM keyed ORDER BY r # last", {"id": ROWS, "r": 1}),
        ("SELECT 1 AS a, 2 AS A", {"a": 1, "A": 2}),
        ("(SELECT 1 AS a)", {"a": 1}),
    ],
)
def test_queries_of_every_shape_are_read(maria: MariaServer, query: str, first: dict[str, Any]) -> None:
    assert extract(maria, query=query).table.slice(0, 1).to_pylist() == [first]


@pytest.mark.parametrize(
    ("query", "error", "code"),
    [
        ("SELECT nope FROM keyed", InvalidRequest, "query_failed"),
        ("SELECT * FROM keyed WHERE", InvalidRequest, "query_failed"),
        ("SELECT * FROM no_such_table", NotFound, "table_not_found"),
        ("SELECT * FROM no_such_place.no_such_table", ConversionError, "permission_denied"),
        ("SELECT (SELECT id FROM keyed LIMIT 2)", InvalidRequest, "query_failed"),
        ("SELECT id FROM keyed WHERE id = ?", InvalidRequest, "query_failed"),
    ],
)
def test_what_the_server_refuses_is_told_in_its_words(
    maria: MariaServer, query: str, error: type[ConversionError], code: str
) -> None:
    with pytest.raises(error) as caught:
        extract(maria, query=query)
    assert caught.value.code == code


def test_a_missing_table_is_not_found(maria: MariaServer) -> None:
    with pytest.raises(NotFound, match="no_such_table"):
        extract(maria, table_name="no_such_table")


SLOW = "SELECT COUNT(*) FROM keyed a JOIN keyed b ON a.padding <> b.word"


def test_a_query_over_its_time_is_ended_by_the_server(maria: MariaServer) -> None:
    with pytest.raises(ConversionError) as caught:
        extract(maria, seconds=0.5, query=SLOW)
    assert (caught.value.code, caught.value.http_status) == ("query_timeout", 502)
    assert_nothing_runs(maria)


def test_nothing_is_left_running_when_the_reader_goes_away(maria: MariaServer) -> None:
    with opened(maria, query="SELECT a.id, b.padding FROM keyed a JOIN keyed b") as source:
        assert next(iter(source.batches())).num_rows
    assert_nothing_runs(maria)


def test_a_connection_lost_in_the_middle_is_an_error_worth_another_attempt(maria: MariaServer) -> None:
    with opened(maria, query="SELECT a.id, b.padding FROM keyed a JOIN keyed b") as source:
        batches = source.batches()
        assert next(batches).num_rows
        with maria.connect_as_owner() as owner, owner.cursor() as cursor:
            cursor.execute("SELECT id FROM information_schema.processlist WHERE user = 'tundra' AND info IS NOT NULL")
            for (number,) in cursor.fetchall():
                cursor.execute(f"KILL {number}")
        with pytest.raises(ConversionError) as caught:
            list(batches)
    assert (caught.value.code, caught.value.http_status, caught.value.retryable) == ("connection_lost", 502, True)


def assert_nothing_runs(maria: MariaServer) -> None:
    deadline = time.monotonic() + 10
    running: Any = True
    with maria.connect_as_owner() as owner, owner.cursor() as cursor:
        while running and time.monotonic() < deadline:
            cursor.execute("SELECT info FROM information_schema.processlist WHERE user = 'tundra' AND info IS NOT NULL")
            running = cursor.fetchall()
            time.sleep(0.05)
    assert not running


def test_the_session_is_read_only(maria: MariaServer) -> None:
    """Even what the statement guard cannot know: a function that writes."""
    with maria.connect_as_owner() as owner, owner.cursor() as cursor:
        cursor.execute("SET GLOBAL log_bin_trust_function_creators = 1")
        cursor.execute("CREATE TABLE tundra.written (id int)")
        cursor.execute(
            "CREATE FUNCTION tundra.sneak() RETURNS int MODIFIES SQL DATA "
            "BEGIN INSERT INTO tundra.written VALUES (1); RETURN 1; END"
        )
        with pytest.raises(ConversionError, match="READ ONLY"):
            extract(maria, query="SELECT sneak()")
        cursor.execute("SELECT COUNT(*) FROM tundra.written")
        assert cursor.fetchone() == (0,)


@pytest.fixture
def with_other_habits(maria: MariaServer) -> Iterator[None]:
    """The server's defaults as some operators have them."""
    with maria.connect_as_owner() as owner, owner.cursor() as cursor:
        cursor.execute("SELECT @@GLOBAL.sql_mode, @@GLOBAL.time_zone, @@GLOBAL.sql_select_limit")
        before = cursor.fetchone()
        setting = "SET GLOBAL sql_mode = %s, GLOBAL time_zone = %s, GLOBAL sql_select_limit = %s"
        cursor.execute(setting, ("ANSI,TRADITIONAL,NO_BACKSLASH_ESCAPES", "+09:00", 100))
        yield
        cursor.execute(setting, before)


@pytest.mark.usefixtures("with_other_habits")
def test_a_server_with_other_habits_is_read_in_its_own_sql(maria: MariaServer) -> None:
    result = extract(
        maria, query="""SELECT "id" || 'x' AS a, TIMESTAMP '2024-01-01 00:00:00' AS b FROM keyed WHERE id = 1"""
    )
    assert result.values("a") == ["1x"]
    assert str(result.values("b")[0]) == "2024-01-01 00:00:00"
    assert len(extract(maria, table_name="keyed", partition_column="day").values("id")) == ROWS


@pytest.mark.usefixtures("with_other_habits")
def test_a_backslash_that_the_server_reads_otherwise_than_the_guard_is_refused(maria: MariaServer) -> None:
    with pytest.raises(InvalidRequest, match="contains a backslash"):
        extract(maria, query="SELECT 'a\\', SLEEP(9) -- '")
    request = DatabaseRequest.parse({"connector_type": "mysql", "query": "SELECT 'a\\', SLEEP(9) -- '"})
    with pytest.raises(InvalidRequest, match="contains a backslash"):
        estimate(request, Credentials.parse("mysql", maria.credentials()), 10.0, ALLOW_LOOPBACK)


def test_a_value_that_came_after_the_types_were_settled_is_tried_again(maria: MariaServer) -> None:
    maria.execute("CREATE TABLE spans (a time, b time)", "INSERT INTO spans VALUES ('100:00:00', '10:00:00')")
    with opened(maria, table_name="spans") as source:
        with pytest.raises(SchemaChanged):
            list(source.batches())
        maria.execute("INSERT INTO spans VALUES ('10:00:00', '100:00:00')")
        with pytest.raises(UpstreamFailed) as caught:
            list(source.batches())
    assert (caught.value.code, caught.value.retryable) == ("source_changed", True)


@pytest.mark.parametrize(
    "fields",
    [
        {"query": "SELECT RAND() AS k, id FROM again"},
        {"query": "SELECT id AS k, id FROM again LIMIT 3000"},
        {"query": "SELECT id AS k, id FROM changing"},
        {"table_name": "changing", "partition_column": "id"},
        {"query": "WITH changing AS (SELECT * FROM changing) SELECT id AS k, id FROM changing"},
    ],
)
def test_what_may_give_other_rows_each_time_is_read_once(maria: MariaServer, fields: dict[str, Any]) -> None:
    maria.execute(
        "CREATE TABLE IF NOT EXISTS again AS SELECT seq AS id FROM seq_1_to_3000",
        "CREATE OR REPLACE VIEW changing AS SELECT id FROM again ORDER BY RAND() LIMIT 3000",
    )
    result = extract(maria, **{"partition_column": "k", **fields})
    assert sorted(result.values("id")) == list(range(1, 3001))
    assert [warning.issue for warning in result.warnings] == ["not_partitioned"]
    assert result.facts["partitioned"] is False
