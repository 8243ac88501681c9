"""Workbooks: where cells stand, however they are written, and where the table begins below a preface."""

from __future__ import annotations

import datetime as dt
import re
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter

from connectors.errors import UnreadableFile
from tests.files.converting import Converted, convert
from tests.files.workbooks import replace_part, write_xlsx

SHEET = "xl/worksheets/sheet1.xml"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
DAY = dt.datetime(2024, 2, 29)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "book.xlsx"


def read(path: Path, **options: Any) -> Converted:
    return convert(path.read_bytes(), "excel", **options)


def read_rows(path: Path, rows: str) -> Converted:
    """A sheet of the names a and b, and these rows of XML."""
    head = '<row r="1"><c r="A1" t="str"><v>a</v></c><c r="B1" t="str"><v>b</v></c></row>'
    sheet = f'<worksheet xmlns="{MAIN}"><sheetData>{head}{rows}</sheetData></worksheet>'
    return read(replace_part(write_xlsx(path, [["a"]]), SHEET, sheet.encode()))


def two(row: str, first: str, second: str) -> str:
    return f"<row{row}><c{first}><v>1</v></c><c{second}><v>2</v></c></row>"


PLAIN = two(' r="2"', ' r="A2"', ' r="B2"')
WAYS = {
    "no places": two(' r="2"', "", ""),
    "no places at all": two("", "", ""),
    "small letters": two(' r="2"', ' r="a2"', ' r="b2"'),
    "single quotes": two(" r='2'", " r='A2'", " r='B2'"),
    "spaces": two(' r = "2"', ' r = "A2"', ' r = "B2"'),
    "the style first": two(' spans="1:2" r="2"', ' s="0" r="A2"', ' s="0" r="B2"'),
    "a comment": f'<!-- <c s="1" r="XFD1048576"> -->{PLAIN}',
    "formats far away": f'{PLAIN}<row r="1048576"><c r="XFD1048576" s="0"/></row>',
}


@pytest.mark.parametrize("way", WAYS)
def test_cells_may_say_where_they_are_in_any_way(path: Path, way: str) -> None:
    assert read_rows(path, WAYS[way]).table.to_pylist() == [{"a": 1, "b": 2}]


FAR_AWAY = [
    '<row r="4000000000"><c r="A4000000000"><v>1</v></c></row>',
    f'<row r="1048576">{"<c><v>1</v></c>" * 16384}</row>',
    "<row r='1048576'><c r='XFD1048576'><v>1</v></c></row>",
    '<row r="1048576"><c s="0" r="xfd1048576"><v>1</v></c></row>',
]


@pytest.mark.parametrize("row", FAR_AWAY)
def test_cells_far_away_are_refused_however_they_are_written(path: Path, row: str) -> None:
    with pytest.raises(UnreadableFile, match="used area reaches to"):
        read_rows(path, row)


def test_what_is_rare_is_found_under_a_prefix(path: Path) -> None:
    names = '<row r="1"><c r="A1" t="str"><v>a</v></c><c r="B1" t="str"><v>b</v></c></row>'
    cells = f'{names}<row r="2" hidden="1"><c r="A2"><f>1+1</f></c><c r="B2"><v>1</v></c></row>'
    merged = '<mergeCells><mergeCell ref="A1:A2"/></mergeCells>'
    sheet = re.sub("<(/?)", r"<\1x:", f'<worksheet xmlns:x="{MAIN}"><sheetData>{cells}</sheetData>{merged}</worksheet>')
    found = read(replace_part(write_xlsx(path, [["a"]]), SHEET, sheet.encode()))
    assert found.table.to_pylist() == [{"a": None, "b": 1}]
    assert found.issues == ["merged_cells", "hidden_rows", "formulas_without_value"]


def test_many_merged_areas_are_counted(path: Path) -> None:
    areas = "".join(f'<mergeCell ref="A{row}:B{row}"/>' for row in range(3, 60_000))
    after = "<conditionalFormatting>" + " " * (3 << 20) + "</conditionalFormatting>"
    merged = f"</sheetData><mergeCells>{areas}</mergeCells>{after}</worksheet>"
    sheet = f'<worksheet xmlns="{MAIN}"><sheetData><row r="1"><c r="A1" t="str"><v>a</v></c></row>{merged}'
    found = read(replace_part(write_xlsx(path, [["a"]]), SHEET, sheet.encode()))
    assert found.warnings[0].message.startswith("59,997 merged areas")


def test_dates_beyond_all_years_are_numbers(path: Path) -> None:
    book = openpyxl.Workbook()
    for row in [["a", "b"], [2958466, 1], [45351, 2]]:
        book.active.append(row)
    book.active["A2"].number_format = book.active["A3"].number_format = "yyyy-mm-dd"
    book.save(path)
    assert read(path).rows == [("2958466", 1), ("2024-02-29", 2)]


def test_the_first_day_of_the_other_date_system_is_a_day(path: Path) -> None:
    write_xlsx(path, [["a", "b"], [dt.datetime(1904, 1, 1), dt.datetime(1904, 1, 1, 12)]])
    assert read(path).rows == [(dt.date(1904, 1, 1), dt.datetime(1904, 1, 1, 12))]


def test_times_beside_an_error_are_times(path: Path) -> None:
    write_xlsx(path, [["a", "b"], [dt.time(9, 5), 1], ["#N/A", 2]])
    assert read(path).table["a"].to_pylist() == ["09:05:00", "#N/A"]


NAMES = ["name", "count", "amount", "note"]
PREFACES: dict[str, list[list[Any]]] = {
    "names beside values": [["Exported by", "Ann"], ["On", DAY], NAMES],
    "texts, then a blank row": [["Exported by", "Ann"], [None], NAMES],
    "a wide note": [["Report", "as of", "2024"], [None], NAMES],
    "rows that grow": [["a"], ["b", "c", "d"], ["e", None, "f"], NAMES],
}


@pytest.mark.parametrize("preface", PREFACES)
def test_the_header_is_found_below_a_preface(path: Path, preface: str) -> None:
    data = [["x", 1, 2.5, "u"], ["y", 2, 3.5, "v"], ["z", 3, 4.5, "w"]]
    found = read(write_xlsx(path, [*PREFACES[preface], *data]))
    assert found.types == {"name": "string", "count": "int64", "amount": "double", "note": "string"}
    assert found.rows == [*map(tuple, data)]
    assert str(PREFACES[preface][0][0]) in found.warnings[0].message


def test_groups_above_the_names_become_part_of_them(path: Path) -> None:
    groups, names = ["Region", "2023", None, "2024", None], [None, "Q1", "Q2", "Q1", "Q2"]
    write_xlsx(path, [groups, names, ["a", 1, 2, 3, 4], ["b", 5, 6, 7, 8]])
    first, _ = read(path).table.to_pylist()
    assert first == {"Region": "a", "2023 Q1": 1, "2023 Q2": 2, "2024 Q1": 3, "2024 Q2": 4}
    assert read(path).warnings == []


def test_a_number_above_the_names_is_no_part_of_them(path: Path) -> None:
    groups, names = [4, None, None], [None, "Q1", "Q2"]
    write_xlsx(path, [["Title"], groups, names, ["a", 1, 2], ["b", 5, 6]])
    assert read(path).table.column_names == ["column_1", "Q1", "Q2"]


def test_a_block_of_numbers_above_names_is_not_left_out(path: Path) -> None:
    numbers = [[1.5, 2.5], [3.5, 4.5], [5.5, 6.5]]
    found = read(write_xlsx(path, [["Slopes"], *numbers, [None], NAMES, ["x", 1, 2.5, "u"], ["y", 2, 3.5, "v"]]))
    assert "4.5" in found.table.column(1).to_pylist()


def test_all_that_is_left_out_above_the_header_is_counted(path: Path) -> None:
    preface = [[f"Name {number}", "text"] for number in range(9)]
    found = read(write_xlsx(path, [*preface, [None], NAMES, ["x", 1, 2.5, "u"], ["y", 2, 3.5, "v"]]))
    assert found.warnings[0].message.endswith("'text' and 8 cells more.")


@pytest.mark.parametrize(
    "rows",
    [
        [["Ann", dt.date(1957, 7, 3)], ["Bo", dt.date(1988, 5, 3)]],
        [["123"], ["45"], ["6"]],
        [["https://a.example/1"], ["https://a.example/2"]],
        [["https://a.example/1"]],
    ],
)
def test_a_row_like_those_below_it_is_no_header(path: Path, rows: list[list[Any]]) -> None:
    found = read(write_xlsx(path, rows))
    assert found.table.column_names == ["column_1", "column_2"][: len(rows[0])]
    assert len(found.rows) == len(rows)


@pytest.mark.parametrize(
    ("names", "row"),
    [
        (["Country", 2013, 2014], ["Peru", 5, 6]),
        (["Country", "2013", "2014"], ["Peru", "5", "6"]),
        (["Name", dt.date(2024, 1, 1)], ["Ann", 8]),
        (["2013", "2014"], [5, 6]),
        (["Name", "Street", "a@b.example"], ["Ann", "X", "c@d.example"]),
    ],
)
def test_years_and_dates_above_other_values_are_names(path: Path, names: list[Any], row: list[Any]) -> None:
    assert read(write_xlsx(path, [names, row, row])).table.column_names == [*map(str, names)]


def test_one_wide_row_does_not_hide_those_above_it(path: Path) -> None:
    write_xlsx(path, [["a", "b"], ["x", "y"], ["z", "w"], ["q", "r", "s", "t", "u"]])
    assert len(read(path).rows) == 3


def test_of_two_tables_in_a_sheet_none_is_left_out(path: Path) -> None:
    upper: list[list[Any]] = [
        ["client", "symbol", "city", "kind", "since", "note"],
        ["AX", "A", "B", "C", 1999, "D"],
        [None],
    ]
    lower: list[list[Any]] = [
        ["plan", "code", "place", "sort", "from", "until", "remark"],
        ["P", "Q", "R", "S", 1, 2, "T"],
    ]
    found = read(write_xlsx(path, [*upper, *lower]))
    assert found.table.column_names[:6] == upper[0]
    assert [row[0] for row in found.rows] == ["AX", None, "plan", "P"]


@pytest.mark.parametrize(
    "upper",
    [
        [["Data", "What"], [-70000, "first"], [12000, "second"]],
        [["name", "age", "town"], ["Ann", 3, "X"], ["Bo", 4, "Y"]],
    ],
)
def test_a_narrow_table_above_another_is_not_left_out(path: Path, upper: list[list[Any]]) -> None:
    found = read(write_xlsx(path, [*upper, [None], ["a", "b", "c", "d"], ["x", 1, 2.5, "u"], ["y", 2, 3.5, "v"]]))
    assert found.table.column_names[: len(upper[0])] == upper[0]
    assert [row[:2] for row in found.rows[:2]] == [tuple(map(str, row[:2])) for row in upper[1:]]
    assert not any(warning.issue == "rows_above_header" for warning in found.warnings)


def test_a_row_of_texts_that_show_values_is_no_header(path: Path) -> None:
    names, rows = (
        ["company", "code", "bought"],
        [["Acme", "510", "2024/07/29", "1,350"], ["Bolt", "76", "2024/07/30", "x"]],
    )
    found = read(write_xlsx(path, [["Purchases"], [None], names, [None], *rows]))
    assert found.table.column_names[:3] == names
    assert [row[0] for row in found.rows][-2:] == ["Acme", "Bolt"]


ODD_CELLS: dict[str, tuple[str, str, list[Any]]] = {
    "an error newer than the reader": (' t="e"', "<v>#SPILL!</v>", ["#SPILL!", "1"]),
    "false in a word": (' t="b"', "<v>false</v>", ["false", "1"]),
    "a CDATA section": ("", "<v><![CDATA[12]]></v>", [12, 1]),
    "a comment inside": ("", "<v>3<!-- x -->4</v>", [34, 1]),
    "an extension": ("", '<v>5</v><extLst><ext uri="x"/></extLst>', [5, 1]),
    "blanks around a number": ("", "<v>\n 6 </v>", [6, 1]),
    "more digits than a double has": ("", "<v>1234567890123456789</v>", [1234567890123456789, 1]),
    "more than 64 bits, from a formula": (' t="n"', "<f>A3</f><v>12345678901234567890</v>", [12345678901234567890, 1]),
    "text inside a formula's cell": (' t="str"', '<f>"a"</f><v>a<![CDATA[<b>]]>&#13;c</v>', ["a<b>\rc", "1"]),
}


@pytest.mark.parametrize("place", [' r="A2"', ""])
@pytest.mark.parametrize("name", ODD_CELLS)
def test_odd_cells_are_read_as_what_they_are(path: Path, name: str, place: str) -> None:
    attributes, inside, wanted = ODD_CELLS[name]
    found = read_rows(
        path, f'<row r="2"><c{place}{attributes}>{inside}</c></row>' + two(' r="3"', ' r="A3"', ' r="B3"')
    )
    assert found.table["a"].to_pylist() == wanted
    assert found.table["b"].to_pylist() == [None, 2]


def test_days_count_from_1904_though_an_extension_has_properties_too(path: Path) -> None:
    write_xlsx(path, [["a", "b"], [dt.datetime(2024, 2, 29), 1]])
    with zipfile.ZipFile(path) as archive:
        workbook = archive.read("xl/workbook.xml").decode()
    extension = '<extLst><ext uri="x"><x14:workbookPr xmlns:x14="y" defaultImageDpi="32767"/></ext></extLst>'
    workbook = re.sub("<workbookPr.*?/>", '<workbookPr date1904="1"/>', workbook).replace(
        "</workbook>", f"{extension}</workbook>"
    )
    assert read(replace_part(path, "xl/workbook.xml", workbook.encode())).rows == [(dt.date(2028, 3, 1), 1)]


def rebuilt(path: Path, names: dict[str, str], changes: dict[str, tuple[str, str]]) -> bytes:
    """A workbook with some parts under other names (None: left out), and other text in some."""
    with xlsxwriter.Workbook(path) as book:
        day, sheet = book.add_format({"num_format": "yyyy-mm-dd"}), book.add_worksheet("Data")
        sheet.write_row(0, 0, ["a", "b"])
        sheet.write_string(1, 0, "x")
        sheet.write_datetime(1, 1, DAY, day)
        book.add_worksheet("Other").write_row(0, 0, ["k"])
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in parts.items():
            old, new = changes.get(name, ("", ""))
            assert old in text
            if names.get(name) != "":
                archive.writestr(names.get(name, name), text.replace(old, new) if old else text)
    return path.read_bytes()


RELATIONS, WORKBOOK = "xl/_rels/workbook.xml.rels", "xl/workbook.xml"
LAYOUTS: dict[str, tuple[dict[str, str], dict[str, tuple[str, str]]]] = {
    "parts with numbers, as several people leave them": (
        {WORKBOOK: "xl/workbook2.xml", RELATIONS: "xl/_rels/workbook2.xml.rels", "xl/styles.xml": "xl/styles2.xml"},
        {RELATIONS: ("styles.xml", "styles2.xml"), "_rels/.rels": ("workbook.xml", "workbook2.xml")},
    ),
    "shared texts elsewhere": ({"xl/sharedStrings.xml": "xl/ss.xml"}, {RELATIONS: ("sharedStrings.xml", "ss.xml")}),
    "a long way to the sheet": ({}, {RELATIONS: ("worksheets/sheet1", "../xl/worksheets/sheet1")}),
    "another kind of slash": ({}, {RELATIONS: ("worksheets/sheet1", "worksheets\\sheet1")}),
    "small letters": ({"[Content_Types].xml": "[content_types].xml", WORKBOOK: "xl\\workbook.xml"}, {}),
    "a sheet of macros beside": (
        {"xl/worksheets/sheet2.xml": "xl/macrosheets/sheet2.xml"},
        {RELATIONS: ('/worksheet" Target="worksheets/sheet2', '/xlMacrosheet" Target="macrosheets/sheet2')},
    ),
    "no way to the workbook": ({"_rels/.rels": ""}, {}),
    "a dimension that is none": ({}, {SHEET: ('ref="A1:B2"', 'ref=""')}),
    "a sheet in an unknown state": ({}, {WORKBOOK: ('name="Data"', 'name="Data" state="odd"')}),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYOUTS)
def test_workbooks_may_be_laid_out_in_any_way(path: Path, name: str) -> None:
    found = convert(rebuilt(path, *LAYOUTS[name]), "auto")
    assert found.rows == [("x", DAY.date())]
    assert found.facts["sheets"] == ["Data", "Other"]
    assert found.issues == []


@pytest.mark.parametrize("suffix", ["sheet1.xml", "sharedStrings.xml", "styles.xml", "workbook.xml", ".rels", ".xml"])
def test_parts_in_utf_16_are_read(tmp_path: Path, suffix: str) -> None:
    path = write_xlsx(tmp_path / "book.xlsx", [["a", "é"], [1, "日本"], [DAY, "x"]])
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist() if name.endswith(suffix)}
    for name, text in parts.items():
        body = text.partition("?>")[2] if text.startswith("<?xml") else text
        replace_part(path, name, f'<?xml version="1.0" encoding="UTF-16"?>{body}'.encode("utf-16"))
    assert convert(path.read_bytes(), "excel").rows == [("1", "日本"), ("2024-02-29", "x")]


@pytest.mark.parametrize("endless", [' t="e"', '<c r="A2" ', "<f>", ' hidden="1"'])
def test_a_sheet_in_which_nothing_ends_is_refused_at_once(path: Path, endless: str) -> None:
    with pytest.raises(UnreadableFile, match="corrupt"):
        read_rows(path, f'<row r="2"><c r="A2"{endless * 150_000}')


@pytest.mark.parametrize(
    "part", ["docProps/thumbnail.wmf", "xl/vbaProject.bin", "xl/printerSettings/printerSettings1.bin"]
)
def test_damage_to_parts_that_hold_no_cells_does_no_harm(path: Path, part: str) -> None:
    write_xlsx(path, [["a"], [1]])
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(part, b"a picture")
    path.write_bytes(path.read_bytes().replace(b"a picture", b"a pixture"))
    assert read(path).rows == [(1,)]


def test_a_part_that_only_begins_in_utf_16_is_refused(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "book.xlsx", [["a"], [1]])
    replace_part(path, "xl/worksheets/sheet1.xml", b"\xff\xfe<\0x\0>\0\0\xd8\0\xd8")
    with pytest.raises(UnreadableFile, match="is not in UTF-16"):
        convert(path.read_bytes(), "excel")
