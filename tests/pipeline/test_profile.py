"""What ``/infer/schema`` says of values that Python or JSON do not hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from conversions.pipeline.assignment import Assignment, Limits
from conversions.pipeline.jobs import perform

LIMITS = Limits(60, None, None, 5, False, None, 1, 0)
FAR = 2**62
NANOS, ZONED = pa.timestamp("ns"), pa.timestamp("ms", "Europe/Berlin")
FIRST = "1970-01-01T00:00:00"


def infer(directory: Path, column: pa.Array) -> dict[str, Any]:
    """The answer for a Parquet file of one column."""
    pq.write_table(pa.table({"c": column}), directory / "input.parquet")
    request: dict[str, Any] = {"source_path": str(directory / "input.parquet"), "format": "parquet", "options": {}}
    request |= {"sample_size": 10, "row_group_size": 100}
    assignment = Assignment("schema", "id", 1, "id", FIRST, request, LIMITS, {}, directory)
    found: dict[str, Any] = perform(assignment.as_json(), lambda _progress: None)["result"]
    return found


VALUES: dict[str, tuple[pa.Array, str, Any]] = {
    "nanoseconds": (pa.array([1], NANOS), "Datetime(time_unit='ns')", FIRST + ".000000001"),
    "whole microseconds": (pa.array([1000], NANOS), "Datetime(time_unit='ns')", FIRST + ".000001"),
    "a time of day": (pa.array([1], pa.time64("ns")), "Time", "00:00:00.000000001"),
    "a duration": (pa.array([1], pa.duration("ns")), "Duration", "1E-9"),
    "a far day": (pa.array([2_932_897], pa.date32()), "Date", "10000-01-01"),
    "a very far moment": (
        pa.array([FAR], ZONED),
        "Datetime(time_unit='ms', time_zone='Europe/Berlin')",
        f"<value out of range: {FAR}>",
    ),
    "no such zone": (pa.array([0], pa.timestamp("us", "Z")), "Datetime(time_zone='Z')", FIRST + ".000000Z"),
    "in a list": (pa.array([[1]], pa.list_(NANOS, 1)), "List(Datetime(time_unit='ns'))", [FIRST + ".000000001"]),
    "in a map": (
        pa.array([[("k", 1)]], pa.map_(pa.string(), NANOS)),
        "Map(String, Datetime(time_unit='ns'))",
        [["k", FIRST + ".000000001"]],
    ),
    "in a struct of names alike": (
        pa.StructArray.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"]),
        "Struct({'a': Int64, 'a': Int64})",
        {"a": 1, "a_2": 2},
    ),
    "texts kept as views": (pa.array(["x"], pa.string_view()), "String", "x"),
}


@pytest.mark.parametrize("name", VALUES)
def test_every_value_is_shown(tmp_path: Path, name: str) -> None:
    column, kind, shown = VALUES[name]
    answer = infer(tmp_path, column)
    (found,) = answer["schema"]["columns"]
    assert (found["inferred_type"], found["sample_values"]) == (kind, [shown])
    assert answer["sample_data"] == [{"c": shown}]
    assert found["min_value"] in {None, shown} if isinstance(shown, str) else found["min_value"] is None
