"""The caller's word on types is obeyed, or what does not fit is counted, located and kept."""

from __future__ import annotations

import datetime as dt
import io
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors.errors import InvalidRequest, UnreadableFile
from tests.files.converting import convert


def column(*values: str) -> str:
    return "\n".join(["v", *values, ""])


def parquet(values: list[Any], kind: pa.DataType | None = None) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"v": pa.array(values, kind)}), buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("007", pa.string(), "007"),
        ("007", pa.int64(), 7),
        ("+5", pa.int8(), 5),
        ("5.0", pa.int32(), 5),
        ("0.1", pa.float64(), 0.1),
        ("0.1", pa.float32(), 0.10000000149011612),
        ("1e2", pa.decimal128(5, 1), Decimal("100.0")),
        ("yes", pa.bool_(), True),
        ("0", pa.bool_(), False),
        ("2024-01-02 00:00:00", pa.date32(), dt.date(2024, 1, 2)),
        ("2024-01-02", pa.timestamp("us"), dt.datetime(2024, 1, 2)),
        ("10:11", pa.time64("us"), dt.time(10, 11)),
        ("x", pa.dictionary(pa.int32(), pa.string()), "x"),
        ("255", pa.uint8(), 255),
    ],
)
def test_a_fitting_value_gets_the_type_asked_for(text: str, kind: pa.DataType, value: Any) -> None:
    found = convert(column(text), type_overrides={"v": kind})
    assert found.table.column("v").to_pylist() == [value]
    assert found.table.schema.field("v").type == kind
    assert not found.warnings


@pytest.mark.parametrize(("kind", "value"), [(pa.uint8(), None), (pa.date32(), None), (pa.string(), "")])
def test_an_empty_cell_in_quotes_is_null_unless_asked_for_as_text(kind: pa.DataType, value: str | None) -> None:
    found = convert('a,v\n"x",""\n', type_overrides={"v": kind}, on_cast_error="fail")
    assert found.table.column("v").to_pylist() == [value]
    assert found.issues == ([] if value == "" else ["empty_texts"])


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("1.5", pa.int64()),
        ("300", pa.int8()),
        ("-1", pa.uint8()),
        ("1e400", pa.float64()),
        ("0.123456789", pa.float32()),
        ("1.505", pa.decimal128(5, 2)),
        ("maybe", pa.bool_()),
        ("2024-02-30", pa.date32()),
        ("2024-01-02 10:00", pa.date32()),
        ("2024-01-02T10:00Z", pa.timestamp("us")),
        ("24:00", pa.time64("us")),
        ("0x1F", pa.int64()),
    ],
)
def test_a_value_that_would_lose_something_does_not_fit(text: str, kind: pa.DataType) -> None:
    with pytest.raises(UnreadableFile, match=r"Row 1 of column 'v'") as caught:
        convert(column(text), type_overrides={"v": kind}, on_cast_error="fail")
    assert caught.value.code == "cast_error"
    nulled = convert(column(text), type_overrides={"v": kind}, on_cast_error="null")
    assert nulled.table.column("v").to_pylist() == [None]
    assert nulled.table.schema.field("v").type == kind
    assert [(w.issue, w.affected_rows) for w in nulled.warnings] == [("cast_error", 1)]


def test_keep_leaves_the_column_its_own_type_and_locates_what_did_not_fit() -> None:
    found = convert("k,v\n" + "1,2\n" * 60_000 + "1,2.5\n", type_overrides={"v": pa.int64(), "k": pa.int8()})
    assert found.types == {"k": "int8", "v": "double"}
    (warning,) = found.warnings
    assert (warning.issue, warning.column, warning.affected_rows) == ("cast_error", "v", 1)
    assert "row 60001: '2.5'" in warning.message
    assert found.schema_changes == 1


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_an_override_of_an_unknown_column_is_refused_listing_the_columns(kind: str) -> None:
    content = column("1").encode() if kind == "csv" else parquet([1])
    with pytest.raises(InvalidRequest, match=r"'nope'.*Its columns are: v"):
        convert(content, kind, type_overrides={"nope": pa.int64()})


@pytest.mark.parametrize(
    ("values", "kind", "read", "misfits"),
    [
        ([1, 300, None], pa.int8(), [1, None, None], 1),
        ([1.0, 1.5, float("nan")], pa.int64(), [1, None, None], 2),
        ([1, 2**53 + 1], pa.float64(), [1.0, None], 1),
        ([1.25, 0.1], pa.decimal128(5, 2), [Decimal("1.25"), Decimal("0.10")], 0),
        ([Decimal("2.0"), Decimal("2.5")], pa.int64(), [2, None], 1),
        ([0, 1, 2], pa.bool_(), [False, True, None], 1),
        ([1, 2], pa.string(), ["1", "2"], 0),
        ([[1], [2]], pa.int64(), [None, None], 2),
    ],
)
def test_typed_values_are_cast_exactly(values: list[Any], kind: pa.DataType, read: list[Any], misfits: int) -> None:
    found = convert(parquet(values), "parquet", type_overrides={"v": kind}, on_cast_error="null")
    assert found.table.column("v").to_pylist() == read
    assert sum(warning.affected_rows or 0 for warning in found.warnings) == misfits


def test_typed_values_that_do_not_fit_keep_their_type() -> None:
    found = convert(parquet([1, 300]), "parquet", type_overrides={"v": pa.int8()})
    assert found.types == {"v": "int64"}
    assert found.rows == [(1,), (300,)]
    assert found.issues == ["cast_error"]


def test_a_date_format_reads_an_overridden_column() -> None:
    found = convert(column("31.12.2024", "1.2.2024"), type_overrides={"v": pa.date32()}, date_format="%d.%m.%Y")
    assert found.table.column("v").to_pylist() == [dt.date(2024, 12, 31), dt.date(2024, 2, 1)]


def test_a_decimal_comma_reads_an_overridden_column() -> None:
    found = convert("v;w\n1,50;x\n", type_overrides={"v": pa.float64()}, decimal_comma=True)
    assert found.rows == [(1.5, "x")]


def test_an_overridden_column_is_reported_once() -> None:
    found = convert(column("1", "2", "three"), type_overrides={"v": pa.int64()}, on_cast_error="null")
    assert found.issues == ["cast_error"]


def test_nested_values_become_json_text() -> None:
    found = convert('[{"v":{"a":["é",null],"b":1.5}}]', "json", type_overrides={"v": pa.string()})
    assert found.rows == [('{"a": ["é", null], "b": 1.5}',)]


NANOSECONDS = pa.timestamp("ns")
UUID = "61616161-6161-6161-6161-616161616161"
TOLD: dict[str, tuple[pa.Array, pa.DataType, list[Any]]] = {
    "numbers below zero": (pa.array([1, -5], pa.int8()), pa.uint64(), [1, None]),
    "numbers too large": (pa.array([1, 2**64 - 1], pa.uint64()), pa.int8(), [1, None]),
    "half floats": (pa.array([1.5, None], pa.float16()), pa.float64(), [1.5, None]),
    "durations": (
        pa.array([None, -1, 108_300_250], pa.duration("ms")),
        pa.string(),
        [None, "-00:00:00.001", "30:05:00.25"],
    ),
    "bytes, as the texts they are": (pa.array([b"ab", b"\xff", None]), pa.string(), ["ab", None, None]),
    "bytes of one length": (pa.array([b"12", b"\xff\0"], pa.binary(2)), pa.int64(), [None, None]),
    "UUIDs": (pa.array([b"a" * 16, None], pa.uuid()), pa.string(), [UUID, None]),
    "days without a text": (pa.array([0, 20_000_000], pa.date32()), pa.string(), ["1970-01-01", None]),
    "moments without a text": (
        pa.array([0, 2**63 - 1], pa.timestamp("ms", "Europe/Berlin")),
        pa.string(),
        ["1970-01-01 01:00:00.000+0100", None],
    ),
    "moments of a zone nobody knows": (
        pa.array([0], pa.timestamp("us", "Z")),
        pa.string(),
        ["1970-01-01 00:00:00.000000Z"],
    ),
    "nanoseconds in lists": (
        pa.array([[1, 1000], None], pa.list_(NANOSECONDS)),
        pa.string(),
        ['["1970-01-01T00:00:00.000000001", "1970-01-01T00:00:00.000001"]', None],
    ),
    "nanoseconds in maps, which are no numbers": (
        pa.array([[("k", 1)]], pa.map_(pa.string(), NANOSECONDS)),
        pa.int64(),
        [None],
    ),
    "bytes in lists": (pa.array([[b"\xff"]]), pa.string(), ['["/w=="]']),
    "texts kept as views in lists": (pa.array([["a"]], pa.list_(pa.string_view())), pa.string(), ['["a"]']),
}


@pytest.mark.parametrize("name", TOLD)
def test_what_a_type_cannot_tell_does_not_fit_it(name: str) -> None:
    values, kind, wanted = TOLD[name]
    buffer = io.BytesIO()
    pq.write_table(pa.table({"v": values}), buffer)
    found = convert(buffer.getvalue(), "parquet", type_overrides={"v": kind}, on_cast_error="null")
    assert found.table["v"].to_pylist() == wanted
    assert sum(warning.affected_rows or 0 for warning in found.warnings) == wanted.count(None) - values.null_count


def test_values_that_do_not_fit_are_shown_as_people_write_them() -> None:
    found = convert(parquet([dt.date(2024, 1, 2)]), "parquet", type_overrides={"v": pa.int8()})
    assert "(row 1: 2024-01-02)" in found.warnings[0].message


def test_it_says_what_numbers_count_that_become_times() -> None:
    found = convert(parquet([20_240_101], pa.int32()), "parquet", type_overrides={"v": pa.date32()})
    assert [warning.message for warning in found.warnings] == [
        "The numbers of column 'v' are read as days since 1970-01-01."
    ]


OUT_OF_RANGE: dict[str, tuple[list[Any], pa.DataType, pa.DataType, list[Any]]] = {
    "numbers that are no times of day": (
        [1, -1, 2**62],
        pa.int64(),
        pa.time64("us"),
        [dt.time(0, 0, 0, 1), None, None],
    ),
    "texts of the large kind": (["10:11", "x"], pa.large_string(), pa.time64("us"), [dt.time(10, 11), None]),
    "texts kept as views": (["5", "x"], pa.string_view(), pa.int64(), [5, None]),
    "moments beyond all years": ([0, 2**62], pa.timestamp("us"), pa.date32(), [dt.date(1970, 1, 1), None]),
}


@pytest.mark.parametrize("on_cast_error", ["null", "fail", "keep"])
@pytest.mark.parametrize("name", OUT_OF_RANGE)
def test_values_out_of_range_are_counted_like_others(name: str, on_cast_error: str) -> None:
    values, stored, kind, wanted = OUT_OF_RANGE[name]
    options: dict[str, Any] = {"type_overrides": {"v": kind}, "on_cast_error": on_cast_error}
    if on_cast_error == "fail":
        with pytest.raises(UnreadableFile, match="Row 2 of column 'v'"):
            convert(parquet(values, stored), "parquet", **options)
        return
    found = convert(parquet(values, stored), "parquet", **options)
    assert found.issues[0] == "cast_error"
    usual = pa.string() if pa.types.is_string_view(stored) else stored
    assert found.types["v"] == str(kind if on_cast_error == "null" else usual)
    if on_cast_error == "null":
        assert found.table["v"].to_pylist() == wanted
