"""Small files made by hand, one for each rule of reading delimited text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import ConversionError
from tests.files.converting import convert

TABLE = [(1, "x"), (2, "y")]


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1,x\n2,y\n",
        "a,b\n1,x\n2,y",
        "a,b\r\n1,x\r\n2,y\r\n",
        "a,b\r1,x\r2,y\r",
        "a,b\n1,x\r\n2,y\r",
        "a;b\n1;x\n2;y\n",
        "a\tb\n1\tx\n2\ty\n",
        "a|b\n1|x\n2|y\n",
        "a^b\n1^x\n2^y\n",
        "a:b\n1:x\n2:y\n",
        "a b\n1 x\n2 y\n",
        "sep=;\na;b\n1;x\n2;y\n",
        "\ufeffa,b\n1,x\n2,y\n",
        '\ufeff"a",b\n1,x\n2,y\n',
        '"a","b"\n"1","x"\n"2","y"\n',
        "'a','b'\n'1','x'\n'2','y'\n",
        "a,b,\n1,x,\n2,y,\n",
        "a,b\n1,x,\n2,y,\n",
        "My report\n\na,b\n1,x\n2,y\n",
        "# made by hand\n# twice\na,b\n1,x\n# between\n2,y\n",
        "a,b\n\n1,x\n\n2,y\n\n",
        "a,b\n1,x\n2,y\n\n(2 rows)\n",
        "a,b\n1,x\n2,y\n\nSource: a hand\n",
        "from;today\n\na;b;\n1;x;\n2;y;\n",
        "one,\ntwo,\na,b\n1,x\n2,y\n",
        "%% p;q\n%% r\na;b\n1;x\n2;y\n",
        "".join(f"line {number}\n" for number in range(30)) + "a,b\n1,x\n2,y\n",
        "a|b\n-+-\n1|x\n2|y\n".replace("-", "---"),
        '"sep=;"\na;b\n1;x\n2;y\n',
    ],
)
def test_it_finds_the_table_however_it_is_written(text: str) -> None:
    found = convert(text)
    assert found.rows == TABLE
    assert found.table.column_names == ["a", "b"]


@pytest.mark.parametrize(
    "encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "cp1252"]
)
def test_it_finds_the_encoding(encoding: str) -> None:
    text = "name,city\nJosé,Málaga\nAndré,Orléans\nBjörn,Malmö\n"
    assert convert(text.encode(encoding)).rows == [("José", "Málaga"), ("André", "Orléans"), ("Björn", "Malmö")]


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1251", "Имя,Город\nИван,Москва\nЛюдмила,Тверь и Дубна\n"),  # noqa: RUF001 - Cyrillic on purpose
        ("shift_jis", "名前,都市\n田中太郎,東京\n鈴木花子,大阪\n"),
        ("gb18030", "姓名,城市\n王伟,北京\n李娜,上海市浦东新区\n"),
        ("euc_kr", "이름,도시\n김철수,서울\n이영희,부산광역시\n"),
        ("big5", "姓名,城市\n王小明,台北\n陳大文,高雄市\n"),
    ],
)
def test_it_finds_encodings_of_other_scripts(encoding: str, text: str) -> None:
    found = convert(text.encode(encoding) * 2)
    assert ",".join(found.rows[0]) == text.splitlines()[1]
    assert found.facts["encoding"] == encoding


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("shift_jis", "顧客番号,氏名,金額\n001,山田太郎,1\n"),
        ("shift_jis", "氏名\n髙橋\n渡邉\n"),
        ("gb18030", "日期,产品名称,单价\n2024-01-01,苹果手机,1\n"),
        ("euc_kr", "번호,이름\n1,홍길동\n"),
        ("cp1252", "Nombre;Año\nPeña;2024\n"),
        ("cp1252", "id,text\n1,it’s 20 °C – or “so”\n"),  # noqa: RUF001 - as word processors write
        ("cp1250", "Nazwa;Kwota\nŻółw;1\nGęś;2\nPaństwo;3\n"),
        ("cp1254", "İsim,Şehir\nAyşe,İstanbul\nOğuz,Muğla\n"),
    ],
)
def test_a_few_words_are_enough_to_find_an_encoding(encoding: str, text: str) -> None:
    found = convert(text.encode("cp932" if encoding == "shift_jis" else encoding), delimiter="^", has_header=False)
    assert [row[0] for row in found.rows] == text.splitlines()


def test_it_says_what_it_detected_and_how_surely() -> None:
    facts = convert("a;b\n1;x\n").facts
    assert (facts["format"], facts["encoding"], facts["delimiter"], facts["has_header"]) == ("csv", "utf-8", ";", True)
    assert set(facts["confidence"]) == {"encoding", "delimiter", "header"}


@pytest.mark.parametrize(
    "text",
    [
        "name\nAnn\nBob\n",
        "text\nhello, world\nno comma\n",
        "when\n2024-01-01 10:11:12\n2024-01-01 10:11:13\n",
        "who\nAnn Lee\nBo Ray\n",
        "value\n6,336,733.94\n2,463,846.61\n",
        "link\nhttp://a.b/c?x=0,5\nhttp://a.b/c?x=8,3\n",
        "% change\n+49 138 95052\n+49 507 68268\n",
    ],
)
def test_one_column_stays_one_column(text: str) -> None:
    found = convert(text)
    assert found.table.num_columns == 1
    assert found.table.num_rows == 2
    assert found.facts["delimiter"] is None


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


def test_it_skips_bad_rows_when_told_to_and_keeps_them_all(tmp_path: Path) -> None:
    rejects = tmp_path / "rejects.ndjson"
    found = convert("a,b\n1,x\n2\n3,y,z\n4,w\n", on_bad_row="skip", rejects_path=rejects)
    assert found.rows == [(1, "x"), (4, "w")]
    assert found.rows_rejected == 2
    kept = [json.loads(line) for line in rejects.read_text().splitlines()]
    assert [(record["line"], record["text"]) for record in kept] == [(3, "2"), (4, "3,y,z")]
    assert found.issues == ["bad_rows"]


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
    ],
)
def test_it_undoes_quotes_and_nothing_else(text: str, rows: list[tuple[Any, ...]]) -> None:
    assert convert(text).rows == rows


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('1,"foo",\\N\n2,"a \\"q\\", b",3\n', [(1, "foo", None), (2, 'a "q", b', 3)]),
        ("1\tfoo\t\\N\n2\ta\\tb\t3\n3\tover\\\nleaf\t4\n", [(1, "foo", None), (2, "a\\tb", 3), (3, "over\nleaf", 4)]),
        ('1,"C:\\temp\\new"\n2,"a \\"q\\", b"\n', [(1, "C:\\temp\\new"), (2, 'a "q", b')]),
        ("1,x\\, y\n2,z\n3,w\n", [(1, "x, y"), (2, "z"), (3, "w")]),
        ("C:\\a\\,1\nC:\\b\\,2\n", [("C:\\a\\", 1), ("C:\\b\\", 2)]),
    ],
)
def test_a_backslash_escapes_only_what_needs_it(text: str, rows: list[tuple[Any, ...]]) -> None:
    assert convert(text, has_header=False).rows == rows


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
    ("text", "names"),
    [
        ("1,2\n3,4\n", ["column_1", "column_2"]),
        ("DE,2019,2020\nFR,1.5,2\n", ["DE", "2019", "2020"]),
        ("c,2020,2010\nDE,1,2\n", ["c", "2020", "2010"]),
        ("c,1/22/20,1/23/20\nDE,1,2\n", ["c", "1/22/20", "1/23/20"]),
        ("AAPL,2020,2021\nMSFT,2021,2022\n", ["column_1", "column_2", "column_3"]),
        ("Bob,bob@x.com\nAnn,ann@y.org\n", ["column_1", "column_2"]),
        ("$1|0|1\n$2|1|0\n", ["column_1", "column_2", "column_3"]),
        ("2020-01-01\t01.10.2062\n\t09.08.2017\nx\t09.03.2100\n", ["column_1", "column_2"]),
        ("763.741,55|66944.77\n1.167.364,98|27001.84\n", ["column_1", "column_2"]),
        ('1|"{""a"": 3, ""b"": ""x""}"\n2|"{""a"": 4, ""b"": ""x""}"\n', ["column_1", "column_2"]),
        ("M,yes\nF,no\nM,no\nF,yes\n", ["column_1", "column_2"]),
        ("a\tb\nr1\t1\t2\nr2\t3\t4\n", ["column_1", "a", "b"]),
    ],
)
def test_it_tells_a_header_from_data(text: str, names: list[str]) -> None:
    assert convert(text).table.column_names == names


def test_a_trailing_delimiter_that_hides_a_value_far_below_becomes_a_column() -> None:
    found = convert("a,b,\n" + "1,2,\n" * 50_000 + "1,2,3\n")
    assert found.table.column_names == ["a", "b", "column_3"]
    assert found.table.column("column_3")[50_000].as_py() == 3


@pytest.mark.parametrize(
    ("text", "options", "rows"),
    [
        ("a,b\n1,2\n", {"delimiter": ";"}, [("1,2",)]),
        ("1,2\n3,4\n", {"has_header": True}, [(3, 4)]),
        ("a,b\nx,y\n", {"has_header": False}, [("a", "b"), ("x", "y")]),
        ('a,b\n"x,2\n', {"quote_char": ""}, [('"x', 2)]),
        ("a,b\n1,-\n2,3\n", {"null_values": ("-",)}, [(1, None), (2, 3)]),
        ("a;b\n1,5;2\n", {"decimal_comma": True}, [(1.5, 2)]),
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
        (b"a\n1\n", {"delimiter": "::"}, "delimiter has to be one ASCII character"),
        (b"a\n1\n", {"date_format": "%q"}, "uses '%q'"),
        (bytes(range(256)), {}, "no text"),
        (b"\n\n", {}, "no columns"),
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
