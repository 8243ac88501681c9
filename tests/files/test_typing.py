"""Types come from all the rows, and every value is given back by its type."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from tests.files.converting import convert

UTC = dt.UTC


def column(*values: str) -> str:
    return "\n".join(["v", *values, ""])


@pytest.mark.parametrize(
    ("values", "kind", "read"),
    [
        (["1", "-2"], "int64", [1, -2]),
        (["9223372036854775807"], "int64", [2**63 - 1]),
        (["9223372036854775808", "1"], "decimal128(38, 0)", [Decimal(2**63), Decimal(1)]),
        (["1.5", "2"], "double", [1.5, 2.0]),
        (["1e5", "1.50e-07"], "double", [1e5, 1.5e-7]),
        (["nan", "1.5", "-inf"], "double", None),
        (["12.50", "3.25"], "decimal128(18, 2)", [Decimal("12.50"), Decimal("3.25")]),
        ([".50", "-.25", "7."], "decimal128(18, 2)", [Decimal("0.50"), Decimal("-0.25"), Decimal("7.00")]),
        (["12345678901234567.89"], "decimal128(38, 2)", [Decimal("12345678901234567.89")]),
        (["0.30000000000000004"], "double", [0.30000000000000004]),
        (["0.1000000000000000055"], "decimal128(38, 19)", [Decimal("0.1000000000000000055")]),
        (["true", "FALSE"], "bool", [True, False]),
        (["2024-02-29"], "date32[day]", [dt.date(2024, 2, 29)]),
        (["2024-02-29 10:11:12.5"], "timestamp[us]", [dt.datetime(2024, 2, 29, 10, 11, 12, 500_000)]),
        (["2024-02-29T10:11Z"], "timestamp[us, tz=UTC]", [dt.datetime(2024, 2, 29, 10, 11, tzinfo=UTC)]),
        (["2024-02-29T10:11+02:00"], "timestamp[us, tz=UTC]", [dt.datetime(2024, 2, 29, 8, 11, tzinfo=UTC)]),
        (["10:11", "23:59:59.000001"], "time64[us]", [dt.time(10, 11), dt.time(23, 59, 59, 1)]),
        (["31/12/2024", "01/02/2024"], "date32[day]", [dt.date(2024, 12, 31), dt.date(2024, 2, 1)]),
        (["12/31/2024"], "date32[day]", [dt.date(2024, 12, 31)]),
        (["2024/1/5"], "date32[day]", [dt.date(2024, 1, 5)]),
        (["5-Jan-2024", "16 february 2024"], "date32[day]", [dt.date(2024, 1, 5), dt.date(2024, 2, 16)]),
        (["Jan 5, 2024"], "date32[day]", [dt.date(2024, 1, 5)]),
        (["10:11:12.500000000"], "time64[us]", [dt.time(10, 11, 12, 500_000)]),
        (["10:11:12.500000001"], "string", ["10:11:12.500000001"]),
        (["1:05 PM", "12:00 am"], "time64[us]", [dt.time(13, 5), dt.time(0)]),
        (["9:05"], "time64[us]", [dt.time(9, 5)]),
        (["1/31/2024 12:05:07 PM"], "timestamp[us]", [dt.datetime(2024, 1, 31, 12, 5, 7)]),
        (["01/31/2024 12:05:07.250"], "timestamp[us]", [dt.datetime(2024, 1, 31, 12, 5, 7, 250_000)]),
        (['"31.1.2024 9:05:07,5"'], "timestamp[us]", [dt.datetime(2024, 1, 31, 9, 5, 7, 500_000)]),
        (["  1", " -2 "], "int64", [1, -2]),
        ([" 2024-01-05"], "date32[day]", [dt.date(2024, 1, 5)]),
    ],
)
def test_values_get_the_type_that_gives_them_back(values: list[str], kind: str, read: list[Any] | None) -> None:
    found = convert(column(*values))
    assert found.types == {"v": kind}
    if read is not None:
        assert found.table.column("v").to_pylist() == read


def test_nanoseconds_are_kept() -> None:
    table = convert(column("2024-01-02 03:04:05.123456789")).table
    assert table.schema.field("v").type == pa.timestamp("ns")
    assert table.column("v").cast(pa.int64())[0].as_py() % 10**9 == 123_456_789


@pytest.mark.parametrize(
    ("values", "issue"),
    [
        (["007", "10"], "leading_zeros"),
        (["00.5", "-.50"], "leading_zeros"),
        (["+5", "6"], "plus_signs"),
        (["1" * 50], "over_long_numbers"),
        (["1e400", "1"], "over_long_numbers"),
        (["1,234", "5"], "thousands_separators"),
        (["03/04/2024", "05/06/2024"], "ambiguous_dates"),
        ([" 03/04/2024"], "ambiguous_dates"),
        (["31/12/99"], "ambiguous_dates"),
        (["17-DEC-80"], "ambiguous_dates"),
        (["1,5", "2,25"], "decimal_commas"),
        (["1.234,56", "7"], "decimal_commas"),
        (["1 234,56"], "decimal_commas"),
        (["1,23,456.78"], "thousands_separators"),
        (["1 100", "22 200", "3"], "thousands_separators"),
        (["1.234.567", "8.901"], "thousands_separators"),
        (["$1.50", "€ 1.000,00"], "units_in_numbers"),
        (["5%", "12.5 %"], "units_in_numbers"),
        (["$1,200.50", "(3 400 EUR)", "1.234,56\u00a0€"], "units_in_numbers"),
        (["13:05 PM"], None),
        (["1", "2", "three"], "type_inconsistency"),
        (["31/12/2024", "12/31/2024"], "mixed_dates"),
        (["2024-02-30", "2024-01-01"], "mixed_dates"),
        (["2024-01-01T00:00Z", "2024-01-01"], "mixed_dates"),
        (["0x1F", "NaNs"], None),
        (["-0"], None),
        (["1e-400"], None),
        (["24:00"], "mixed_dates"),
    ],
)
def test_what_no_type_gives_back_stays_text_and_is_reported(values: list[str], issue: str | None) -> None:
    found = convert(column(*(f'"{value}"' for value in values)))
    if values != ["-0"]:
        assert found.table.column("v").to_pylist() == values
    if issue:
        assert found.issues == [issue]


@pytest.mark.parametrize("numbers", [["555 100 4000", "555 101 4001"], ["2020 1 1", "2020 10 10"], ["12.34.56.78"]])
def test_digits_in_other_groups_than_thousands_are_text_like_any_other(numbers: list[str]) -> None:
    found = convert(column(*numbers))
    assert (found.table.column("v").to_pylist(), found.issues) == (numbers, [])


def test_minus_zero_keeps_its_sign() -> None:
    value = convert(column("-0")).table.column("v")[0].as_py()
    assert str(value) == "-0.0"


@pytest.mark.parametrize(
    ("usual", "late", "kind"),
    [
        ("1", "2.5", "double"),
        ("1", "2.50", "decimal128(18, 2)"),
        ("1", "x", "string"),
        ("1.5", "2.50", "decimal128(18, 2)"),
        ("9007199254740993", "0.5", "decimal128(18, 1)"),
        ("2024-01-02", "n.d.", "string"),
        ("01/02/2024", "31/12/2024", "date32[day]"),
        ("", "7", "int64"),
        ("007", "x", "string"),
        ("true", "1", "string"),
    ],
)
def test_one_value_far_below_the_sample_changes_the_type_of_all(usual: str, late: str, kind: str) -> None:
    found = convert("k,v\n" + f"1,{usual}\n" * 60_000 + f"1,{late}\n")
    assert found.types == {"k": "int64", "v": kind}
    assert found.table.num_rows == 60_001
    first, last = found.table.column("v")[0].as_py(), found.table.column("v")[60_000].as_py()
    if kind == "string":
        assert (first, last) == (usual, late)
    elif kind != "date32[day]" and usual:
        assert (Decimal(str(first)), Decimal(str(last))) == (Decimal(usual), Decimal(late))


def test_an_all_null_column_is_text() -> None:
    assert convert("k,v\n1,\n2,\n").types == {"k": "int64", "v": "string"}


def test_a_date_format_reads_what_would_be_ambiguous() -> None:
    found = convert(column("03/04/2024"), date_format="%d/%m/%Y")
    assert found.table.column("v").to_pylist() == [dt.date(2024, 4, 3)]


def test_a_date_format_that_no_column_has_is_reported() -> None:
    assert convert(column("03/04/2024"), date_format="%Y.%m.%d").issues == ["unused_date_format", "ambiguous_dates"]


def test_a_decimal_comma_is_read_with_the_digits_in_groups() -> None:
    found = convert(column('"1.234,56"', '"7"', '"-0,50"'), decimal_comma=True)
    assert found.table.column("v").to_pylist() == [Decimal("1234.56"), Decimal(7), Decimal("-0.50")]


def test_beside_decimal_commas_a_point_before_three_digits_is_none() -> None:
    found = convert("a;b;c;d\n1.234;5.253;0.123;1.25\n950;17.880;0.456;2.5\n1;2.000;1.5;3\n")
    assert [*found.types.values()] == ["double", "decimal128(18, 3)", "double", "double"]
    found = convert("a;b;c;d;e\n1.234;5.253;0.123;1.25;1.234,5\n950;17.880;0.456;2.5;7,25\n")
    assert [*found.types.values()] == ["string", "string", "double", "double", "string"]
    assert found.issues == ["thousands_separators", "thousands_separators", "decimal_commas"]


def test_a_point_of_decimals_far_below_decides() -> None:
    found = convert("a;b\n" + "1.234;1,5\n" * 60_000 + "1.5;1,5\n")
    assert found.types["a"] == "double"


def test_digits_in_groups_without_a_decimal_comma_stay_text() -> None:
    assert convert(column("555 123 456", "1.234"), decimal_comma=True).types == {"v": "string"}


def test_a_date_format_knows_two_digit_years_and_month_names() -> None:
    found = convert(column("17-DEC-80", "01-jan-24"), date_format="%d-%b-%y")
    assert found.table.column("v").to_pylist() == [dt.date(1980, 12, 17), dt.date(2024, 1, 1)]


@pytest.mark.parametrize("value", ["7", "2.5", "n/a yet", "2024-01-31"])
@pytest.mark.parametrize("place", [1_499_999, 1_400_001, 3])
def test_a_column_is_typed_by_the_only_value_that_it_has_in_a_large_file(value: str, place: int) -> None:
    lines = ["1;\n"] * 6_000_000
    lines[place] = f"1;{value}\n"
    found = convert("a;b\n" + "".join(lines)).table.column("b")
    assert found.null_count == len(lines) - 1
    assert str(found[place]) == {"2.5": "2.5", "7": "7"}.get(value, value)
    assert str(found.type) == {"7": "int64", "2.5": "double", "n/a yet": "string", "2024-01-31": "date32[day]"}[value]


def test_lines_within_quotes_do_not_tell_types() -> None:
    text = "\n".join(["x,y,z"] * 300_000)
    found = convert('a,b,c\n1,2,"q"\n' + f'3,4,"{text}"\n' * 12)
    assert found.types == {"a": "int64", "b": "int64", "c": "string"}
    assert found.table.num_rows == 13
