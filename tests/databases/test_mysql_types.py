"""MySQL's types, each value compared with what the server itself says it is."""

from __future__ import annotations

import datetime as dt
import decimal
from typing import Any

import pyarrow as pa
import pytest

from connectors.errors import ConversionError, InvalidRequest
from tests.databases.reading import Extract, extract
from tests.databases.servers import MariaServer

# type, Arrow type, {SQL literal: the value meant}
EXACT: list[tuple[str, pa.DataType, dict[str, Any]]] = [
    ("tinyint", pa.int8(), {"-128": -128, "127": 127}),
    ("tinyint unsigned", pa.uint8(), {"0": 0, "255": 255}),
    ("tinyint(1)", pa.int8(), {"1": 1, "0": 0, "7": 7}),
    ("smallint", pa.int16(), {"-32768": -32768, "32767": 32767}),
    ("smallint unsigned", pa.uint16(), {"65535": 65535}),
    ("mediumint", pa.int32(), {"-8388608": -8388608, "8388607": 8388607}),
    ("mediumint unsigned", pa.uint32(), {"16777215": 16777215}),
    ("int", pa.int32(), {"-2147483648": -(2**31), "2147483647": 2**31 - 1}),
    ("int unsigned zerofill", pa.uint32(), {"4294967295": 2**32 - 1, "7": 7}),
    ("bigint", pa.int64(), {"-9223372036854775808": -(2**63), "9223372036854775807": 2**63 - 1}),
    ("bigint unsigned", pa.uint64(), {"18446744073709551615": 2**64 - 1, "9223372036854775808": 2**63}),
    ("float", pa.float32(), {"0.1": 0.10000000149011612, "-3.402823466e38": -3.4028234663852886e38}),
    ("double", pa.float64(), {"0.1": 0.1, "1.7976931348623157e308": 1.7976931348623157e308, "5e-324": 5e-324}),
    ("decimal(10,2)", pa.decimal128(10, 2), {"-99999999.99": decimal.Decimal("-99999999.99"), "0": decimal.Decimal(0)}),
    ("decimal(38,0)", pa.decimal128(38, 0), {"9" * 38: decimal.Decimal("9" * 38)}),
    ("decimal(30,30)", pa.decimal128(30, 30), {"0." + "1" * 30: decimal.Decimal("0." + "1" * 30)}),
    ("decimal(12,4) unsigned", pa.decimal128(12, 4), {"99999999.9999": decimal.Decimal("99999999.9999")}),
    ("decimal(65,30)", pa.string(), {f"-{'9' * 35}.{'8' * 30}": f"-{'9' * 35}.{'8' * 30}"}),
    ("decimal(65,30)", pa.decimal128(38, 30), {"1.5": decimal.Decimal("1.5")}),
    ("bit(1)", pa.uint64(), {"b'1'": 1, "b'0'": 0}),
    ("bit(64)", pa.uint64(), {f"b'{'1' * 64}'": 2**64 - 1}),
    ("year", pa.int16(), {"2155": 2155, "1901": 1901, "0": 0}),
    ("date", pa.date32(), {"'1000-01-01'": dt.date(1000, 1, 1), "'9999-12-31'": dt.date(9999, 12, 31)}),
    ("date", pa.date32(), {"'0001-01-01'": dt.date(1, 1, 1), "'2024-02-29'": dt.date(2024, 2, 29)}),
    ("datetime", pa.timestamp("us"), {"'1969-12-31 23:59:59'": dt.datetime(1969, 12, 31, 23, 59, 59)}),
    ("datetime(6)", pa.timestamp("us"), {"'9999-12-31 23:59:59.999999'": dt.datetime.max}),
    ("datetime(3)", pa.timestamp("us"), {"'0001-01-01 00:00:00.001'": dt.datetime(1, 1, 1, microsecond=1000)}),
    ("timestamp(6)", pa.timestamp("us", "UTC"),
     {"'2024-06-01 12:00:00.000001'": dt.datetime(2024, 6, 1, 12, 0, 0, 1, tzinfo=dt.UTC)}),
    ("time(6)", pa.time64("us"), {"'23:59:59.999999'": dt.time.max, "'00:00:00'": dt.time()}),
    ("time", pa.string(), {"'-838:59:59'": "-838:59:59", "'25:00:00'": "25:00:00", "'01:02:03'": "01:02:03"}),
    ("char(5)", pa.string(), {"'ab'": "ab", "''": "", "'  x'": "  x"}),
    ("varchar(20)", pa.string(), {"'Zürich 東京 🚀'": "Zürich 東京 🚀", "'it''s'": "it's", "'tail  '": "tail  "}),
    ("varchar(20) character set latin1", pa.string(), {"'Zürich'": "Zürich"}),
    ("varchar(20) character set utf8mb4 collate utf8mb4_bin", pa.string(), {"'A'": "A"}),
    ("tinytext", pa.string(), {"'x'": "x"}),
    ("longtext", pa.string(), {"repeat('é', 100000)": "é" * 100000}),
    ("binary(3)", pa.binary(), {"x'00ff'": b"\x00\xff\x00"}),
    ("varbinary(9)", pa.binary(), {"x'00ff80'": b"\x00\xff\x80", "''": b""}),
    ("longblob", pa.binary(), {"repeat(x'ff', 70000)": b"\xff" * 70000}),
    ("enum('a','b''c','ü')", pa.string(), {"'b''c'": "b'c", "'ü'": "ü"}),
    ("set('x','y','z')", pa.string(), {"'x,z'": "x,z", "''": ""}),
    ("json", pa.string(), {"'{\"n\": 12345678901234567890123.10}'": '{"n": 12345678901234567890123.10}'}),
    ("uuid", pa.string(), {"'00000000-0000-0000-0000-0000000000ff'": "00000000-0000-0000-0000-0000000000ff"}),
    ("inet6", pa.string(), {"'::1'": "::1"}),
    ("inet4", pa.string(), {"'10.0.0.1'": "10.0.0.1"}),
    ("point", pa.binary(), {"ST_GeomFromText('POINT(1 2)', 4326)": bytes.fromhex(
        "e6100000 0101000000 000000000000f03f 0000000000000040")}),
]  # fmt: skip


def one_column(server: MariaServer, kind: str, literals: list[str], **fields: Any) -> Extract:
    server.execute(
        "CREATE OR REPLACE TABLE typed (id int auto_increment primary key, value " + kind + " NULL)",
        *(f"INSERT INTO typed (value) VALUES ({literal})" for literal in literals),
        "INSERT INTO typed (value) VALUES (NULL)",
    )
    return extract(server, table_name="typed", columns=["value"], **fields)


@pytest.mark.parametrize(("kind", "arrow", "values"), EXACT, ids=[f"{kind}-{arrow}" for kind, arrow, _ in EXACT])
def test_every_value_of_a_type_arrives_exactly(
    maria: MariaServer, kind: str, arrow: pa.DataType, values: dict[str, Any]
) -> None:
    result = one_column(maria, kind, list(values))
    assert result.table.schema.field(0).type == arrow
    assert result.values() == [*values.values(), None]
    assert not result.warnings


@pytest.mark.parametrize("kind", sorted({kind for kind, _, _ in EXACT}))
def test_a_query_has_the_same_types_as_the_table(maria: MariaServer, kind: str) -> None:
    maria.execute(f"CREATE OR REPLACE TABLE typed (id int primary key, value {kind} NULL)")
    from_table = extract(maria, table_name="typed", columns=["value"])
    from_query = extract(maria, query="SELECT value FROM typed")
    assert from_table.table.schema.types == from_query.table.schema.types
    assert from_query.columns["value"].source_type


BAD_DATES = ["'0000-00-00'", "'2024-00-10'", "'2024-02-31'", "'2024-02-29'"]


@pytest.mark.parametrize("kind", ["date", "datetime(6)", "timestamp"])
def test_zero_and_impossible_dates_make_a_column_text(maria: MariaServer, kind: str) -> None:
    literals = ["'0000-00-00'", "'2024-02-29'"] if kind == "timestamp" else BAD_DATES
    result = one_column(maria, kind, literals)
    assert result.table.schema.field(0).type == pa.string()
    assert [value[:10] for value in result.values()[:-1]] == [literal.strip("'") for literal in literals]
    assert "text" in result.columns["value"].fidelity


@pytest.mark.parametrize("kind", ["date", "datetime"])
def test_zero_dates_become_null_on_request_and_are_counted(maria: MariaServer, kind: str) -> None:
    result = one_column(maria, kind, BAD_DATES, options={"zero_dates": "null"})
    assert [value and value.isoformat()[:10] for value in result.values()] == [None, None, None, "2024-02-29", None]
    assert [(notice.column, notice.affected_rows) for notice in result.warnings] == [("value", 3)]


def test_a_not_null_column_whose_zero_dates_become_null_is_nullable(maria: MariaServer) -> None:
    maria.execute("CREATE OR REPLACE TABLE strict (day date NOT NULL)", "INSERT INTO strict VALUES ('0000-00-00')")
    assert extract(maria, table_name="strict", options={"zero_dates": "null"}).values() == [None]


def test_zero_dates_fail_on_request(maria: MariaServer) -> None:
    with pytest.raises(ConversionError, match="Column 'value' holds a zero or impossible date"):
        one_column(maria, "date", BAD_DATES, options={"zero_dates": "fail"})
    assert one_column(maria, "date", BAD_DATES[3:], options={"zero_dates": "fail"}).values()


def test_long_times_become_null_or_fail_on_request(maria: MariaServer) -> None:
    literals = ["'25:00:00'", "'-00:00:01'", "'12:00:00'"]
    result = one_column(maria, "time", literals, options={"long_times": "null"})
    assert result.values() == [None, None, dt.time(12), None]
    assert result.warnings[0].affected_rows == 2
    with pytest.raises(ConversionError, match="no time of day"):
        one_column(maria, "time", literals, options={"long_times": "fail"})


def test_expressions_have_exact_types_too(maria: MariaServer) -> None:
    maria.execute(
        "CREATE OR REPLACE TABLE numbers (n bigint, d decimal(10,2))", "INSERT INTO numbers VALUES (2, 1.25), (5, 0.75)"
    )
    result = extract(
        maria, query="SELECT SUM(n) s, AVG(n) a, SUM(d) d, COUNT(*) c, 1.5 x, NULL z, n > 1 b FROM numbers"
    )
    assert result.table.to_pylist()[0] == {
        "s": decimal.Decimal(7), "a": decimal.Decimal("3.5"), "d": decimal.Decimal(2), "c": 2,
        "x": decimal.Decimal("1.5"), "z": None, "b": 1,
    }  # fmt: skip


def test_only_what_the_table_promises_is_not_nullable(maria: MariaServer) -> None:
    maria.execute("CREATE OR REPLACE TABLE promised (a int NOT NULL, b int)")
    columns = extract(maria, table_name="promised").columns
    assert (columns["a"].nullable, columns["b"].nullable) == (False, True)
    assert extract(maria, query="SELECT a FROM promised").columns["a"].nullable


def test_the_numeric_policy_keeps_long_decimals_text(maria: MariaServer) -> None:
    result = one_column(maria, "decimal(60,2)", ["1.50"], options={"numeric": "text"})
    assert result.values() == ["1.50", None]


def test_an_unknown_policy_is_refused(maria: MariaServer) -> None:
    with pytest.raises(InvalidRequest, match="zero_dates 'maybe'; it must be one of null, text, fail"):
        one_column(maria, "date", [], options={"zero_dates": "maybe"})
