"""What a finished Parquet file is said to be like."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from conversions.pipeline.inspect import MOST_COLUMNS, inspect


def look(directory: Path, table: pa.Table, preview_rows: int = 100, **options: Any) -> dict[str, Any]:
    """Write a table and inspect the file."""
    path = directory / "output.parquet"
    pq.write_table(table, path, **options)
    return inspect(path, preview_rows)


def test_the_statistics_are_of_all_row_groups(tmp_path: Path) -> None:
    table = pa.table({"n": [5, None, 3, None, 9, 1], "name": ["b", "a", None, "c", "z", "y"]})
    found = look(tmp_path, table, row_group_size=2, compression="zstd")
    assert [group["rows"] for group in found["row_groups"]] == [2, 2, 2]
    n, name = found["columns"]
    assert (n["nulls"], n["min"], n["max"]) == (2, "1", "9")
    assert (name["nulls"], name["min"], name["max"], name["compression"]) == (1, "a", "z", "ZSTD")
    assert "RLE_DICTIONARY" in name["encodings"]


NANOS_IN_A_MAP = '[["k", "1970-01-01T00:00:00.000000001"]]'
VALUES = {
    "u64": (pa.array([2**64 - 1], pa.uint64()), "18446744073709551615"),
    "decimal": (pa.array([Decimal("1.10")], pa.decimal256(60, 2)), "1.10"),
    "far": (pa.array([300_000_000_000], pa.timestamp("s")), "11476-08-15 05:20:00"),
    "nanos": (pa.array([1], pa.timestamp("ns")), "1970-01-01 00:00:00.000000001"),
    "date": (pa.array([2932896 + 400000], pa.date32()), "11095-02-28"),
    "long": (pa.array(["x" * 1000]), "x" * 79 + "…"),
    "bytes": (pa.array([b"\xff\x00"]), "ff00"),
    "list": (pa.array([[1, None]]), "[1, null]"),
    "struct": (pa.array([{"a": "ü", "at": 1}]), '{"a": "ü", "at": 1}'),
    "old": (pa.array([[10**17]], pa.list_(pa.timestamp("ms"))), '["<value out of range: 100000000000000000>"]'),
    "nanos in maps": (pa.array([[("k", 1)]], pa.map_(pa.string(), pa.timestamp("ns"))), NANOS_IN_A_MAP),
    "an unknown zone": (pa.array([0], pa.timestamp("us", "Z")), "1970-01-01 00:00:00Z"),
    "bytes as categories": (pa.array([b"\xff"]).dictionary_encode(), "ff"),
    "uuid": (pa.array([b"a" * 16], pa.uuid()), "61616161-6161-6161-6161-616161616161"),
}


@pytest.mark.parametrize("kind", VALUES)
def test_every_kind_of_value_has_a_text(tmp_path: Path, kind: str) -> None:
    column, text = VALUES[kind]
    assert look(tmp_path, pa.table({kind: column}))["preview"] == [[text]]


def test_numbers_and_times_are_spread_over_equal_bins(tmp_path: Path) -> None:
    table = pa.table({"n": [0.0] * 15 + [1.0] * 4 + [float("nan")], "day": pa.array(range(20), pa.date32())})
    n, day = look(tmp_path, table)["profiles"]
    assert n["bins"] == [15, *[0] * 18, 4]
    assert (n["low"], n["high"]) == ("0", "1")
    assert (day["bins"], day["low"], day["high"], day["distinct"]) == ([1] * 20, "1970-01-01", "1970-01-20", 20)


def test_the_extremes_of_doubles_have_a_distance(tmp_path: Path) -> None:
    (profile,) = look(tmp_path, pa.table({"n": [-1.7e308, 1.7e308]}))["profiles"]
    assert profile["bins"] == [1, *[0] * 18, 1]


def test_of_texts_the_frequent_ones_are_told_and_none_of_those_that_never_repeat(tmp_path: Path) -> None:
    table = pa.table({"carrier": ["UA", "AA", "UA"], "id": ["a", "b", "c"]})
    carrier, key = look(tmp_path, table)["profiles"]
    assert carrier["frequent"] == [("UA", 2), ("AA", 1)]
    assert key == {"nulls": 0, "distinct": 3}


def test_a_wide_and_long_file_is_looked_at_in_part(tmp_path: Path) -> None:
    table = pa.table({f"c{n}": range(20_000) for n in range(MOST_COLUMNS + 6)})
    found = look(tmp_path, table, preview_rows=5)
    assert (found["column_count"], len(found["columns"]), len(found["names"])) == (70, 64, 64)
    assert (len(found["preview"]), found["sampled_rows"]) == (5, 10_000)


def test_no_value_is_kept_when_none_is_wanted(tmp_path: Path) -> None:
    found = look(tmp_path, pa.table({"secret": ["hunter2", "hunter2"]}), preview_rows=0)
    assert found["columns"][0]["nulls"] == 0
    assert "hunter2" not in str(found)


def test_a_file_without_rows_has_columns(tmp_path: Path) -> None:
    found = look(tmp_path, pa.table({"a": pa.array([], pa.int64())}))
    assert [column["path"] for column in found["columns"]] == ["a"]
    assert "preview" not in found
