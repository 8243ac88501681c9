"""``POST /convert/file`` from end to end: real gunicorn, qcluster, engine and object store."""

from __future__ import annotations

import gzip
import io
import json
from decimal import Decimal
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conftest import Converter
from tests.portal import Portal
from tests.store.client import ObjectStore

PEOPLE = b"id,name,score,joined\n1,Ann,1.5,2024-01-31\n2,Bob,2.25,2024-02-29\n3,,3.125,2024-03-01\n"


def workbook(*rows: list[Any]) -> bytes:
    """An .xlsx of one sheet."""
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def parquet(table: pa.Table) -> bytes:
    """A Parquet file."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


CONTENTS = {
    "csv": PEOPLE,
    "tsv": PEOPLE.replace(b",", b"\t"),
    "json": json.dumps([{"id": 1, "name": "Ann"}, {"id": 2, "name": "Bob"}, {"id": 3, "name": None}]).encode(),
    "excel": workbook(["id", "name"], [1, "Ann"], [2, "Bob"], [3, None]),
    "parquet": parquet(pa.table({"id": [1, 2, 3], "name": ["Ann", "Bob", None]})),
}


@pytest.mark.parametrize("kind", CONTENTS)
@pytest.mark.parametrize("said", ["by name", "auto"])
def test_it_converts_every_format(converter: Converter, kind: str, said: str) -> None:
    metadata, table = converter.convert(CONTENTS[kind], kind if said == "by name" else "auto")
    assert table["id"].to_pylist() == [1, 2, 3]
    assert table["name"].to_pylist() == ["Ann", "Bob", None]
    assert metadata["source"]["format"] == ("csv" if (kind, said) == ("tsv", "auto") else kind)
    assert metadata["source_type"] == "file"


def test_the_answer_is_v3s(converter: Converter) -> None:
    body = converter.portal.post("/convert/file", converter.request(PEOPLE, "csv"))
    assert body["success"] is True
    assert body["error"] is None
    metadata = body["metadata"]
    assert (metadata["rows"], metadata["columns"], metadata["rows_skipped"]) == (3, 4, 0)
    assert metadata["warnings"] is None
    assert metadata["column_schema"]["format"] == "parquet"
    assert [(field["name"], field["type"]) for field in metadata["column_schema"]["fields"]] == [
        ("id", "Int64"),
        ("name", "String"),
        ("score", "Float64"),
        ("joined", "Date"),
    ]
    delivered = converter.store.get(converter.output)
    assert metadata["receipt"]["bytes"] == len(delivered)
    assert metadata["receipt"]["verified"] == "md5"
    assert metadata["file_size_mb"] == round(len(delivered) / 2**20, 4)


@pytest.mark.parametrize(("compression", "codec"), [("snappy", "SNAPPY"), ("zstd", "ZSTD"), ("none", "UNCOMPRESSED")])
def test_the_compression_is_the_one_asked_for(converter: Converter, compression: str, codec: str) -> None:
    converter.convert(PEOPLE, "csv", compression=compression)
    footer = pq.read_metadata(io.BytesIO(converter.store.get(converter.output)))
    assert footer.row_group(0).column(0).compression == codec


def test_row_groups_have_the_size_asked_for(converter: Converter) -> None:
    content = b"n\n" + b"".join(b"%d\n" % number for number in range(2500))
    metadata, _ = converter.convert(content, "csv", options={"row_group_size": 1000})
    footer = pq.read_metadata(io.BytesIO(converter.store.get(converter.output)))
    assert [footer.row_group(index).num_rows for index in range(footer.num_row_groups)] == [1000, 1000, 500]
    assert metadata["row_groups"] == 3


def test_the_file_says_where_it_comes_from_without_secrets(converter: Converter) -> None:
    _, table = converter.convert(PEOPLE, "csv")
    said = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
    assert said["tundra.service"] == "halatio-tundra"
    assert said["tundra.source"].endswith(converter.source)
    assert "Signature" not in str(said)


def test_columns_are_renamed_and_rows_left_out(converter: Converter) -> None:
    metadata, table = converter.convert(
        PEOPLE, "csv", options={"column_mapping": {"name": "who"}, "skip_rows": [0, 2, 99]}
    )
    assert table.column_names == ["id", "who", "score", "joined"]
    assert table["id"].to_pylist() == [2]
    assert metadata["rows_skipped"] == 2


def test_an_override_applies_under_the_old_and_the_new_name(converter: Converter) -> None:
    _, table = converter.convert(
        PEOPLE,
        "csv",
        options={"column_mapping": {"score": "points"}, "type_overrides": {"points": "Decimal(10,3)", "id": "String"}},
    )
    assert table["points"].to_pylist() == [Decimal("1.500"), Decimal("2.250"), Decimal("3.125")]
    assert table["id"].to_pylist() == ["1", "2", "3"]


def test_an_override_that_does_not_fit_keeps_the_type_and_warns(converter: Converter) -> None:
    metadata, table = converter.convert(PEOPLE, "csv", options={"type_overrides": {"name": "Int64"}})
    assert table["name"].to_pylist() == ["Ann", "Bob", None]
    assert any("name" in warning and "Ann" in warning for warning in metadata["warnings"])


def test_compressed_input_is_recognised_by_its_bytes(converter: Converter) -> None:
    metadata, table = converter.convert(gzip.compress(PEOPLE), "csv")
    assert table.num_rows == 3
    assert metadata["source"]["compression"] == "gzip" or metadata["source"]["compression"] == "gz"


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"source_url": None}, "source_url", "null"),
        ({"format": "xml"}, "format", "xml"),
        ({"formatt": "csv"}, "formatt", "Unknown field"),
        ({"options": {"delimeter": ";"}}, "options.delimeter", "Unknown field"),
        ({"options": {"type_overrides": {"id": "Int65"}}}, "type", "Int65"),
        ({"options": {"delimiter": "|" * 9}}, "options.delimiter", "8 characters"),
        ({"options": {"sheet_name": "a", "sheet_index": 1}}, "options.sheet_index", "not both"),
        ({"compression": "gzip"}, "compression", "gzip"),
        ({"compression": "snappy", "compression_level": 3}, "compression_level", "zstd"),
        ({"row_group_size": 0}, "row_group_size", "greater than or equal to 1"),
    ],
)
def test_malformed_requests_are_refused_by_name(
    converter: Converter, change: dict[str, Any], field: str, said: str
) -> None:
    answer = (
        converter.try_(PEOPLE, "csv", **change)
        if "format" not in change
        else converter.portal.request("POST", "/convert/file", {**converter.request(PEOPLE, "csv"), **change})
    )
    assert answer.status == 400, answer.body
    assert field in answer.body["detail"]
    assert said in answer.body["detail"]
    assert isinstance(answer.body["detail"], str)
    assert answer.body["code"]
    assert not converter.store.exists(converter.output)


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"format": "\\ud800"}', "application/json", 400),
        (b'{"format": NaN}', "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"format=csv", "application/x-www-form-urlencoded", 415),
        (b" " * (9 * 2**20), "application/json", 413),
    ],
)
def test_bodies_that_are_no_request_are_refused(portal: Portal, body: bytes, content_type: str, status: int) -> None:
    answer = portal.request("POST", "/convert/file", body, Content_Type=content_type)
    assert answer.status == status, answer.body
    assert isinstance(answer.body["detail"], str)


@pytest.mark.parametrize(
    ("content", "kind", "status", "said"),
    [
        (b"", "csv", 400, "empty"),
        (b"a,b\n1,2\n3\n", "csv", 400, "line 3"),
        (b"a,b\n1,2\n3,4,5\n", "csv", 400, "line 3"),
        (b'a,b\n1,"2\n', "csv", 400, "quote"),
        (b"<!doctype html><html><body>no</body></html>", "csv", 400, "HTML"),
        (b"%PDF-1.7 not a table", "csv", 400, "PDF"),
        (CONTENTS["excel"], "csv", 400, "Excel"),
        (b"[1, 2", "json", 400, ""),
        (CONTENTS["parquet"][:-20], "parquet", 400, ""),
        (b"PK\x03\x04 broken", "excel", 400, ""),
        (gzip.compress(b"a\n" + b"1\n" * 12_000_000), "csv", 413, "20 MB"),
    ],
)
def test_files_that_are_not_what_they_should_be_are_refused_with_a_reason(
    converter: Converter, content: bytes, kind: str, status: int, said: str
) -> None:
    answer = converter.try_(content, kind)
    assert answer.status == status, answer.body
    assert said.lower() in answer.body["detail"].lower()
    assert not converter.store.exists(converter.output)


def test_rows_that_were_left_out_are_kept_on_the_job(converter: Converter) -> None:
    metadata, table = converter.convert(b"a,b\n1,2\n3\n4,5\n6,7,8\n", "csv", options={"on_bad_row": "skip"})
    assert table["a"].to_pylist() == [1, 4]
    assert metadata["rows_skipped"] == 2
    rejects = converter.portal.request("GET", metadata["rejects"]).body
    assert [json.loads(line)["line"] for line in rejects.splitlines()] == [3, 5]
    whole, _ = converter.convert(b"a\n1\n", "csv")
    assert whole["rejects"] is None


def test_an_unknown_column_is_named_with_those_there_are(converter: Converter) -> None:
    answer = converter.try_(PEOPLE, "csv", options={"column_mapping": {"nome": "name"}})
    assert answer.status == 400
    assert "nome" in answer.body["detail"]
    assert "joined" in answer.body["detail"]


def test_two_columns_cannot_get_one_name(converter: Converter) -> None:
    answer = converter.try_(PEOPLE, "csv", options={"column_mapping": {"name": "id"}})
    assert (answer.status, answer.body["code"]) == (400, "column_name_clash")


def test_nothing_secret_is_shown_or_kept(portal: Portal, converter: Converter, store: ObjectStore) -> None:
    request = converter.request(PEOPLE, "csv")
    job_id = portal.post("/convert/file", request)["job_id"]
    signature = request["output_url"].rpartition("X-Amz-Signature=")[2]
    job = json.dumps(portal.request("GET", f"/jobs/{job_id}").body)
    database = b"".join(path.read_bytes() for path in portal.data_dir.glob("db.sqlite3*"))
    assert converter.output in job
    assert signature not in job
    assert signature.encode() not in database
    assert signature not in portal.output
