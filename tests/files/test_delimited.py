"""Small files made by hand, one for each rule of reading delimited text."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pytest

from connectors.errors import ConversionError
from tests.files.converting import convert


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("a,b\n1,x\n2\n3,z\n", 3, "1 field"),
        ("a,b\n1,x\n2,y,z\n", 3, "3 fields"),
        ('a,b\n1,"x\n2,y\n', 2, "never closed"),
        ('a,b\n1,"x"y\n2,z\n', 2, "follows a closing quote"),
        ("a,b\n1,x\n2,\x00\n", 3, "NUL"),
        ('a,b\n"1\n\n",x\n2\n', 5, "1 field"),
        ("a,b\r1,x\r2\r", 3, "1 field"),
        ('a,"b\n1,2\n', 1, "header"),
        ("a,b\n1,2\n3", 3, "1 field"),
    ],
)
def test_it_refuses_a_bad_row_naming_line_and_reason(text: str, line: int, reason: str) -> None:
    with pytest.raises(ConversionError, match=rf"Line {line}\b.*{reason}") as caught:
        convert(text)
    assert caught.value.http_status == 400


@pytest.mark.parametrize("text", ['word\nsix"\n"\n\'\n', 'word\nsix"\n"s"o\n'])
def test_what_a_bad_quote_is_refused_with_helps(text: str) -> None:
    with pytest.raises(ConversionError) as caught:
        convert(text)
    assert "set quote_char to ''" in (caught.value.hint or "")
    assert [row[0] for row in convert(text, quote_char="").rows] == text.splitlines()[1:]


def test_it_skips_bad_rows_when_told_to_and_keeps_them_all(tmp_path: Path) -> None:
    rejects = tmp_path / "rejects.ndjson"
    found = convert("a,b\n1,x\n2\n3,y,z\n4,w\n", on_bad_row="skip", rejects_path=rejects)
    assert found.rows == [(1, "x"), (4, "w")]
    assert found.rows_rejected == 2
    kept = [json.loads(line) for line in rejects.read_text().splitlines()]
    assert [(record["line"], record["text"]) for record in kept] == [(3, "2"), (4, "3,y,z")]
    assert found.issues == ["bad_rows"]


def test_a_warning_of_one_thing_is_no_plural() -> None:
    found = convert("# c\n# d\na,b\n1,NULL\n\n#x\n2,007\n8\nTotal: 9\n", on_bad_row="skip")
    assert [warning.message.partition(":")[0].partition(".")[0] for warning in found.warnings] == [
        "2 lines above the table were left out",
        "1 line below the table was left out",
        "1 bad row was left out",
        "1 blank line between rows was left out",
        "1 comment line among rows was left out",
        "1 unquoted word for null (such as NULL or N/A) in column 'b' became null",
        "Column 'b' stays text as written",
    ]
    assert found.warnings[-1].message.endswith("it has 1 number with leading zeros (the first in row 2: '007').")


def test_a_short_row_far_beyond_the_sample_is_refused() -> None:
    with pytest.raises(ConversionError, match="Line 400002: it has 1 field where 2 were expected"):
        convert("a,b\n" + "1,x\n" * 400_000 + "2\n")


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('a,b\n1,"x\ny"\n', [(1, "x\ny")]),
        ('a,b\n1,"x\r\ny"\r\n', [(1, "x\r\ny")]),
        ('a,b\n1,"say ""hi"", then"\n', [(1, 'say "hi", then')]),
        ('a,b\n1,"say \\"hi\\", then"\n', [(1, 'say "hi", then')]),
        ('a,b\n1,5" pipe\n', [(1, '5" pipe')]),
        ("a,b\n1, padded \n", [(1, " padded ")]),
        ('a,b\n1,""\n2,\n', [(1, ""), (2, None)]),
        ("a,b\n1,C:\\temp\\\n", [(1, "C:\\temp\\")]),
        ('a,b\n"x",1\n"y",', [("x", 1), ("y", None)]),
        (",\n1,x\n2,y\n", [(None, None), (1, "x"), (2, "y")]),
        ("a\tb\n1\tx\n\t\n", [(1, "x"), (None, None)]),
    ],
)
def test_it_undoes_quotes_and_nothing_else(text: str, rows: list[tuple[Any, ...]]) -> None:
    assert convert(text).rows == rows


def test_where_everything_is_in_quotes_an_empty_cell_among_values_is_null() -> None:
    found = convert('n,day,text\n"1","",""\n"","2024-01-31","x"\n"3","",""\n')
    assert found.types == {"n": "int64", "day": "date32[day]", "text": "string"}
    assert found.rows == [(1, None, ""), (None, dt.date(2024, 1, 31), "x"), (3, None, "")]
    assert [(notice.column, notice.affected_rows) for notice in found.warnings] == [("n", 1), ("day", 2)]


def test_a_column_of_empty_texts_stays_so_until_there_is_a_value() -> None:
    assert convert('a,b\n1,""\n2,""\n').rows == [(1, ""), (2, "")]
    row = "x" * 60 + ',""\n'
    assert convert("a,b\n" + row * 40_000 + "x,5\n").types == {"a": "string", "b": "int64"}


CODES = ["NA", "DE", "FR", "US", "JP", "CL", "KE", "MA", "NO", "NE", "NZ", "NI", "NA"]


def test_na_among_codes_of_two_letters_is_one_and_told_of() -> None:
    found = convert("code,size,all\n" + "".join(f"{code},{'NA' if code == 'NA' else 1},x\n" for code in CODES))
    assert found.table.column("code").to_pylist() == CODES
    assert found.table.column("size").null_count == 2
    assert [(each.issue, each.column, each.affected_rows) for each in found.warnings] == [
        ("null_words", "code", 2),
        ("null_words", "size", 2),
    ]


@pytest.mark.parametrize(
    "others", [["DE", "FR"] * 20, ["DE", "Fr", *CODES[3:12]], [f"A{number}" for number in range(20)]]
)
def test_na_among_other_texts_is_null(others: list[str]) -> None:
    found = convert("n,code\n" + "".join(f"1,{code}\n" for code in [*others, "NA", "NULL"]))
    assert found.table.column("code").to_pylist() == [*others, None, None]


def test_codes_are_seen_behind_a_block_of_numbers() -> None:
    codes = ["1"] * 300_000 + CODES * 1000
    found = convert("n,code\n" + "".join(f"1,{code}\n" for code in codes))
    assert found.table.column("code").null_count == 2_000


def test_null_words_are_null_only_unquoted_and_counted() -> None:
    found = convert('a,b\n1,NULL\n2,"NULL"\nN/A,"N/A"\n4,""\n5,\n')
    assert found.rows == [(1, None), (2, "NULL"), (None, "N/A"), (4, ""), (5, None)]
    assert [(w.issue, w.column, w.affected_rows) for w in found.warnings] == [
        ("null_words", "a", 1),
        ("null_words", "b", 1),
    ]


def test_names_are_made_unique_and_that_is_said() -> None:
    found = convert("a,a,,_x, \n1,2,3,4,5\n")
    assert found.table.column_names == ["a", "a_2", "column_3", "_x", "column_5"]
    assert found.issues == ["empty_column_names", "duplicate_column_names"]


def test_a_header_alone_is_a_table_without_rows() -> None:
    found = convert("a,b\n")
    assert found.types == {"a": "string", "b": "string"}
    assert found.table.num_rows == 0


@pytest.mark.parametrize(
    ("text", "options", "rows"),
    [
        ("a,b;c\n1,2;3\n", {"delimiter": ","}, [(1, "2;3")]),
        ("a\n1 2\n", {"delimiter": ";"}, [("1 2",)]),
        ("1,2\n3,4\n", {"has_header": True}, [(3, 4)]),
        ("a,b\nx,y\n", {"has_header": False}, [("a", "b"), ("x", "y")]),
        ('a,b\n"x,2\n', {"quote_char": ""}, [('"x', 2)]),
        ("a,b\n1,-\n2,3\n", {"null_values": ("-",)}, [(1, None), (2, 3)]),
        ("a;b\n1,5;2\n", {"decimal_comma": True}, [(1.5, 2)]),
        ('a"b\n1"x\n', {"delimiter": '"'}, [(1, "x")]),
        ("a;b\n,1;2,;x\n", {"quote_char": ","}, [("1;2", "x")]),
        (b"a\n\xe9\n", {"encoding": "cp1251"}, [("й",)]),
    ],
)
def test_every_guess_can_be_overridden(text: str | bytes, options: dict[str, Any], rows: list[tuple[Any, ...]]) -> None:
    assert convert(text, **options).rows == rows


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (b"a,b\nok\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9,x\n\xff,y\n", {}, r"line 3, byte 0xFF at position 17"),
        (b"a\n\x81\n", {"encoding": "cp1252"}, "line 2, byte 0x81"),
        (b"a\n1\n", {"encoding": "klingon"}, "Unknown encoding 'klingon'"),
        (b"a\n1\n", {"encoding": "punycode"}, "Unknown encoding 'punycode'"),
        (b"a,b\n1,2\n", {"delimiter": ";"}, "delimiter says ';'.*',' does"),
        (b"a;b\n1,5;2\n2,5;3\n", {"delimiter": ","}, "delimiter says ','.*';' does"),
        (b"a,b\n1,2\n", {"flatten": True}, "flatten is for json, but the file is csv"),
        (b"a,b\n1,2\n", {"delimiter": "||"}, r"delimiter says '\|\|'.*',' does"),
        (b"a\n1\n", {"delimiter": ":\n"}, "delimiter has to be 1 to 8 characters"),
        (b"a\n1\n", {"delimiter": "|~|~|~|~|"}, "delimiter has to be 1 to 8 characters"),
        (b"a\n1\n", {"delimiter": "|'|", "quote_char": "'"}, "cannot hold the quote_char"),
        (b"a\n1\n", {"quote_char": "''"}, "quote_char has to be one ASCII character"),
        (b"a\n1\n", {"date_format": "%q"}, "uses '%q'"),
        (bytes(range(256)), {}, "no text"),
        (b"\n\n", {}, "no columns"),
        (b"x" * 9_000_000, {}, "first line does not end within 8 MB"),
        (b"a," * 100_000 + b"a\n1,2\n", {"has_header": True}, "has 100,001 fields, and a table may have 100,000"),
        (b";;;\n;;;\n", {}, "no columns"),
        (b"", {}, "empty"),
    ],
)
def test_it_refuses_what_it_cannot_read_in_words_that_help(
    content: bytes, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConversionError, match=message) as caught:
        convert(content, **options)
    assert caught.value.http_status == 400


def test_ten_thousand_columns_are_read() -> None:
    header = ",".join(f"c{number}" for number in range(10_000))
    row = ",".join(str(number) for number in range(10_000))
    found = convert(f"{header}\n{row}\n{row}\n")
    assert found.rows == [tuple(range(10_000))] * 2


def test_a_field_of_many_megabytes_is_read() -> None:
    field = "x" * 20_000_000
    assert convert(f'a,b\n1,"{field}"\n2,y\n').rows == [(1, field), (2, "y")]


@pytest.mark.parametrize("write", ["polars", "duckdb", "pyarrow"])
@pytest.mark.parametrize("values", [[1, None, 2, None], [None, 3], [None, None], ["a", "", None, "b c"]], ids=str)
def test_nulls_of_an_only_column_are_rows_whoever_wrote_them(write: str, values: list[Any], tmp_path: Path) -> None:
    path, table = tmp_path / "one.csv", pa.table({"only": values})
    if write == "polars":
        pl.from_arrow(table).write_csv(path)  # type: ignore[union-attr]
    elif write == "pyarrow":
        arrow_csv.write_csv(table, path)
    else:
        duckdb.sql(f"COPY (FROM \"table\") TO '{path}' (HEADER)")
    found = convert(path.read_bytes())
    assert [value for (value,) in found.rows] == values
    assert found.issues == ["blank_lines"]


def test_blank_lines_of_an_only_column_are_counted_in_any_block() -> None:
    values = [None if number % 3 else number for number in range(1_000_000)]
    found = convert("n\n" + "".join("\n" if value is None else f"{value}\n" for value in values))
    assert found.table.column("n").to_pylist() == values
    assert [warning.message for warning in found.warnings] == ["666,666 blank lines are rows without a value."]


def test_three_bytes_are_one_line_end_of_windows() -> None:
    assert convert("n\r\r\n1\r\r\n\r\r\n2\r\r\n").rows == [(1,), (None,), (2,)]
    assert convert("a,b\r\r\n1,x\r\r\n2,y\r\r\n").rows == [(1, "x"), (2, "y")]
