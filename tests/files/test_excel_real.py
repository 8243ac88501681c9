"""Workbooks that other programs wrote, in ``data``: LibreOffice (xls, xlsx, ods), xlwt (xls), pyxlsbwriter (xlsb)."""

from __future__ import annotations

import datetime as dt
import shutil
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import UnreadableFile
from connectors.files.opening import list_sheets
from connectors.source import Context
from tests.files.converting import convert
from tests.files.workbooks import replace_part, write_ods

DATA = Path(__file__).parent / "data"
LEDGER: dict[str, list[Any]] = {
    "id": [1, 2, 3, -4],
    "day": [dt.date(2024, 2, 29), dt.date(1999, 12, 31), None, dt.date(2030, 1, 1)],
    "moment": [
        dt.datetime(2024, 2, 29, 13, 45, 30),
        dt.datetime(1999, 12, 31, 23, 59, 59),
        None,
        dt.datetime(2030, 1, 1, 0, 0, 1),
    ],
    "at": [dt.time(9, 5), dt.time(23, 59, 59), None, dt.time(0)],
    "took": [dt.timedelta(hours=30, minutes=5), dt.timedelta(seconds=1), None, dt.timedelta(days=3)],
    "paid": [True, False, None, True],
    "city": ["Zürich", "東京", None, "Łódź 😀"],
    "code": ["007", "1e5", "0", "12"],
    "ref": ["10", "n/a", "2.5", "true"],
    "calc": ["2", "4", "6", "t-4"],
    "error": [None, "#DIV/0!", "#N/A", "5"],
    "share": [0.1, 1 / 3, -2.5, 12345678.25],
    "note": [None, "a\nb", " x ", "merged"],
}


def read(name: str, **options: Any) -> Any:
    return convert((DATA / name).read_bytes(), "excel", **options)


@pytest.mark.parametrize("name", ["ledger.xls", "ledger_1904.xls", "ledger.xlsx", "ledger.ods"])
def test_every_cell_of_a_libreoffice_workbook_comes_back(name: str) -> None:
    found = read(name)
    wanted = dict(LEDGER)
    if not name.endswith("xls"):
        wanted["share"] = [0.1, 0.333333333333333, -2.5, 12345678.25]  # LibreOffice writes 15 digits into XML
    assert found.table.to_pydict() == wanted
    assert found.facts["header_row"] == 5
    assert found.facts["sheets"] == ["Ledger", "Hidden one", "Nothing"]
    assert {"rows_above_header", "mixed_types", "error_cells"} <= set(found.issues)


@pytest.mark.parametrize("name", ["ledger.xls", "ledger.xlsb", "ledger.xlsx", "ledger.ods"])
def test_a_hidden_sheet_is_read_when_asked_for_and_reported(name: str) -> None:
    found = read(name, sheet_name="Hidden one")
    assert found.rows == [("a", 1)]
    assert found.issues == ["hidden_sheet"]


@pytest.mark.parametrize("name", ["ledger.xls", "ledger.xlsx", "ledger.ods"])
def test_hidden_rows_and_merged_areas_are_counted(name: str) -> None:
    messages = {warning.issue: warning.message for warning in read(name).warnings}
    assert messages["hidden_rows"].startswith("1 hidden")
    assert messages["merged_cells"].startswith("2 merged")


@pytest.mark.parametrize("name", ["ledger.xls", "ledger.xlsx", "ledger.ods"])
def test_a_sheet_without_cells_is_refused(name: str) -> None:
    with pytest.raises(UnreadableFile, match="'Nothing' is empty"):
        read(name, sheet_index=2)


@pytest.mark.parametrize("name", ["password.xls", "password.xlsx", "password.ods"])
def test_a_workbook_with_a_password_is_refused(name: str) -> None:
    with pytest.raises(UnreadableFile, match="encrypted with a password") as caught:
        read(name)
    assert (caught.value.code, caught.value.http_status) == ("encrypted_file", 400)


def test_formulas_of_xls_that_were_never_calculated_are_reported() -> None:
    found = read("never_calculated.xls")
    day, moment = dt.date(2024, 2, 29), dt.datetime(2024, 2, 29, 13, 45, 30)
    assert found.rows == [
        (1, "Ünïcödé €", day, moment, dt.time(9, 5), dt.timedelta(hours=30), False, "", "ab", 0.1),
        (2, "007", day, moment, dt.time(9, 5), dt.timedelta(hours=30), True, "", "ab", 1e-300),
    ]
    assert [warning.message for warning in found.warnings] == [
        "'formula' has 2 empty texts: formulas without a stored result read like this."
    ]


def test_every_cell_of_a_binary_workbook_comes_back() -> None:
    found = read("ledger.xlsb").table.to_pydict()
    rows = [0, 1, 3]
    wanted = {name: [LEDGER[name][row] for row in rows] for name in found}
    wanted |= {
        "day": [*LEDGER["day"][:2], None],
        "moment": [*LEDGER["moment"][:2], None],
        "paid": [True, False, None],
        "city": ["Zürich", "東京", "Łódź"],
        "code": ["007", "1e5", "0"],
        "ref": ["10", "n/a", "2.5"],
        "note": [None, "a\nb", " x "],
    }
    assert found == wanted


def test_errors_formulas_and_short_numbers_of_a_binary_workbook_come_back(tmp_path: Path) -> None:
    formula = struct.pack("<HIB", 0, 3, 0x1E) + b"\x01\0" + bytes(4)
    text = "Łatwy"
    cells = [
        (2, struct.pack("<i", (1234 << 2) | 3)),  # a hundredth of 1234
        (11, b"\x2a" + formula),  # #N/A
        (9, struct.pack("<d", 2.5) + formula),
        (10, b"\x01" + formula),
        (8, struct.pack("<I", len(text)) + text.encode("utf-16-le") + formula),
        (3, b"\x07"),  # #DIV/0!
    ]
    row = _record(0, struct.pack("<I", 4) + bytes(21))
    for place, (kind, body) in enumerate(cells):
        row += _record(kind, struct.pack("<II", place, 0) + body)
    found = convert(_with_part("ledger.xlsb", "xl/worksheets/sheet1.bin", b"\x92\x01\x00", row, tmp_path), "excel")
    last = {name: values[-1] for name, values in found.table.to_pydict().items()}
    assert (last["id"], last["day"], last["moment"]) == (12.34, "#N/A", "2.5")
    assert (last["paid"], last["city"], last["code"]) == (True, "Łatwy", "#DIV/0!")


def _record(kind: int, body: bytes) -> bytes:
    return bytes([kind, len(body)]) + body


def _with_part(name: str, part: str, before: bytes, inserted: bytes, tmp_path: Path) -> bytes:
    path = tmp_path / name
    shutil.copy(DATA / name, path)
    with zipfile.ZipFile(path) as archive:
        content = archive.read(part)
    assert content.count(before) == 1
    replace_part(path, part, content.replace(before, inserted + before))
    return path.read_bytes()


def test_the_days_of_a_binary_workbook_count_from_1904_where_it_says_so(tmp_path: Path) -> None:
    path = tmp_path / "ledger.xlsb"
    shutil.copy(DATA / path.name, path)
    with zipfile.ZipFile(path) as archive:
        content = archive.read("xl/workbook.bin")
    replace_part(path, "xl/workbook.bin", content.replace(b"\x99\x01\x0c\x20", b"\x99\x01\x0c\x21"))
    assert convert(path.read_bytes(), "excel").table["day"][0].as_py() == dt.date(2028, 3, 1)


ODS_TEXTS = {
    "tabs, spaces and line ends": (
        'a<text:s text:c="3"/>b<text:tab/>c<text:line-break/>d</text:p><text:p>e', "a   b\tc\nd\ne",
    ),
    "parts in their own style": ("a<text:span>b<text:span>c</text:span></text:span> <text:a>d</text:a>", "abc d"),
    "a comment": ('</text:p><office:annotation><text:p>not me</text:p></office:annotation><text:p>e', "\ne"),
}  # fmt: skip


@pytest.mark.parametrize("name", ODS_TEXTS)
def test_texts_of_open_document_are_read_as_they_are_shown(tmp_path: Path, name: str) -> None:
    text, wanted = ODS_TEXTS[name]
    cell = f'<table:table-cell office:value-type="string"><text:p>{text}</text:p></table:table-cell>'
    path = write_ods(tmp_path / "x", [[("string", "t")]], f"<table:table-row>{cell}</table:table-row>")
    assert convert(path.read_bytes(), "excel").rows == [(wanted,)]


def test_cells_that_open_document_repeats_are_all_there(tmp_path: Path) -> None:
    cell = '<table:table-cell table:number-columns-repeated="2" office:value-type="float" office:value="7"/>'
    row = f'<table:table-row table:number-rows-repeated="3">{cell}</table:table-row>'
    path = write_ods(tmp_path / "x", [[("string", "a"), ("string", "b")]], row)
    assert convert(path.read_bytes(), "excel").rows == [(7, 7)] * 3


ODD_ODS_VALUES = {
    "the last day of 1899": ("date", "1899-12-31", dt.date(1899, 12, 31)),
    "nanoseconds": ("date", "2024-01-01T00:00:00.123456789", "2024-01-01T00:00:00.123456789"),
    "a year beyond": ("date", "12024-01-01", "12024-01-01"),
    "a duration beyond": ("time", "PT99999999999999H", "PT99999999999999H"),
    "more digits than a double has": ("float", "1234567890123456789", 1234567890123456789),
    "half a second": ("time", "-PT0H0M0.5S", dt.timedelta(seconds=-0.5)),
}


@pytest.mark.parametrize("name", ODD_ODS_VALUES)
def test_odd_values_of_open_document_are_kept(tmp_path: Path, name: str) -> None:
    kind, value, wanted = ODD_ODS_VALUES[name]
    path = write_ods(tmp_path / "x", [[("string", "t")], [(kind, value)]])
    assert convert(path.read_bytes(), "excel").rows == [(wanted,)]


def test_formulas_of_open_document_without_a_result_are_located(tmp_path: Path) -> None:
    cells = (
        '<table:table-cell office:value-type="float" office:value="1"/><table:table-cell table:formula="of:=[.A2]"/>'
    )
    rows = f"<table:table-row>{cells}</table:table-row>"
    found = convert(write_ods(tmp_path / "x", [[("string", "a"), ("string", "b")]], rows).read_bytes(), "excel")
    assert found.rows == [(1, None)]
    assert [warning.message for warning in found.warnings] == ["1 formula without a stored result, so null: B2."]


@pytest.mark.parametrize(
    ("kind", "target", "rows"),
    [
        (b"worksheet", "/xl/worksheets/sheet2.bin", [("a", 1)]),
        (b"worksheet", "sheets/second.bin", [("a", 1)]),
        (b"xlMacrosheet", "macrosheets/sheet1.bin", None),
    ],
)
def test_sheets_of_xlsb_may_be_anywhere_and_hold_macros(
    tmp_path: Path, kind: bytes, target: str, rows: list[Any] | None
) -> None:
    path, relations = tmp_path / "moved.xlsb", "xl/_rels/workbook.bin.rels"
    part = target.removeprefix("/") if target.startswith("/") else f"xl/{target}"
    with zipfile.ZipFile(DATA / "ledger.xlsb") as archive, zipfile.ZipFile(path, "w") as copy:
        for name in archive.namelist():
            copy.writestr(part if name == "xl/worksheets/sheet2.bin" else name, archive.read(name))
        before, after = archive.read(relations).split(b'worksheet" Target="worksheets/sheet2.bin"')
    replace_part(path, relations, before + kind + b'" Target="' + target.encode() + b'"' + after)
    assert convert(path.read_bytes(), "excel").table.to_pydict() == read("ledger.xlsb").table.to_pydict()
    assert list_sheets(path, "excel", Context(tmp_path)) == [(0, "Ledger"), (1, "Hidden one")][: 2 if rows else 1]
    if rows:
        assert convert(path.read_bytes(), "excel", sheet_index=1).rows == rows
        return
    with pytest.raises(UnreadableFile, match="'Hidden one' is not a worksheet"):
        convert(path.read_bytes(), "excel", sheet_index=1)
