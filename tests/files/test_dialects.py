"""How a text is written is found from its first lines: delimiter, quotes, escapes, header, what is around the table."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from itertools import permutations
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
        "a^b\n1^x\n2^y\n(2 rows)\n",
        "# made by hand\n# twice\na,b\n1,x\n# between\n2,y\n",
        "a,b\n\n1,x\n\n2,y\n\n",
        "a,b\n1,x\n2,y\n\n(2 rows)\n",
        "a,b\n1,x\n2,y\n\nSource: a hand\n",
        "a,b\n1,x\n2,y\n-- end of report --\nEOF\n",
        "from;today\n\na;b;\n1;x;\n2;y;\n",
        "one,\ntwo,\na,b\n1,x\n2,y\n",
        "%% p;q\n%% r\na;b\n1;x\n2;y\n",
        "".join(f"line {number}\n" for number in range(30)) + "a,b\n1,x\n2,y\n",
        "a|b\n-+-\n1|x\n2|y\n".replace("-", "---"),
        '"sep=;"\na;b\n1;x\n2;y\n',
        "'a','b'\n'1','x'\n2,y\n",
        "a,b\n1,x\n2,y\n\x1a",
        '"a" ,"b"\n1, "x"\n2 , "y" \n',
        "a||b\n1||x\n2||y\n",
        "a§b\n1§x\n2§y\n",
        "   a  b\n   1  x \n   2  y\n",
        "a,b,\n1,x\n2,y\n",
        "a,b\r\n1,x\r\n2,y\r\n\x1a\r\n",
        "a,b\n1,x\n2,y\nRecords: 2\n",
        "Serial,XY12\nOwner,Ann Lee\n\na,b\n1,x\n2,y\n",
        "Owner,Ann Lee\nSerial,XY12\n\nDate,2024-01-01\n,\na,b\n1,x\n2,y\n",
        "Device:,XY\nSerial:,12\nDate:,2024-01-01\n\na,b\n1,x\n2,y\n",
    ],
)
def test_it_finds_the_table_however_it_is_written(text: str) -> None:
    found = convert(text)
    assert found.rows == TABLE
    assert found.table.column_names == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("id,tags\n1,a;b;c\n2,d;e;f\n3,g;h;i\n", [(1, "a;b;c"), (2, "d;e;f"), (3, "g;h;i")]),
        ("1 1:0.5 2:0.7\n-1 1:0.2 2:0.9\n", [(1, "1:0.5", "2:0.7"), (-1, "1:0.2", "2:0.9")]),
        ("who when\nAnn 10:20:30\nBo 11:21:31\n", [("Ann", "10:20:30"), ("Bo", "11:21:31")]),
        ("nan nan\nnan 1.5\n", [("nan", "nan"), ("nan", "1.5")]),
        ("% share\n$8,998.21\n$9,806.66\n", [("$8,998.21",), ("$9,806.66",)]),
        ("#|b|c\n1|x|10:20\n", [(1, "x", "10:20:00")]),
        ("a::b::c\n1::2,5::x\n3::4,5::y\n", [(1, "2,5", "x"), (3, "4,5", "y")]),
        ('"A";"n::x";"1"\n"A";"n::y";"2"\n', [("A", "n::x", 1), ("A", "n::y", 2)]),
        ("k;when\na;Monday, January 5, 2024\n", [("a", "Monday, January 5, 2024")]),
        (
            "id~name~amount\n1~Lee, Ann~7,168.32\n2~Ray, Bo~4,941.20\n",
            [(1, "Lee, Ann", "7,168.32"), (2, "Ray, Bo", "4,941.20")],
        ),
        ("1^Lee^3,5\n2^Ray^4,5\n", [(1, "Lee", "3,5"), (2, "Ray", "4,5")]),
        ("id:name:day\n1::2024-01-02\n2:Ray:2024-01-03\n", [(1, None, "2024-01-02"), (2, "Ray", "2024-01-03")]),
        ('"id":"name"\n"1:2":"Lee"\n"3":"Ray"\n', [("1:2", "Lee"), ("3", "Ray")]),
        ("a*b\n1*x\n2*y\n", TABLE),
        (
            'to^by\nParis^a;b\nRome^Bo\nOslo^"Cy ""C"""\nBern^Di\n',
            [("Paris", "a;b"), ("Rome", "Bo"), ("Oslo", 'Cy "C"'), ("Bern", "Di")],
        ),
        ("a,b\n'it''s, ok',1\n'z',2\n", [("it's, ok", 1), ("z", 2)]),
        ("a,b\n1,'it''s,\nok'\n2,'z'\n", [(1, "it's,\nok"), (2, "z")]),
        ("a,b\n'tis,1\n'twas,2\n", [("'tis", 1), ("'twas", 2)]),
        ('"a"|"b"|"c"\n"1"|"x"|"y"\n', [(1, "x", "y")]),
        ('name text\nAnn "to be"\nBo "or not"\n', [("Ann", "to be"), ("Bo", "or not")]),
        ('7 10:20:30 "x y"\n8 10:20:31 z\n', [(7, "10:20:30", "x y"), (8, "10:20:31", "z")]),
        (
            "http://a.b;5;1,234.5\nhttp://a.b/c;6;1,234.5\n",
            [("http://a.b", 5, "1,234.5"), ("http://a.b/c", 6, "1,234.5")],
        ),
        ("Key:;x\nOther:;y\n\nfrom;to;size\na;b;1\n", [("a", "b", 1)]),
        ("x\t1\t6\t7\t+\ty\t1,1,1,\t0,2,4,\n", [("x", 1, 6, 7, "+", "y", "1,1,1,", "0,2,4,")]),
        ("a,\tb,\tc\n1,\t2,\t3\n", [(1, "\t2", "\t3")]),
        ("1,x\ty,2\n2,z\tx,3\n", [(1, "x\ty", 2), (2, "z\tx", 3)]),
        ("##form=1\n19\tG\ta|b|||c\t0\n20\tT\td|e|||f\t1\n", [(19, "G", "a|b|||c", 0), (20, "T", "d|e|||f", 1)]),
    ],
)
def test_the_delimiter_is_what_cuts_header_and_rows_alike(text: str, rows: list[tuple[Any, ...]]) -> None:
    assert [tuple(map(str, row)) for row in convert(text).rows] == [tuple(map(str, row)) for row in rows]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('id||text\n1||"x || y"\n2||z\n', [(1, "x || y"), (2, "z")]),
        ('id§text\n1§"x § ""q"" y"\n2§z\n', [(1, 'x § "q" y'), (2, "z")]),
        ("1::Ann::5\n2::Bo::3\n", [(1, "Ann", 5), (2, "Bo", 3)]),
        ("day doy  temp\n2020   1  3.5\n2021 100 -3.5\n", [(2020, 1, 3.5), (2021, 100, -3.5)]),
        (
            "name      city\nAnn Lee   New York\nBo        Rome\nCy Coe    Oslo\n",
            [("Ann Lee", "New York"), ("Bo", "Rome"), ("Cy Coe", "Oslo")],
        ),
        ("a b\n1\t7\n3  4\n", [(1, 7), (3, 4)]),
        ("1.5\t2   \n -3 \t 4\n", [(1.5, 2), (-3.0, 4)]),
        ("7\t1.5     2 \t3.5    9\n8\t2.5     3 \t4.5    8\n", [(7, 1.5, 2, 3.5, 9), (8, 2.5, 3, 4.5, 8)]),
        ("1\t\t3  5\n2\t4\t6  7\n", [(1, None, "3  5"), (2, 4, "6  7")]),
        ("a b\tc\n1 x\t2\n", [("1 x", 2)]),
        ('id, text\n1, "x, ""y"""\n2, "z\n"\n', [(1, 'x, "y"'), (2, "z\n")]),
        ('id,text\n1, "x" y\n2,z\n', [(1, ' "x" y'), (2, "z")]),
    ],
)
def test_a_delimiter_may_be_more_than_one_character(text: str, rows: list[tuple[Any, ...]]) -> None:
    assert convert(text, has_header=None if not text[0].isdigit() else False).rows == rows


MYSQL = "+----+-------+\n| id | name  |\n+----+-------+\n|  1 | Ann L |\n|  2 | NULL  |\n+----+-------+\n"


@pytest.mark.parametrize(
    "text",
    [
        MYSQL,
        f"mysql> table t;\n{MYSQL}2 rows in set (0.00 sec)\n\n",
        " id | name  \n----+-------\n  1 | Ann L\n  2 | \n(2 rows)\n\n",
        "# People\r\n\r\n| id | name |\r\n| ---: | :--- |\r\n| 1 | Ann L |\r\n| 2 | |\r\n",
        "id|name\n--|----\n1 |Ann L\n2 |    ",
        "+--+------+\n|id| name |\n+==+======+\n| 1|Ann L |\n+--+------+\n| 2|      |\n+--+------+\n",
    ],
)
def test_tables_that_were_drawn_for_people_are_read(text: str) -> None:
    found = convert(text)
    assert found.table.column_names == ["id", "name"]
    assert found.rows == [(1, "Ann L"), (2, None)]
    assert (found.facts["delimiter"], found.facts["has_header"]) == ("|", True)


SQLCMD = "id          name       \n----------- -----------\n          1 Zoë L      \n          2            \n"


@pytest.mark.parametrize(
    "text",
    [
        f"{SQLCMD}\n(2 rows affected)\n",
        f"SQL> select * from people;\n\n{SQLCMD}".replace("\n", "\r\n"),
        "\nname    id\n-----   --\nZoë L    1\n         2\n\n",
        "=====  =====\nname   id\n=====  =====\nZoë L  1\n       2\n=====  =====\n",
    ],
)
def test_tables_that_rulers_cut_are_read(text: str) -> None:
    found = convert(text)
    assert set(found.table.select(["id", "name"]).to_pylist()[0].values()) == {1, "Zoë L"}
    assert set(found.table.to_pylist()[1].values()) == {2, None}
    assert found.facts["delimiter"] == " "


def test_a_line_that_the_ruler_does_not_cut_is_refused_and_a_ruler_between_delimiters_is_none_of_the_rows() -> None:
    with pytest.raises(ConversionError, match="Line 5: it has 1 field where 2 were expected"):
        convert(SQLCMD + "Ann overflows her column\n")
    assert convert("id\tname\n--\t----\n1\ta\n").rows == [(1, "a")]
    assert convert("a    b\n1    2\n---- ----\n3    4\n").rows == [("1    2",), ("---- ----",), ("3    4",)]
    assert convert("x,y\n1,2\n-,-\n3,4\n").rows == [("1", "2"), ("-", "-"), ("3", "4")]


@pytest.mark.parametrize("end", ["\r", "\r\n"])
def test_a_drawn_table_may_have_any_line_end(end: str) -> None:
    assert convert(MYSQL.replace("\n", end)).rows == convert(MYSQL).rows
    drawn = "id     name\n------ ----------\n" + "7      x\n" * 400_000
    assert convert(drawn.replace("\n", end)).rows == [(7, "x")] * 400_000


def test_a_line_of_a_drawn_table_is_no_longer_than_any_record() -> None:
    with pytest.raises(ConversionError, match="A line of the drawn table is longer than 128 MB"):
        convert(MYSQL.replace("Ann L", "x" * (140 << 20)))


def test_a_drawn_table_may_have_one_column_and_a_damaged_one_is_refused_by_its_own_line() -> None:
    assert convert("+----+\n| id |\n+----+\n|  7 |\n|    |\n+----+\n").rows == [(7,), (None,)]
    with pytest.raises(ConversionError, match="Line 5: it has 3 fields where 2 were expected"):
        convert(MYSQL.replace("NULL  ", "a | b "))


def test_aligned_columns_are_cut_alike_in_every_part_of_a_large_file() -> None:
    found = convert("id     name\n" + "".join(f"{number:<8d}Ann Lee  \n" for number in range(300_000)))
    assert found.table.column("id").to_pylist() == list(range(300_000))
    assert set(found.table.column("name").to_pylist()) == {"Ann Lee"}


@pytest.mark.parametrize("odd", ["&", "9 9 <- by eye", "9  9  9"])
def test_one_line_among_numbers_that_blanks_cut_is_a_bad_row(odd: str) -> None:
    text = "".join(f"{number}.5  {number}\n" for number in range(20)) + f"{odd}\n20.5 20\n"
    with pytest.raises(ConversionError, match=r"Line 21: it has . fields? where 2 were expected"):
        convert(text)
    skipped = convert(text, on_bad_row="skip")
    assert skipped.rows == [(number + 0.5, number) for number in range(21)]
    assert skipped.rows_rejected == 1


@pytest.mark.parametrize("name", ["phone", "30", "All of them, by title"])
def test_numbers_with_blanks_in_them_are_one_column_below_its_name(name: str) -> None:
    numbers = [f"555 {100 + number} {4000 + number}" for number in range(30)]
    assert [value for (value,) in convert("\n".join([name, *numbers]) + "\n").rows][-30:] == numbers


@pytest.mark.parametrize("shift", [0, 4, 8, 12])
def test_apostrophes_enclose_fields_wherever_the_first_look_ends(shift: int) -> None:
    found = convert(f"'{'a' * (shift + 1)}','b'\n" + "'x, it''s','y, z'\n" * 16_000)
    assert found.table.num_rows == 16_000
    assert set(found.rows) == {("x, it's", "y, z")}


@pytest.mark.parametrize(
    ("text", "names", "titles"),
    [
        ("# made by hand\n# a b\n1 2\n3 4\n", ["a", "b"], 1),
        ("% a b c\n1 2 3\n4 5 6\n", ["a", "b", "c"], 0),
        ("# a b\n  1   2\n 30   4\n", ["a", "b"], 0),
        ("# a b\n# by hand\n1 2\n3 4\n", ["column_1", "column_2"], 2),
        ("# a b\n# made by hand\n1 2\n3 4\n", ["column_1", "column_2"], 2),
        ("# in 2024\n1 2\n3 4\n", ["column_1", "column_2"], 1),
    ],
)
def test_a_comment_above_numbers_between_blanks_may_name_them(text: str, names: list[str], titles: int) -> None:
    found = convert(text)
    assert found.table.column_names == names
    assert len(found.rows) == 2
    assert [warning.message[:6] for warning in found.warnings] == [f"{titles} line"][: bool(titles)]


def test_the_last_of_the_comments_may_be_the_header() -> None:
    found = convert("##fileformat=VCFv4.2\n##source=x\n#CHROM\tPOS\n1\t100\n2\t200\n")
    assert found.table.column_names == ["#CHROM", "POS"]
    assert found.rows == [(1, 100), (2, 200)]


@pytest.mark.parametrize(
    "log",
    [
        "#Version: 1.0\n#Fields: day cs-uri sc-status\n2024-01-01 /a 200\n2024-01-02 /b 404\n",
        "#Fields: day cs-uri sc-status\n2024-01-01 /a 200\n#Version: 1.0\n2024-01-02 /b 404\n",
        "#Version: 1.0\n#Fields: day cs-uri sc-status\n2024-01-01\t/a\t200\n2024-01-02\t/b\t404\n",
        "#path\tconn\n#fields\tday\tcs-uri\tsc-status\n#types\ttime\n2024-01-01\t/a\t200\n2024-01-02\t/b\t404\n",
    ],
)
def test_a_comment_of_a_log_names_the_fields(log: str) -> None:
    found = convert(log)
    assert found.table.column_names == ["day", "cs-uri", "sc-status"]
    assert [row[1:] for row in found.rows] == [("/a", 200), ("/b", 404)]


@pytest.mark.parametrize(
    "text",
    ["Name;Age\nAnn;5\n\nBob;7\nCy;8\n", "Name;Age\n\nAnn;5\nBob;7\n", "Name;Score\n\nAnn;none\nBob;7\n"],
)
def test_names_and_rows_above_a_blank_line_are_no_keys_and_values(text: str) -> None:
    assert convert(text).table.column_names == text.splitlines()[0].split(";")


@pytest.mark.parametrize(
    "below",
    [
        "Saldo;11",
        '"Total";"11"',
        "\nClosing balance;11\n\nMy bank\n",
        "Gesamtbetrag;11\nSource: a hand",
        "--- end ---\nEOF\n",
    ],
)
def test_narrower_lines_of_words_below_the_table_are_no_rows(below: str) -> None:
    found = convert(f"day;what;sum\n2024-01-01;a;5\n2024-01-02;b;6\n{below}")
    assert [row[1:] for row in found.rows] == [("a", 5), ("b", 6)]
    assert found.issues == ["footer_lines"]


@pytest.mark.parametrize("last", ["11", "2024-05-06", "-1.5"])
def test_a_lone_number_or_date_below_the_table_is_a_bad_row(last: str) -> None:
    with pytest.raises(ConversionError, match="Line 4: it has 1 field where 2 were expected"):
        convert(f"1,2\n6,7\n\n{last}\n\n")


@pytest.mark.parametrize(
    "above",
    [
        "Spectrum of x\n\nDate: Mon Jan 01 10:00:00 2024\nPoints: 3\n>>>>>Begin Spectral Data<<<<<\n",
        "LabVIEW Measurement\t\n***End_of_Header***\t\n\t\nSamples\t3\t3\t\n***End_of_Header***\t\t\t\n",
        "TITLE\tx\nXUNITS\tNANOMETERS\nNPOINTS\t3\n\nXYDATA\n",
        "[Header]\t\nDate\t1/1/2024\n\t\n[Data]\t\n",
    ],
)
@pytest.mark.parametrize(("header", "names"), [("", ["column_1", "column_2"]), ("x\ty\n", ["x", "y"])])
def test_what_an_instrument_writes_before_it_says_that_data_begins_is_no_part_of_it(
    above: str, header: str, names: list[str]
) -> None:
    found = convert(f"{above}{header}1\t0.5\n2\t0.6\n3\t0.7\n>>>>>End Spectral Data<<<<<\n")
    assert found.table.column_names == names
    assert found.rows == [(1, 0.5), (2, 0.6), (3, 0.7)]
    assert found.issues == ["title_lines", "footer_lines"]


def test_attributes_that_are_declared_above_the_data_name_the_columns() -> None:
    found = convert(
        "% weather\n@relation w\n@attribute 'wind speed' real\n@ATTRIBUTE sky {sunny,grey}\n@attribute play {yes, no}\n"
        "\n@data\n85,sunny,no\n80,grey,no\n83,sunny,yes\n"
    )
    assert found.table.column_names == ["wind speed", "sky", "play"]
    assert found.rows == [(85, "sunny", "no"), (80, "grey", "no"), (83, "sunny", "yes")]


def test_a_title_and_a_table_may_stand_in_the_middle_of_a_sheet() -> None:
    found = convert(";;;\n;Sales 2023;;\n;;;\n;Land;Q1;Q2\n;DE;1;2\n;FR;3;4\n")
    assert found.table.column_names == ["column_1", "Land", "Q1", "Q2"]
    assert found.rows == [(None, "DE", 1, 2), (None, "FR", 3, 4)]


@pytest.mark.parametrize("lines", [1, 250, 1500])
def test_a_preamble_may_be_long(lines: int) -> None:
    found = convert("".join(f"k{n}: v\n" for n in range(lines)) + "[Data]\nx,y\n1,2\n3,4\n")
    assert found.table.column_names == ["x", "y"]
    assert found.rows == [(1, 2), (3, 4)]


def test_where_comments_alone_stand_below_what_says_that_data_begins_it_says_nothing() -> None:
    assert convert("#c\n#d\nk,v\n[Data],1\n[Data]\n#x\n#y\n", has_header=False, delimiter=",", on_bad_row="skip").rows


@pytest.mark.parametrize("first", ["a,b\n1,2\n3,4\n", "name,b\nAnn,2\nBob,4\n"])
def test_of_two_tables_in_a_file_none_is_left_out(first: str) -> None:
    with pytest.raises(ConversionError, match="Line 5: it has 3 fields where 2 were expected"):
        convert(f"{first}\nc,d,e\n5,6,7\n8,9,10\n11,12,13\n")


def test_keys_that_come_again_are_those_of_rows() -> None:
    tables = convert("MONTH;rain 1992\nmay;61\njun;57\n\nMONTH;rain 2001\nmay;6\njun;5\n")
    assert tables.table.num_rows == 5
    assert tables.issues == ["blank_lines", "type_inconsistency"]


def test_a_header_is_no_title_of_a_single_longer_row() -> None:
    assert convert("Account;DE12\n\nday;sum;what\n").table.column_names == ["day", "sum", "what"]
    with pytest.raises(ConversionError, match="Line 3: it has 4 fields where 3 were expected"):
        convert("day;sum;what\n\nx;y;a;b\n")


@pytest.mark.parametrize("last", ["2024-01-03;c", "Ann;7", 'and more";7', "Ann\x00;7"])
def test_a_narrower_line_that_may_be_a_row_is_a_bad_one(last: str) -> None:
    with pytest.raises(ConversionError, match=r"Line \d: "):
        convert("day;what;sum\n2024-01-01;a;5\n" + last)


def test_a_delimiter_may_end_the_header_below_titles() -> None:
    found = convert("Series: X\n\nTitle: rate\n\nid,year,value,\nx,1959,5.8\nx,1960,5.1\n")
    assert found.table.column_names == ["id", "year", "value"]
    assert found.rows == [("x", 1959, 5.8), ("x", 1960, 5.1)]


def test_a_delimiter_is_not_missed_because_rows_are_ragged_and_a_name_is_lacking() -> None:
    with pytest.raises(ConversionError, match="Line 2: it has 2 fields where 4 were expected"):
        convert("id,name,,name\n1,english\n1,english\n\n2,german,1,2,3\n")
    with pytest.raises(ConversionError, match="Line 4: it has 4 fields where 3 were expected"):
        convert("\n\na,b,c\n1,27,,x\n,y\n0,m,17\n")


def test_comments_do_not_hide_that_columns_are_aligned() -> None:
    found = convert("# north, at noon\n   0.0 1.5  UMi\n  10.0 2.5  UMa\n# or so\n 100.0 2.5  Cep\n")
    assert found.rows == [(0.0, 1.5, "UMi"), (10.0, 2.5, "UMa"), (100.0, 2.5, "Cep")]
    assert [warning.message for warning in found.warnings if warning.issue == "title_lines"] == [
        "1 line above the table was left out: '# north, at noon'."
    ]


def test_aligned_columns_may_be_one_blank_apart_where_that_gives_more_numbers() -> None:
    assert convert("# x   y   z\n  0.1  0.2 0.3\n  0.4 0.5   0.6\n").rows == [(0.1, 0.2, 0.3), (0.4, 0.5, 0.6)]
    assert convert("id name  value\n 1 Bob     3.2\n 2 Alice   4.5\n").rows == [(1, "Bob", 3.2), (2, "Alice", 4.5)]
    assert convert('n  name       oaa\n1  Q1250      9\n2  "Source 8"   12.5\n').rows == [
        (1, "Q1250", 9.0),
        (2, '"Source 8"', 12.5),
    ]
    assert convert("name   n  m\nNew York  1  2\nLos Angeles  3  4\n").rows == [
        ("New York", 1, 2),
        ("Los Angeles", 3, 4),
    ]


def test_names_below_a_title_need_not_be_unique() -> None:
    found = convert("My report\n\nday;sum;sum\n2024-01-01;5;6\n2024-01-02;7;8\n")
    assert found.table.column_names == ["day", "sum", "sum_2"]
    assert found.issues == ["duplicate_column_names", "title_lines"]


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
        "C:\\data\\b.txt\nC:\\data\\c.txt\n",
        "path\nC:\\data\\a.txt\nC:\\data\\b.txt\n",
        "log\n10:11 started\n10:12 ended\n",
    ],
)
def test_one_column_stays_one_column(text: str) -> None:
    found = convert(text)
    assert found.table.num_columns == 1
    assert found.table.num_rows == 2
    assert found.facts["delimiter"] is None


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('1,"foo",\\N\n2,"a \\"q\\", b",3\n', [(1, "foo", None), (2, 'a "q", b', 3)]),
        ("1\tfoo\t\\N\n2\ta\\tb\t3\n3\tover\\\nleaf\t4\n", [(1, "foo", None), (2, "a\\tb", 3), (3, "over\nleaf", 4)]),
        ('1,"C:\\temp\\new"\n2,"a \\"q\\", b"\n', [(1, "C:\\temp\\new"), (2, 'a "q", b')]),
        ("1,x\\, y\n2,z\n3,w\n", [(1, "x, y"), (2, "z"), (3, "w")]),
        ("C:\\a\\,1\nC:\\b\\,2\n", [("C:\\a\\", 1), ("C:\\b\\", 2)]),
        ('1,"a, 5\\""\n2,x\n3,"b, 6\\""\n', [(1, 'a, 5"'), (2, "x"), (3, 'b, 6"')]),
    ],
)
def test_a_backslash_escapes_only_what_needs_it(text: str, rows: list[tuple[Any, ...]]) -> None:
    assert convert(text, has_header=False).rows == rows


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
        ("DE1234\tx y\nFR2345\tz\nIT3456\tw\n", ["column_1", "column_2"]),
        ("04-Nov-01,a\n05-Nov-01,b\n\n05-Dec-01,c\n", ["column_1", "column_2"]),
        ("C:\\a.txt;Y\nC:\\b.txt;N\n", ["column_1", "column_2"]),
        ("A|\nB|x\nA|y\n", ["column_1", "column_2"]),
        ("M,yes\nF,no\nM,yes\nM,no\n", ["column_1", "column_2"]),
        ("Y\nN\nY\nY\n", ["column_1"]),
        ("name,what\nAnn,x\nname,what\nBob,y\nCy,z\n", ["name", "what"]),
        ("Plan2024;Plan2025\nA1;B\nA2;C\n", ["Plan2024", "Plan2025"]),
        ("Y,west\nY,north\nN,south\nY,east\nN,up\n", ["column_1", "column_2"]),
        ("x,n\nx,1\n,2\nx,3\nx,4\n", ["x", "n"]),
        ("red,shade\nblue,a\nred,b\ngreen,c\n", ["red", "shade"]),
        ("M,yes\nF,no\nM,no\nF,yes\n", ["column_1", "column_2"]),
        ("1:0:16.6:30.1\n1:1:33.3:363.3\n", ["column_1"]),
        ("12 - 5\nabout 7\n", ["column_1"]),
        (
            "{3F2504E0-4F89-11D3-9A0C-0305E82C3301},x\n{3F2504E0-4F89-11D3-9A0C-0305E82C3302},y\n",
            ["column_1", "column_2"],
        ),
        ("age,0-9,10-19\nm,x,y\nf,z,w\n", ["age", "0-9", "10-19"]),
        ("a\tb\nr1\t1\t2\nr2\t3\t4\n", ["column_1", "a", "b"]),
    ],
)
def test_it_tells_a_header_from_data(text: str, names: list[str]) -> None:
    assert convert(text).table.column_names == names


def test_a_trailing_delimiter_that_hides_a_value_far_below_becomes_a_column() -> None:
    found = convert("a,b,\n" + "1,2,\n" * 50_000 + "1,2,3\n")
    assert found.table.column_names == ["a", "b", "column_3"]
    assert found.table.column("column_3")[50_000].as_py() == 3


STATION = " Alamosa\n   37.70  105.92 2317 m version 1\n"
MEASURED = "".join(f" 2016  1  {n}  91.{n}  -1.8 0{'   -9.9 0' * 5}\n" for n in range(5, 13))
NIST = "NIST/ITL StRD\nDataset Name:  Longley\nCertified Values\n B0   -348.26  890.42\n\nData:\n\n"
LONGLEY = "".join(f"{n} {n * 7 % 10}.{n} {n + 1900}  {n}\n" for n in range(1, 13))
SUNSPOTS = "SUNSPOTS\n=====\nYear  Jan  Feb\n-----\n1749 58.0 62.6\n1750 73.3 75.9\n1751 70 43.5\n"
ABOVE_NUMBERS = {
    "a station and its place": (STATION + MEASURED, 16),
    "atoms, counted": ("3\nwater, by hand\n" + "O 0.0 0.0 0.1\nH 0.0 0.7 -0.4\nH 0.0 -0.7 -0.4\n", 4),
    "rows and columns, counted": ("8 16\n" + MEASURED, 16),
    "prose with a table of its own": (NIST + LONGLEY, 4),
    "a title, rulers and names": (SUNSPOTS, 3),
    "names alone, but for the rows' own": ("id kind size cost\n0 M 1 1 0\n1 M 1 2 100\n2 H 1 1 0\n3 H 10 2 30\n", 5),
}


@pytest.mark.parametrize("name", ABOVE_NUMBERS)
def test_numbers_that_blanks_align_are_a_table_whatever_is_written_above(name: str) -> None:
    text, width = ABOVE_NUMBERS[name]
    found = convert(text)
    lines = [line.split() for line in text.splitlines()]
    names = next((line for line in lines if line[:1] in (["Year"], ["id"])), [])
    assert found.table.num_columns == width
    assert found.table.column_names[-len(names) :] == (names or found.table.column_names)
    rows = [[float(cell) if isinstance(cell, (int, float, Decimal)) else cell for cell in row] for row in found.rows]
    written = [line for line in lines if len(line) == width and line != names][-len(rows) :]
    assert rows == [[float(cell) if not cell.isalpha() else cell for cell in line] for line in written]
    assert len(rows) >= 3


ROWS_ABOVE = {
    "a shorter row": "1 2\n1 2 3\n4 5 60\n7 8 9\n",
    "rows with one field less": "".join(f"star {n} 1.5 2.5\n" for n in range(3)) + "star 9 1.5 2.5 7\n" * 5,
    "another block": "a 1.5 2.5\nb 1.5 2.5\nc 1.5 2.5\nand then\n" + "d 1.5 2.5\ne 1.5 2.5\nf 1.5 2.5\n",
}


@pytest.mark.parametrize("name", ROWS_ABOVE)
def test_rows_of_other_widths_are_never_taken_for_prose(name: str) -> None:
    try:
        found = convert(ROWS_ABOVE[name])
    except ConversionError as error:
        assert error.code == "bad_row"  # noqa: PT017 - either is right
    else:
        assert "title_lines" not in found.issues
        assert found.table.num_rows in (len(ROWS_ABOVE[name].splitlines()), len(ROWS_ABOVE[name].splitlines()) - 1)


def test_a_table_drawn_by_the_rules_of_ipac_is_cut_where_its_bars_are() -> None:
    text = (
        "\\fixlen = T\n\\ by hand\n|   ra      |  name   | mag  |\n"
        "|   double  |  char   | real |\n|   deg     |         |      |\n"
        "  165.466279  star a    12.50 \n  123.456789            9.75 \n"
    )
    found = convert(text)
    assert found.table.column_names == ["ra", "name", "mag"]
    assert found.rows == [(165.466279, "star a", Decimal("12.50")), (123.456789, None, Decimal("9.75"))]
    assert any("|   deg     |" in warning.message for warning in found.warnings if warning.issue == "title_lines")
    with pytest.raises(ConversionError, match="Line 6: it has 1 field where 3 were expected"):
        convert(text.replace("  star a ", "22star a "))


def test_loggers_name_their_columns_in_the_second_of_four_lines() -> None:
    found = convert(
        '"TOA5","site","CR1000X","12345","CR1000X.Std.03","CPU:a.CR1","50123","Ten"\n"TIMESTAMP","RECORD","Batt, V"\n'
        '"TS","RN","Volts"\n"","","Min"\n"2021-05-01 00:10:00",0,12.9\n"2021-05-01 00:20:00",1,"NAN"\n'
    )
    assert found.table.column_names == ["TIMESTAMP", "RECORD", "Batt, V"]
    assert [row[:2] for row in found.rows] == [
        (datetime(2021, 5, 1, 0, 10), 0),
        (datetime(2021, 5, 1, 0, 20), 1),
    ]
    assert "title_lines" in found.issues


def test_the_name_that_a_logger_gives_may_be_long() -> None:
    name = "x" * 200_000
    found = convert(f'"TOA5","site"\n"TS","{name}"\n"","Volts"\n"","Min"\n"2021-05-01 00:10:00",1\n')
    assert found.table.column_names == ["TS", name]


def test_attributes_may_be_many_and_have_quotes_in_the_remarks_above_them() -> None:
    names = [f"attribute_{place}" for place in range(900)]
    declared = "".join(f"@attribute {name} numeric\n" for name in names)
    row = ",".join(map(str, range(900)))
    found = convert(f'%"about them\n%\n@Relation r\n\n{declared}@data\n{row}\n{row}\n')
    assert found.table.column_names == names
    assert found.rows == [tuple(range(900))] * 2


def test_one_name_above_two_fields_is_that_of_the_second() -> None:
    found = convert('"x"\n"RDA1",820.5\n"RDA2",399.25\n')
    assert found.table.column_names[1:] == ["x"]
    assert found.rows == [("RDA1", 820.5), ("RDA2", 399.25)]


@pytest.mark.parametrize(
    "text",
    [
        "Count (n)\n2020-05-10 07:55:27\n",
        "Count (n)\nz,,i'\n",
        "a b\nc;d\ne f\ng|h\nlast|of|all|four\n",
    ],
)
def test_one_line_makes_no_delimiter_of_what_it_holds(text: str) -> None:
    assert [str(value) for (value,) in convert(text).rows] == text.splitlines()[1:]


DIGESTS = [f"{number * 7919:032x}" for number in range(2**90, 2**90 + 6)]


@pytest.mark.parametrize("blanks", ["  ", "\t", " "])
def test_digests_are_values_and_no_names(blanks: str) -> None:
    rows = [(f"file_{number}.dat", digest) for number, digest in enumerate(DIGESTS)]
    assert convert("".join(f"{name}{blanks}{digest}\n" for name, digest in rows)).rows == rows


@pytest.mark.parametrize(
    ("header", "names"),
    [
        (",3,4,17\n", ["3", "4", "17"]),
        (",0.5,1.5,2.25\n", ["0.5", "1.5", "2.25"]),
        ('"",2024-01-01,2024-01-31,2024-03-02\n', ["2024-01-01", "2024-01-31", "2024-03-02"]),
    ],
)
def test_labels_beside_an_empty_corner_are_names(header: str, names: list[str]) -> None:
    found = convert(header + "a,7.25,8,9\nb,1,2.75,6\n")
    assert found.table.column_names[1:] == names
    assert found.rows == [("a", 7.25, 8, 9), ("b", 1, 2.75, 6)]


def test_an_empty_cell_above_another_is_no_corner() -> None:
    assert convert(",3,4,17\na,7.25,8,9\n,1,2.75,6\n").table.num_rows == 3


def test_a_column_without_a_name_in_pandas_is_called_0() -> None:
    assert convert("Month,0\n2016-01-01,129.5\n2016-02-01,131.25\n").table.column_names == ["Month", "0"]


def test_a_first_row_of_long_codes_without_digits_is_a_row() -> None:
    keys = ["RYYVLZVUVIJVGH-UHFFFAOYSA-N", "XMLSXPIVAXONDL-PLNGDYQASA-N", "ALUZCFMOHFZLKV-UHFFFAOYSA-N"]
    assert convert("".join(f"{key}\tpart {key[:3]}\n" for key in keys)).table.num_rows == 3


@pytest.mark.parametrize("remarks", [3, 250, 5000])
def test_however_many_remarks_stand_above_the_names_none_hides_the_table(remarks: int) -> None:
    meta = "".join(f'##contig=<ID={n},length={n * 1000},assembly="GRCh38, primary | alt">\n' for n in range(remarks))
    found = convert(f"##fileformat=VCFv4.2\n{meta}#CHROM\tPOS\tINFO\nchr1\t7\tAC=1;AN=2\nchr2\t9\tAC=3;AN=4\n")
    assert found.table.column_names == ["#CHROM", "POS", "INFO"]
    assert found.rows == [("chr1", 7, "AC=1;AN=2"), ("chr2", 9, "AC=3;AN=4")]
    assert found.facts["title_lines"] == remarks + 1
    noted = convert("".join(f"# remark {n}, by hand\n" for n in range(remarks)) + "a,b\n1,x\n2,y\n")
    assert noted.rows == TABLE


@pytest.mark.parametrize("remarks", [150, 20_000, 150_000])
def test_of_a_file_of_nothing_but_remarks_none_is_left_out(remarks: int) -> None:
    assert convert("".join(f"##[run {n}] starting test {n}, {n}\n" for n in range(remarks))).table.num_rows == remarks


@pytest.mark.parametrize("title", ["track name=peaks description='found by hand'", '@{"size": [3, 2]}'])
def test_a_line_of_words_above_rows_without_a_header_is_a_title(title: str) -> None:
    rows = "chr1\t9\t12\nchr1\t20\t21\nchr2\t7\t8\n"
    found = convert(f"{title}\n{rows}")
    assert found.rows == [("chr1", 9, 12), ("chr1", 20, 21), ("chr2", 7, 8)]
    assert "title_lines" in found.issues
    with pytest.raises(ConversionError, match="Line 2: it has 3 fields where 1 was expected"):
        convert(f"chromosomes\n{rows}")


@pytest.mark.parametrize("above", ["% by hand\r\n" * 80, "\r\n" * 80, "x" * 2_000_000 + " y\n", "#\n" * 50_000])
def test_what_stands_above_is_judged_at_once_however_much_it_is(above: str) -> None:
    assert convert(f"{above}a;b;c\r\n1;x;2\r\n3;y;4\r\n").rows == [(1, "x", 2), (3, "y", 4)]


@pytest.mark.parametrize(("outer", "inner"), [*permutations(",;\t|", 2)])
@pytest.mark.parametrize("items", [2, 3])
def test_lists_in_cells_leave_the_delimiter_that_cuts_the_names(outer: str, inner: str, items: int) -> None:
    names = ["day", "low", "high"]
    rows = [[f"2007-01-{day:02d}", *(inner.join([f"{day}"] * items) for _ in range(2))] for day in range(10, 30)]
    found = convert("\n".join(outer.join(row) for row in [names, *rows]))
    assert found.table.column_names == names
    assert found.table.column("high").to_pylist() == [row[2] for row in rows]
