"""One table, hard to cut, written with any delimiter, quotes and escapes, is found again."""

from __future__ import annotations

import csv
import datetime as dt
import io
from decimal import Decimal
from typing import Any

import pytest

from tests.files.converting import convert

NAMES = ["day", "count", "price", "kind", "said", "address"]
ROWS = [
    (dt.date(2018, 3, number), number, Decimal(f"{number}.50"), kind, said, f"https://shop.example/?id={number}&x=1")
    for number, kind, said in [
        (1, "Home, Garden", "plain words"),
        (2, "Toy", 'the "best" of all'),
        (3, "Food", "line one\nline two"),
        (4, "Tea | coffee", "words; more: words"),
        (5, "Book", "don't, ever"),
        (6, "Home, Garden", "it's fine"),
    ]
]
STAND_IN = "\x07"
ALWAYS_FOUND = [*",;\t|^~:!*#$%&=@ \x01\x14\x1c\x1f", "§", "¦", "||", "::", "^^", "##", "<>", "|~|", "~|~"]


def written(delimiter: str = ",", **dialect: Any) -> str:
    sink = io.StringIO()
    writer = csv.writer(sink, **{"delimiter": STAND_IN if len(delimiter) > 1 else delimiter, **dialect})
    several = len(delimiter) > 1 and "quoting" not in dialect
    rows = [NAMES, *([str(cell) for cell in row] for row in ROWS)]
    if several:  # whatever holds a part of the delimiter is put in quotes, as those who write such files do
        return "".join(
            delimiter.join(
                f'"{cell.replace(chr(34), chr(34) * 2)}"' if set(cell) & {*delimiter, '"', "\n"} else cell
                for cell in row
            )
            + "\n"
            for row in rows
        )
    writer.writerows(rows)
    return sink.getvalue().replace(STAND_IN, delimiter)


@pytest.mark.parametrize("delimiter", ALWAYS_FOUND)
def test_a_delimiter_is_found_where_few_fields_are_in_quotes(delimiter: str) -> None:
    found = convert(written(delimiter))
    assert found.rows == ROWS
    assert found.table.column_names == NAMES


@pytest.mark.parametrize("delimiter", [*ALWAYS_FOUND, *"/_+"])
def test_a_delimiter_is_found_where_all_fields_are_in_quotes(delimiter: str) -> None:
    assert convert(written(delimiter, quoting=csv.QUOTE_ALL)).rows == ROWS


@pytest.mark.parametrize(
    "dialect",
    [
        {"quotechar": "'"},
        {"quotechar": "'", "quoting": csv.QUOTE_ALL},
        {"quotechar": "'", "escapechar": "\\", "doublequote": False, "quoting": csv.QUOTE_ALL},
        {"quotechar": "~", "quoting": csv.QUOTE_ALL},
        {"quotechar": "|", "quoting": csv.QUOTE_ALL},
        {"quotechar": "^", "quoting": csv.QUOTE_ALL},
        {"escapechar": "\\", "doublequote": False},
        {"escapechar": "\\", "doublequote": False, "quoting": csv.QUOTE_ALL},
        {"escapechar": "\\", "quoting": csv.QUOTE_NONE},
    ],
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_quotes_and_escapes_are_found(delimiter: str, dialect: dict[str, Any]) -> None:
    assert convert(written(delimiter, **dialect)).rows == ROWS


@pytest.mark.parametrize("delimiter", ["||", "|~|", "§", ", "])
def test_a_delimiter_of_several_characters_may_be_asked_for(delimiter: str) -> None:
    assert convert(written(delimiter, quoting=csv.QUOTE_ALL), delimiter=delimiter).rows == ROWS


@pytest.mark.parametrize(
    "text",
    [
        "mail\nann@a.example\nbo@b.example\n",
        "path\n/usr/1/a\n/usr/2/b\n",
        "address\nhttps://a.example/1\nhttps://b.example/2\n",
        "query\na=1&b=2&c=3\na=4&b=5&c=6\n",
        "sample_number_unit\na_1_m\nb_2_m\n",
        "km/h/s\n1/2/3\n4/5/6\n",
        "`a`\n`b`\n",
    ],
)
def test_what_hardly_ever_delimits_is_left_in_values(text: str) -> None:
    assert len(convert(text).table.column_names) == 1
