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
