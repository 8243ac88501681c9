"""``POST /infer/schema``: the types that a conversion writes, and what the sample looks like."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Converter
from tests.portal import Portal

MIXED = (
    b"id,mail,when,ratio,code,maybe\n"
    + b"".join(b"%d,user%d@example.com,2024-01-%02d,%d.5,0%d,\n" % (n, n, n % 28 + 1, n, n) for n in range(1500))
    + b"1500,last@example.com,2024-02-01,2.25,0x,7\n"
)


def infer(converter: Converter, content: bytes, kind: str, **fields: Any) -> dict[str, Any]:
    """The answer of ``POST /infer/schema``."""
    converter.store.put(converter.source, content)
    body = {"source_url": converter.store.presign("GET", converter.source), "format": kind, **fields}
    return converter.portal.post("/infer/schema", body)


def test_the_types_are_those_that_convert_writes(converter: Converter) -> None:
    inferred = infer(converter, MIXED, "csv", sample_size=10)
    metadata, _ = converter.convert(MIXED, "csv")
    assert [(column["name"], column["inferred_type"]) for column in inferred["schema"]["columns"]] == [
        (field["name"], field["type"]) for field in metadata["column_schema"]["fields"]
    ]


def test_the_sample_is_described(converter: Converter) -> None:
    answer = infer(converter, MIXED, "csv", sample_size=100)
    schema = answer["schema"]
    assert (schema["total_rows"], schema["total_columns"], schema["file_size_bytes"]) == (100, 6, len(MIXED))
    columns = {column["name"]: column for column in schema["columns"]}
    assert (columns["id"]["min_value"], columns["id"]["max_value"], columns["id"]["unique_count"]) == (0, 99, 100)
    assert columns["mail"]["detected_format"] == "email"
    assert columns["mail"]["sample_values"][:2] == ["user0@example.com", "user1@example.com"]
    assert len(columns["mail"]["sample_values"]) == 5
    assert (columns["maybe"]["nullable"], columns["maybe"]["null_count"]) == (True, 100)
    assert len(answer["sample_data"]) == 100
    assert answer["sample_data"][3]["when"] == "2024-01-04"
    issues = {(warning["column"], warning["issue"]) for warning in answer["warnings"]}
    assert ("maybe", "high_null_percentage") in issues


def test_an_empty_table_has_a_schema(converter: Converter) -> None:
    answer = infer(converter, b"id,name\n", "csv")
    assert answer["schema"]["total_rows"] == 0
    assert [column["name"] for column in answer["schema"]["columns"]] == ["id", "name"]
    assert answer["sample_data"] == []


def test_values_that_json_cannot_hold_are_strings(converter: Converter) -> None:
    content = b"big,exact,nano\n9007199254740993,12345678901234567.89,2024-01-01T00:00:00.123456789\n"
    row = infer(converter, content, "csv")["sample_data"][0]
    assert row["big"] == "9007199254740993"
    assert row["exact"] == "12345678901234567.89"
    assert row["nano"].startswith("2024-01-01T00:00:00.123456789")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["a@b.example", "c@d.example"], "email"),
        (["https://example.com/a", "http://example.com"], "url"),
        (["+49 30 123456", "(030) 12 34 56 78"], "phone"),
        (["7f1b7e0a-9c63-4a2e-8f0f-0d9f7a5f4c11"] * 2, "uuid"),
        (["03/04/2024", "05/06/2024"], "date"),
        (["10.0.0.1", "192.168.1.20"], "ipv4"),
        (['{""a"": 1}', "[1]"], "json"),
        (["plain", "text"], None),
    ],
)
def test_formats_are_detected(converter: Converter, values: list[str], expected: str | None) -> None:
    content = "n,value\n" + "".join(f'{number},"{value}"\n' for number, value in enumerate(values))
    columns = infer(converter, content.encode(), "csv")["schema"]["columns"]
    assert columns[1]["detected_format"] == expected


@pytest.mark.parametrize("size", [0, 10_001, "many"])
def test_a_sample_size_out_of_bounds_is_refused(portal: Portal, converter: Converter, size: Any) -> None:
    converter.store.put(converter.source, MIXED)
    body = {"source_url": converter.store.presign("GET", converter.source), "format": "csv", "sample_size": size}
    answer = portal.request("POST", "/infer/schema", body)
    assert answer.status == 400
    assert "sample_size" in answer.body["detail"]
