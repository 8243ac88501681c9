"""Binary and OpenDocument workbooks: what calamine does not tell, and containers that would end it."""

from __future__ import annotations

import datetime as dt
import re
import struct
from pathlib import Path

import pytest
import xlsxwriter

from connectors.errors import UnreadableFile
from connectors.files.excel.sheets import sheets_with_cells
from connectors.source import Context
from tests.files.converting import convert
from tests.files.test_excel_real import DATA, _record, _with_part
from tests.files.workbooks import write_ods, write_xlsx


def test_the_cells_that_a_chart_remembers_are_not_the_sheets() -> None:
    rows = convert((DATA / "chart.xls").read_bytes(), "excel").rows
    assert rows[:5] == [(str(number * 10), number * 100) for number in range(1, 6)]


LIES = {
    "more sectors than there are": (44, 0x01000000, "larger than it is"),
    "a longer list of small sectors": (64, 0x01000000, "larger than it is"),
    "sectors of no size": (30, 0, "no known size"),
    "a directory beyond the end": (48, 0x00FFFFFF, "ends before"),
    "a sector that follows itself": (None, 0, "in circles"),
}


@pytest.mark.parametrize("lie", LIES)
def test_containers_that_lie_are_refused(lie: str) -> None:
    data = bytearray((DATA / "ledger.xls").read_bytes())
    place, value, reason = LIES[lie]
    if place is None:
        directory, first_fat = struct.unpack_from("<I", data, 48)[0], struct.unpack_from("<I", data, 76)[0]
        place, value = (first_fat + 1) * 512 + 4 * directory, directory
    struct.pack_into("<I", data, place, value)
    with pytest.raises(UnreadableFile, match=reason) as caught:
        convert(bytes(data), "excel")
    assert caught.value.http_status == 400


def test_stray_cells_of_xls_are_refused() -> None:
    content = (DATA / "chart.xls").read_bytes()
    number = content.index(struct.pack("<HHHH", 0xBD, 18, 5, 0))
    stray = content[: number + 4] + struct.pack("<HH", 65535, 65535) + content[number + 8 :]
    with pytest.raises(UnreadableFile, match="65536"):
        convert(stray, "excel")


def test_hidden_rows_and_merged_areas_of_xlsb_are_counted(tmp_path: Path) -> None:
    row = _record(0, struct.pack("<I", 4) + bytes(7) + b"\x10" + bytes(13)) + _record(2, bytes(8) + b"\x04\0\0\0")
    merged = b"\xb0\x01\x10" + struct.pack("<4I", 0, 1, 0, 0)
    content = _with_part("ledger.xlsb", "xl/worksheets/sheet1.bin", b"\x92\x01\x00", row, tmp_path)
    messages = [warning.message for warning in convert(content, "excel").warnings]
    assert "1 hidden row was included." in messages
    (tmp_path / "ledger.xlsb").unlink()
    content = _with_part("ledger.xlsb", "xl/worksheets/sheet1.bin", b"\x92\x01\x00", merged, tmp_path)
    assert any(warning.issue == "merged_cells" for warning in convert(content, "excel").warnings)


@pytest.mark.parametrize("name", ["ledger.xls", "ledger.xlsb", "ledger.xlsx", "ledger.ods"])
def test_the_sheets_with_cells_are_listed(name: str, tmp_path: Path) -> None:
    assert sheets_with_cells(DATA / name, Context(tmp_path)) == [(0, "Ledger"), (1, "Hidden one")]


def test_sheets_that_are_charts_are_not_listed(tmp_path: Path) -> None:
    path = tmp_path / "book"
    with xlsxwriter.Workbook(path) as book:
        chart = book.add_chart({"type": "line"})
        book.add_chartsheet("Chart").set_chart(chart)
        sheet = book.add_worksheet("Data")
        sheet.write_column(0, 0, ["a", 1])
        chart.add_series({"values": "=Data!$A$2:$A$2"})
    assert sheets_with_cells(path, Context(tmp_path)) == [(1, "Data")]


def test_texts_without_characters_among_numbers_are_null(tmp_path: Path) -> None:
    content = [[("string", "n"), ("string", "t")], [("float", "1"), ("string", "x")], [("string", ""), ("string", "")]]
    found = convert(write_ods(tmp_path / "x", content).read_bytes(), "excel")
    assert found.rows == [(1, "x"), (None, "")]
    assert found.warnings[0].message == "'n' has 1 text without characters: null."


TIMES = {
    "times of day": (["PT09H05M00S", "PT23H59M59S"], [dt.time(9, 5), dt.time(23, 59, 59)]),
    "durations": (["PT09H05M00S", "PT24H00M00S"], [dt.timedelta(hours=9, minutes=5), dt.timedelta(1)]),
}


@pytest.mark.parametrize("name", TIMES)
def test_times_of_open_document_are_durations_from_a_day_on(tmp_path: Path, name: str) -> None:
    written, wanted = TIMES[name]
    path = write_ods(tmp_path / "x", [[("string", "t")], *([("time", text)] for text in written)])
    assert convert(path.read_bytes(), "excel").table["t"].to_pylist() == wanted


def test_dates_that_east_asian_programs_know_by_number_are_dates(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_string(0, 0, "day")
        sheet.write_number(1, 0, 45351, book.add_format({"num_format": 31}))
    assert convert(path.read_bytes(), "excel").rows == [(dt.date(2024, 2, 29),)]


def test_so_are_those_of_xls() -> None:
    content = (DATA / "never_calculated.xls").read_bytes()
    style = re.compile(rb"(\xe0\0\x14\0..)\xa5\0", re.DOTALL)  # the one that uses the workbook's own yyyy-mm-dd
    assert len(style.findall(content)) == 1
    found = convert(style.sub(lambda match: match[1] + b"\x39\0", content), "excel")
    assert found.rows == convert(content, "excel").rows
    assert dt.date(2024, 2, 29) in found.rows[0]


def test_dates_are_names_in_a_large_sheet_too(tmp_path: Path) -> None:
    path, day = tmp_path / "book.xlsx", dt.datetime(2024, 2, 29)
    with xlsxwriter.Workbook(path, {"constant_memory": True}) as book:
        sheet, style = book.add_worksheet(), book.add_format({"num_format": "yyyy-mm-dd"})
        sheet.write_string(0, 0, "city")
        for place in range(1, 101):
            sheet.write_datetime(0, place, day + dt.timedelta(place), style)
        for row in range(1, 2001):
            sheet.write_row(row, 0, [f"city {row}", *range(100)])
    found = convert(path.read_bytes(), "excel").types
    assert list(found)[:2] == ["city", "2024-03-01"]
    assert set(found.values()) == {"string", "int64"}


def test_dates_in_few_bytes_short_cells_and_rich_texts_of_xlsb_come_back(tmp_path: Path) -> None:
    day, short, rich = (45351 << 2) | 2, (7 << 2) | 2, b"\0" + struct.pack("<I", 2) + "hi".encode("utf-16-le")
    cells = _record(0, struct.pack("<I", 4) + bytes(21)) + _record(2, struct.pack("<IIi", 0, 0, 5 << 2 | 2))
    cells += _record(13, struct.pack("<Ii", 2, day)) + _record(12, bytes(4)) + _record(15, bytes(4) + b"\1")
    cells += _record(62, struct.pack("<II", 4, 0) + rich) + _record(13, struct.pack("<Ii", 0, short))
    found = convert(_with_part("ledger.xlsb", "xl/worksheets/sheet1.bin", b"\x92\x01\x00", cells, tmp_path), "excel")
    last = {name: values[-1] for name, values in found.table.to_pydict().items()}
    assert last["id"] == 5
    assert (last["day"], last["moment"], last["paid"]) == (dt.date(2024, 2, 29), None, True)
    assert (last["city"], last["code"]) == ("hi", "7")


def test_formats_that_xls_numbers_in_its_own_way_are_known() -> None:
    content = (DATA / "never_calculated.xls").read_bytes()
    own, other = b"\xa5\0", b"\x3c\0"  # yyyy-mm-dd
    style = re.compile(rb"(\xe0\0\x14\0..)" + own, re.DOTALL)
    renumbered = style.sub(lambda match: match[1] + other, content)
    described = re.sub(rb"(\x1e\x04..)" + own, lambda match: match[1] + other, renumbered, flags=re.DOTALL)
    assert described.count(other) > content.count(other)
    assert convert(described, "excel").rows == convert(content, "excel").rows


def test_formulas_of_xls_that_give_dates_are_dates() -> None:
    content, plain, day = (DATA / "ledger.xls").read_bytes(), 0x0F, 0x16  # styles
    for row in (5, 6, 7):
        cell = struct.pack("<HHH", row, 10, plain)
        assert content.count(cell) == 1
        content = content.replace(cell, struct.pack("<HHH", row, 10, day))
    assert convert(content, "excel").table["calc"].to_pylist()[:3] == ["1900-01-02", "1900-01-04", "1900-01-06"]


@pytest.mark.parametrize("kind", [0x206, 0x406])
def test_formulas_of_xls_under_their_former_numbers_are_formulas(kind: int) -> None:
    content = (DATA / "ledger.xls").read_bytes()
    renumbered = re.sub(rb"\x06\0(?=[\x16-\x40]\0[\5-\7]\0\x0a\0)", struct.pack("<H", kind), content)
    assert renumbered != content
    assert convert(renumbered, "excel").table.equals(convert(content, "excel").table)


def test_an_area_of_an_unknown_form_and_whole_workbooks_of_it_are_read(tmp_path: Path) -> None:
    content = (DATA / "ledger.xls").read_bytes()
    area, with_row_below = rb"\x00\x02\x0e\x00(?=.{14}\x08\x02\x10\x00)", b"\x00\x02\x22\x00"
    longer = re.sub(area, with_row_below, content, flags=re.DOTALL)
    assert longer != content
    assert convert(longer, "excel").table.equals(convert(content, "excel").table)
    path = tmp_path / "ledger.xls"
    path.write_bytes(longer)
    assert sheets_with_cells(path, Context(tmp_path)) == sheets_with_cells(DATA / "ledger.xls", Context(tmp_path))


CODE_PAGES = {
    "1252 where texts are Unicode": (b"\xe4\4", b"\0\6", None),
    "several bytes to a character in Excel 95": (b"\xa4\3", b"\0\5", "Excel 5 or 95 in the code page 932"),
}


@pytest.mark.parametrize("name", CODE_PAGES)
def test_texts_of_xls_are_read_by_its_version_and_code_page(name: str) -> None:
    codepage, version, refusal = CODE_PAGES[name]
    content = (DATA / "ledger.xls").read_bytes()
    changed = content.replace(b"\x42\0\2\0\xb0\4", b"\x42\0\2\0" + codepage)
    changed = changed.replace(b"\x09\x08\x10\0\0\6", b"\x09\x08\x10\0" + version)
    assert changed != content
    if refusal is None:
        assert convert(changed, "excel").table.equals(convert(content, "excel").table)
        return
    with pytest.raises(UnreadableFile, match=refusal):
        convert(changed, "excel")


def test_an_unknown_name_in_a_formula_is_an_error_cell(tmp_path: Path) -> None:
    found = convert(write_xlsx(tmp_path / "x", [["a", "b"], [1, "#NAME?"], [2, 3]]).read_bytes(), "excel")
    assert found.rows == [(1, "#NAME?"), (2, "3")]
    assert found.issues == ["error_cells"]


def test_hidden_columns_are_named(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["a", "b", "c", "d"])
        sheet.write_row(1, 0, [1, 2, 3, 4])
        sheet.set_column(1, 2, None, None, {"hidden": True})
    found = convert(path.read_bytes(), "excel")
    assert found.rows == [(1, 2, 3, 4)]
    assert [warning.message for warning in found.warnings] == ["2 hidden columns were included: 'b', 'c'."]


@pytest.mark.parametrize("kind", ["auto", "excel"])
@pytest.mark.parametrize("head", [b"\x09\0\4\0\2\0\x10\0", b"\x09\2\6\0\0\3\x10\0", b"\x09\4\6\0\0\4\x10\0"])
def test_workbooks_older_than_all_that_is_read_are_called_so(head: bytes, kind: str) -> None:
    with pytest.raises(UnreadableFile, match="a workbook of Excel 4 or older"):
        convert(head + bytes(100), kind)


def test_names_and_formulas_of_excel_95_are_passed_over() -> None:
    content = (DATA / "ledger.xls").read_bytes().replace(b"\x09\x08\x10\0\0\6", b"\x09\x08\x10\0\0\5")
    content = content.replace(b"\x42\0\2\0\xb0\4", b"\x42\0\2\0\xe4\4")
    formula = struct.pack("<HHH", 5, 10, 0x0F)  # its numbers, behind the kind and the length of the record
    assert content.count(formula) == 1
    at = content.index(formula)
    misread = content[: at + 20] + b"\xff\xff" + content[at + 22 :]  # a text longer than its record
    assert (
        convert(misread, "excel", sheet_index=0, has_header=False).types
        == convert(content, "excel", sheet_index=0, has_header=False).types
    )
