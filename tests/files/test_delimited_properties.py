"""Whatever is written with Python's csv module comes out as it was written."""

from __future__ import annotations

import csv
import io
import math
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.errors import ConversionError, UnreadableFile
from connectors.files.delimited.columns import NULL_WORDS
from tests.files.converting import convert

PATIENT = settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow])
TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=12)
WRITTEN_NUMBERS = st.one_of(
    st.integers().map(str),
    st.floats().map(repr),
    st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**30), max_value=10**30).map(str),
    st.from_regex(r"[+-]?[0-9]{1,45}(\.[0-9]{0,25})?([eE][+-]?[0-9]{1,3})?", fullmatch=True),
)


def written(rows: list[list[str]], **style: Any) -> str:
    """Rows below a header ``a,b,c``."""
    text = io.StringIO()
    csv.writer(text, **style).writerows([["a", "b", "c"], *rows])
    return text.getvalue()


def rows_of(cell: st.SearchStrategy[str]) -> st.SearchStrategy[list[list[str]]]:
    return st.lists(st.lists(cell, min_size=3, max_size=3), min_size=1, max_size=12)


@PATIENT
@given(
    rows=rows_of(TEXT),
    delimiter=st.sampled_from(",;\t|"),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_quoted_text_comes_back_exactly(rows: list[list[str]], delimiter: str, end: str) -> None:
    text = written(rows, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    forced = dict.fromkeys("abc", pa.string())
    found = convert(text, delimiter=delimiter, has_header=True, type_overrides=forced)
    assert [list(row) for row in found.rows] == rows


@PATIENT
@given(rows=rows_of(TEXT.map(lambda text: text.replace("\r", ""))), style=st.sampled_from(["doubled", "escaped"]))
def test_text_comes_back_in_either_quoting_style(rows: list[list[str]], style: str) -> None:
    options: dict[str, Any] = {"doublequote": style == "doubled"}
    if style == "escaped":
        options["escapechar"] = "\\"
        rows = [[cell.replace("\\", "") for cell in row] for row in rows]
    text = written(rows, lineterminator="\n", quoting=csv.QUOTE_ALL, **options)
    found = convert(text, delimiter=",", has_header=True)
    assert [["" if value is None else shown(value) for value in row] for row in found.rows] == [
        [as_number(cell) for cell in row] for row in rows
    ]


@PATIENT
@given(numbers=st.lists(WRITTEN_NUMBERS, min_size=1, max_size=8))
def test_every_number_comes_back_as_the_same_number_or_as_its_text(numbers: list[str]) -> None:
    values = convert("\n".join(["v", *numbers]), delimiter=",", has_header=True).table.column("v").to_pylist()
    for number, value in zip(numbers, values, strict=True):
        assert same(number, value), (number, value)


@PATIENT
@given(content=st.binary(min_size=1, max_size=200))
def test_any_bytes_are_read_or_refused_and_nothing_else(content: bytes) -> None:
    with suppress(UnreadableFile):
        convert(content)


@PATIENT
@given(rows=rows_of(st.text("ab1,;\"'\n .", max_size=5)), cut=st.integers(0, 40))
def test_a_damaged_file_is_refused_or_gives_rows_that_python_reads_too(rows: list[list[str]], cut: int) -> None:
    text = written(rows, lineterminator="\n")
    damaged = text[:6] + text[6 + cut + 1 :]
    try:
        found = convert(damaged, delimiter=",", quote_char='"', has_header=True)
    except ConversionError:
        return
    expected = list(csv.reader(io.StringIO(damaged, newline=""), strict=True))[1:]
    expected = [row for row in expected if any(cell.strip() for cell in row) or len(row) == 3]
    assert found.table.num_rows == len(expected)
    for row, wanted in zip(found.rows, expected, strict=True):
        if wanted[3:] == [""]:  # a delimiter at the end of every line
            wanted.pop()
        assert all(same(cell, value) for cell, value in zip(wanted, row, strict=True)), (row, wanted)


def same(cell: str, value: Any) -> bool:
    """Whether a value is the number that a cell shows, or its text; null only for an empty cell or a null word."""
    if value is None:
        return cell in ("", *NULL_WORDS)
    if isinstance(value, str):
        return value == cell
    if isinstance(value, float) and not math.isfinite(value):
        return cell.lower().lstrip("+-") in ("nan", "inf", "infinity") and (
            math.isnan(value) or ("-" in cell) == (value < 0)
        )
    return Decimal(cell) == Decimal(str(value))


def shown(value: Any) -> str:
    return as_number(str(value))


def as_number(text: str) -> str:
    """Numbers in one form, so that ``1.0`` and ``1`` compare equal; other text as it is."""
    try:
        number = Decimal(text)
    except ArithmeticError:
        return text.lower() if text.lower() in ("true", "false") else text
    return str(number.normalize()) if number.is_finite() else str(number)
