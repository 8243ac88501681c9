"""``options.sheets: all``: every sheet of a workbook, each in a Parquet file of its own, kept by the portal."""

from __future__ import annotations

import gzip
import io
from typing import Any
from urllib.parse import quote

import openpyxl
import pyarrow.parquet as pq
import pytest

from tests.e2e.test_outputs import get
from tests.e2e.test_uploads import upload
from tests.portal import Portal

SHEETS: dict[str, list[list[Any]]] = {
    "People": [["id", "name"], [1, "Ann"], [2, "Bob"]],
    "Empty": [],
    "Größen & Co": [["size"], [1.5]],
}


def workbook(sheets: dict[str, list[list[Any]]]) -> bytes:
    """An xlsx file with these rows."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def convert(portal: Portal, content: bytes, **fields: Any) -> dict[str, Any]:
    """Upload and convert all sheets."""
    body = {"upload_id": upload(portal, content, "book.xlsx"), "format": "excel", "options": {"sheets": "all"}}
    return portal.post("/convert/file", {**body, **fields})


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_every_sheet_with_a_table_has_its_own_output(portal: Portal, pack: Any) -> None:
    done = convert(portal, pack(workbook(SHEETS)))
    metadata = done["metadata"]
    assert [(one["sheet"], one["rows"]) for one in metadata["outputs"]] == [("People", 2), ("Größen & Co", 1)]
    assert (metadata["rows"], metadata["receipt"]["rows"]) == (3, 3)
    assert metadata["receipt"]["bytes"] == sum(one["receipt"]["bytes"] for one in metadata["outputs"])
    for one in metadata["outputs"]:
        status, headers, content = get(portal, f"{done['output']}?sheet={quote(one['sheet'])}")
        table = pq.read_table(io.BytesIO(content))
        header, *rows = SHEETS[one["sheet"]]
        assert status == 200
        assert headers["ETag"] == f'"{one["receipt"]["sha256"]}"'
        assert (table.column_names, [list(row.values()) for row in table.to_pylist()]) == (header, rows)
    job = portal.request("GET", f"/jobs/{done['job_id']}").body
    assert (job["status"], job["progress"]["rows"]) == ("succeeded", 3)


def test_a_sheet_is_chosen_by_name(portal: Portal) -> None:
    done = convert(portal, workbook(SHEETS))
    answer = portal.request("GET", done["output"])
    assert (answer.status, answer.body["code"]) == (400, "sheet_missing")
    assert "'People', 'Größen & Co'" in answer.body["detail"]
    assert portal.request("GET", f"{done['output']}?sheet=Empty").status == 404
    link = portal.request("POST", f"{done['output']}/link", {"sheet": "People"}).body["url"]
    status, _, content = get(portal, link.removeprefix(portal.url))
    assert (status, pq.read_table(io.BytesIO(content)).num_rows) == (200, 2)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"options": {"sheets": "all", "sheet_index": 0}}, "sheet_index"),
        ({"options": {"sheets": "all", "skip_rows": [1]}}, "skip_rows"),
        ({"options": {"sheets": "some"}}, "sheets"),
        ({"format": "csv"}, "sheets"),
    ],
)
def test_what_goes_with_one_sheet_is_refused_by_name(portal: Portal, fields: dict[str, Any], said: str) -> None:
    body = {"upload_id": upload(portal, workbook(SHEETS)), "format": "excel", "options": {"sheets": "all"}, **fields}
    answer = portal.request("POST", "/convert/file", body)
    assert answer.status == 400
    assert said in answer.body["detail"]


def test_more_sheets_than_there_is_room_for_are_refused(portal: Portal) -> None:
    sheets: dict[str, list[list[Any]]] = {f"S{n}": [["a"], [n]] for n in range(101)}
    body = {"upload_id": upload(portal, workbook(sheets)), "format": "excel", "options": {"sheets": "all"}}
    answer = portal.request("POST", "/convert/file", body)
    assert (answer.status, answer.body["code"]) == (400, "too_many_sheets")
