"""Every type of PostgreSQL arrives exactly: compared with what psycopg reads and with the server's own text."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from connectors.errors import ConversionError
from tests.databases.reading import Extract, extract
from tests.databases.servers import PostgresServer

# Types whose Arrow values Python shows just as psycopg shows the server's.
AS_PYTHON: dict[str, tuple[pa.DataType, list[str]]] = {
    "bool": (pa.bool_(), ["true", "false"]),
    "int2": (pa.int16(), ["-32768", "0", "32767"]),
    "int4": (pa.int32(), ["-2147483648", "2147483647"]),
    "int8": (pa.int64(), ["'-9223372036854775808'", "'9223372036854775807'"]),
    "oid": (pa.uint32(), ["0", "4294967295"]),
    "float4": (pa.float32(), ["'1.1'", "'-0'", "'Infinity'", "'-Infinity'", "'1e-45'", "'3.4028235e38'"]),
    "float8": (pa.float64(), ["'0.1'", "'Infinity'", "'-Infinity'", "'5e-324'", "'1.7976931348623157e308'"]),
    "numeric(12,2)": (pa.decimal128(12, 2), ["'9999999999.99'", "'-0.01'", "'1.50'"]),
    "numeric(38,38)": (pa.decimal128(38, 38), ["'0.12345678901234567890123456789012345678'"]),
    "numeric(5,-2)": (pa.decimal128(7, 0), ["'1234567'", "'-9999900'"]),
    "numeric(2,4)": (pa.decimal128(4, 4), ["'0.0099'", "'-0.0001'"]),
    "numeric": (pa.decimal128(38, 10), ["'1.5'", "'0.0000000001'", "'1234567890123456789012345678'"]),
    "text": (pa.string(), ["''", "'NULL'", "'é😀\t\n\\'", "repeat('x', 100000)"]),
    "varchar(5)": (pa.string(), ["'ab'", "'ab   '"]),
    "char(5)": (pa.string(), ["'ab'"]),
    "name": (pa.string(), ["'a name'"]),
    "bytea": (pa.binary(), ["''", r"'\x00ff27'"]),
    "date": (pa.date32(), ["'0001-01-01'", "'1969-12-31'", "'9999-12-31'"]),
    "timestamp": (pa.timestamp("us"), ["'0001-01-01'", "'1969-12-31 23:59:59.999999'", "'9999-12-31 23:59:59.999999'"]),
    "timestamptz": (pa.timestamp("us", "UTC"), ["'2024-03-31 02:30:00.000001+05:30'", "'1900-01-01 00:00+00'"]),
    "time": (pa.time64("us"), ["'00:00:00'", "'23:59:59.999999'", "'10:11:12.5'"]),
    "int4[]": (pa.list_(pa.int32()), ["'{1,NULL,-3}'", "'{}'"]),
    "int8[]": (pa.list_(pa.int64()), ["'{9223372036854775807}'"]),
    "text[]": (pa.list_(pa.string()), ["""'{"a,b","c\\"d",NULL,"NULL","",é}'"""]),
    "char(4)[]": (pa.list_(pa.string()), ["'{ab,NULL,\"c  \"}'"]),
    "bool[]": (pa.list_(pa.bool_()), ["'{t,f,NULL}'"]),
    "float8[]": (pa.list_(pa.float64()), ["'{0.1,Infinity,5e-324}'"]),
    "numeric(6,3)[]": (pa.list_(pa.decimal128(6, 3)), ["'{1.234,-0.001}'"]),
    "date[]": (pa.list_(pa.date32()), ["'{2020-02-29,NULL}'"]),
    "timestamp[]": (pa.list_(pa.timestamp("us")), ["'{2020-02-29 10:11:12.5,NULL}'"]),
    "bytea[]": (pa.list_(pa.binary()), [r"""'{"\\x00ff",NULL}'"""]),
}
# Types that travel and stay as the server's text.
AS_TEXT: dict[str, list[str]] = {
    "uuid": ["'00000000-0000-0000-0000-00000000000a'"],
    "json": ["""'{"n": 12345678901234567890123, "a": 1.10, "a": 2}'"""],
    "jsonb": ["""'{"n": 1.000000000000000000000000000001, "big": 1e400}'"""],
    "xml": ["'<a>&lt;</a>'"],
    "interval": ["'1 year -2 mons 3 days 04:05:06.789'", "'-1 day'", "'0'"],
    "timetz": ["'10:11:12.5+02'", "'24:00:00-12'"],
    "money": ["'-92233720368547758.08'"],
    "inet": ["'1.2.3.4'", "'::1/64'"],
    "cidr": ["'10.0.0.0/8'"],
    "macaddr": ["'08:00:2b:01:02:03'"],
    "macaddr8": ["'08:00:2b:01:02:03:04:05'"],
    "bit(3)": ["B'101'"],
    "bit varying": ["B'1010101010101'", "B''"],
    '"char"': ["'a'", "''"],
    "point": ["'(1.1,-2)'"],
    "line": ["'{1,2,3}'"],
    "lseg": ["'[(0,0),(1,1)]'"],
    "box": ["'(1,1),(0,0)'"],
    "path": ["'((0,0),(1,1))'"],
    "polygon": ["'((0,0),(1,1),(1,0))'"],
    "circle": ["'<(0,0),1.5>'"],
    "tsvector": ["'a:1 b:2'"],
    "tsquery": ["'a & !b'"],
    "int4range": ["'[1,5)'", "'empty'", "'(,)'"],
    "numrange": ["'[1.50,2.5)'"],
    "tstzrange": ["'[2020-01-01 00:00+02,infinity)'"],
    "int8multirange": ["'{[1,2),[5,6)}'", "'{}'"],
    "pg_lsn": ["'16/B374D848'"],
    "regclass": ["'pg_class'"],
    "oidvector": ["'1 2 3'"],
    "int2vector": ["'1 2'"],
    "pg_snapshot": ["'10:20:10,14'"],
    "xid": ["'4294967295'"],
    "tid": ["'(1,2)'"],
    "jsonpath": ["'$.a[*]'"],
    "mood": ["'so so'", "'glad'"],
    "pair": ["""'(1,"a b")'"""],
    "citext": ["'MiXed'"],
    "hstore": ["'a=>1, b=>NULL'"],
    "ltree": ["'a.b.c'"],
    "numeric(1000,500)": ["'0.5'", "repeat('9', 500)"],
    "int4[][]": ["'{{1,2},{3,4}}'", "'[0:1]={1,2}'"],
    "pair[]": ["""'[2:2]={"(1,x)"}'"""],
    "point[]": ["'[5:5]={\"(1,2)\"}'"],
}


@pytest.fixture(scope="module", autouse=True)
def types(postgres: PostgresServer) -> None:
    with postgres.connect_as_owner("tundra") as owner:
        for extension in ("citext", "hstore", "ltree"):
            owner.execute(f"CREATE EXTENSION IF NOT EXISTS {extension}")
    postgres.execute(
        "CREATE TYPE mood AS ENUM ('so so', 'glad')",
        "CREATE TYPE pair AS (number int, word text)",
        "CREATE DOMAIN positive AS int CHECK (VALUE > 0)",
        "CREATE DOMAIN price AS numeric(9,3)",
    )


def select(values: list[str], kind: str) -> str:
    rows = ", ".join(f"({number}, ({value})::{kind})" for number, value in enumerate([*values, "NULL"]))
    return f"SELECT v FROM (VALUES {rows}) AS t(n, v) ORDER BY n"


def server_says(server: PostgresServer, query: str) -> list[Any]:
    with server.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return [row[0] for row in connection.execute(query.encode()).fetchall()]


@pytest.mark.parametrize("kind", AS_PYTHON)
def test_a_value_keeps_its_type_and_is_what_another_driver_reads(postgres: PostgresServer, kind: str) -> None:
    arrow, values = AS_PYTHON[kind]
    query = select(values, kind)
    result = extract(postgres, query=query)
    assert result.table.schema.field(0).type == arrow
    assert next(iter(result.columns.values())).fidelity == "exact"
    expected = server_says(postgres, query)
    assert same_bits(result.values(), kind) == same_bits(expected, kind)
    assert result.warnings == []


def same_bits(values: list[Any], kind: str) -> list[Any]:
    """psycopg reads single-precision text as doubles: bring both to single precision."""
    return [np.float32(value) if kind == "float4" and value is not None else value for value in values]


@pytest.mark.parametrize("kind", AS_TEXT)
def test_a_value_without_a_parquet_type_is_the_servers_own_text(postgres: PostgresServer, kind: str) -> None:
    query = select(AS_TEXT[kind], kind)
    result = extract(postgres, query=query)
    own = "CASE WHEN v IS NOT NULL THEN format('%s', v) END"  # a cast to text may alter: it adds a netmask
    assert result.values() == server_says(postgres, f"SELECT {own} FROM ({query}) AS q")
    column = next(iter(result.columns.values()))
    assert column.fidelity == "exact" or "text" in column.fidelity


def test_double_precision_keeps_every_bit(postgres: PostgresServer) -> None:
    result = extract(postgres, query="SELECT unnest('{0.1,1e-300,NaN,-0,2.2250738585072014e-308}'::float8[])")
    expected = [0.1, 1e-300, math.nan, -0.0, 2.2250738585072014e-308]
    assert [value.hex() for value in result.values()] == [value.hex() for value in expected]


def test_an_infinite_date_makes_its_column_text_and_no_other(postgres: PostgresServer) -> None:
    result = extract(postgres, query="SELECT d, DATE '2020-01-01' AS e FROM unnest('{2020-01-01,infinity}'::date[]) d")
    assert result.values("d") == ["2020-01-01", "infinity"]
    assert result.values("e") == [dt.date(2020, 1, 1)] * 2
    assert "text" in result.columns["d"].fidelity


@pytest.mark.parametrize("value", ["'-infinity'::timestamp", "'0044-03-15 BC'::timestamp", "'294276-12-31'::timestamp"])
def test_a_time_beyond_what_readers_know_is_its_text(postgres: PostgresServer, value: str) -> None:
    assert extract(postgres, query=f"SELECT {value} AS t").values() == server_says(postgres, f"SELECT {value}::text")


def test_an_infinite_date_is_null_and_counted_if_asked_for(postgres: PostgresServer) -> None:
    query = "SELECT unnest('{2020-01-01,infinity,-infinity,NULL}'::date[]) AS d"
    result = extract(postgres, query=query, options={"infinite_dates": "null"})
    assert result.values() == [dt.date(2020, 1, 1), None, None, None]
    assert [(warning.column, warning.affected_rows) for warning in result.warnings] == [("d", 2)]


def test_an_infinite_date_fails_the_conversion_if_asked_for(postgres: PostgresServer) -> None:
    with pytest.raises(ConversionError, match="Column 'd' holds a value that is no date"):
        extract(postgres, query="SELECT 'infinity'::date AS d", options={"infinite_dates": "fail"})


def test_midnight_at_the_end_of_a_day_is_not_its_beginning(postgres: PostgresServer) -> None:
    assert extract(postgres, query="SELECT '24:00:00'::time AS t").values() == ["24:00:00"]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["0.12345678901234567890"], pa.decimal128(38, 20)),
        (["12345678901234567890123456789012345678"], pa.decimal128(38, 0)),
        (["NaN", "1"], pa.string()),
        (["Infinity", "1"], pa.string()),
        (["1" * 40], pa.string()),
        (["9" * 28 + "." + "9" * 10, "-" + "9" * 28 + ".5" + "0" * 30], pa.decimal128(38, 10)),
        (["9" * 29 + ".5"], pa.string()),
        (["0." + "1" * 30, "-99999999.5"], pa.decimal128(38, 30)),
        (["9" * 1000, "0." + "1" * 1000], pa.string()),
        (["1e-32", "1"], pa.string()),
    ],
)
def test_a_numeric_without_precision_gets_the_type_that_holds_all(
    postgres: PostgresServer, values: list[str], kind: pa.DataType
) -> None:
    query = f"SELECT unnest('{{{','.join(values)}}}'::numeric[]) AS n"
    result = extract(postgres, query=query)
    assert result.table.schema.field("n").type == kind
    shown = server_says(postgres, f"SELECT n::text FROM ({query}) AS q")
    assert [str(value) if kind == pa.string() else value for value in result.values()] == [
        text if kind == pa.string() else Decimal(text) for text in shown
    ]


def test_a_numeric_becomes_the_nearest_double_and_is_counted_if_asked_for(postgres: PostgresServer) -> None:
    result = extract(
        postgres, query="SELECT unnest('{0.1,12345678901234567.89}'::numeric[]) AS n", options={"numeric": "float"}
    )
    assert result.values() == [0.1, 12345678901234567.89]
    assert [(warning.column, warning.affected_rows) for warning in result.warnings] == [("n", 1)]


def test_nan_in_a_numeric_with_precision_is_kept(postgres: PostgresServer) -> None:
    result = extract(postgres, query="SELECT unnest('{NaN,1.5}'::numeric[])::numeric(5,1) AS n")
    assert result.values() == ["NaN", "1.5"]


def test_a_column_whose_first_value_fits_and_last_does_not_is_right_throughout(postgres: PostgresServer) -> None:
    query = "SELECT CASE WHEN i = 60000 THEN 'NaN' ELSE i::numeric END AS n FROM generate_series(1, 60000) i"
    result = extract(postgres, query=query)
    assert result.values()[0] == "1"
    assert result.values()[-1] == "NaN"
    assert result.table.num_rows == 60000


def test_domains_travel_as_what_they_are_over(postgres: PostgresServer) -> None:
    result = extract(postgres, query="SELECT 5::positive AS p, 1.5::price AS q, NULL::price AS r")
    assert [column.type for column in result.columns.values()] == [
        pa.int32(),
        pa.decimal128(9, 3),
        pa.decimal128(9, 3),
    ]


def test_the_ledger_names_the_servers_types_and_what_cannot_be_null(postgres: PostgresServer) -> None:
    postgres.execute("CREATE TABLE ledger (id bigint PRIMARY KEY, price price, word varchar(7) NOT NULL, mood mood)")
    columns = extract(postgres, table_name="ledger").columns
    assert {name: (column.source_type, column.nullable) for name, column in columns.items()} == {
        "id": ("bigint", False),
        "price": ("price", True),
        "word": ("character varying(7)", False),
        "mood": ("mood", True),
    }


def test_a_record_and_a_row_constructor_are_text(postgres: PostgresServer) -> None:
    result: Extract = extract(postgres, query="SELECT ROW(1, 'a b', NULL) AS r, (SELECT p FROM (SELECT 1 a) p) AS p")
    assert (result.values("r"), result.values("p")) == (['(1,"a b",)'], ["(1)"])


def test_a_policy_may_put_nulls_where_the_table_has_none(postgres: PostgresServer) -> None:
    postgres.execute(
        "CREATE TABLE forever (d date NOT NULL)", "INSERT INTO forever VALUES ('infinity'), ('2020-01-01')"
    )
    result = extract(postgres, table_name="forever", options={"infinite_dates": "null"})
    assert result.values() == [None, dt.date(2020, 1, 1)]
    assert result.columns["d"].nullable
