"""Arrays of arrays: whether the first of them names the columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from connectors.errors import InvalidRequest, UnreadableFile
from connectors.files.json.cursor import Cursor
from connectors.files.json.decode import Decoder, plain_text
from connectors.files.json.layout import Layout


def names_in_first(records: Sequence[Any], wanted: bool | None) -> list[str]:
    """The names that the first record holds; none if it holds data.

    Args:
        records: the first ones.
        wanted: whether the caller says that there are names; None: look.

    Raises:
        InvalidRequest: names are wanted, and the first record is neither an array of scalars nor an object.
    """
    first = records[0] if records else {}
    if wanted is False or isinstance(first, dict) or (wanted is None and not _reads_like_names(records)):
        return []
    if not isinstance(first, list) or not first or any(isinstance(item, (list, dict)) for item in first):
        raise InvalidRequest("has_header is true, but the first record is not an array of names.")
    return ["" if item is None else plain_text(item) for item in first]


def _reads_like_names(records: Sequence[Any]) -> bool:
    """Different texts, over a column that holds something, but no text."""
    if len(records) < 2 or not all(isinstance(record, list) for record in records):
        return False
    first, rest = records[0], records[1:]
    if not first or not all(type(item) is str and item for item in first) or len(set(first)) < len(first):
        return False
    columns = ([row[place] for row in rest if place < len(row)] for place in range(len(first)))
    return any(_holds_no_text(column) for column in columns)


def _holds_no_text(column: Sequence[Any]) -> bool:
    return any(item is not None for item in column) and not any(type(item) is str for item in column)


def after_first(path: Path, layout: Layout) -> Layout:
    """The same records without the first one."""
    with Cursor(path, layout.start, Decoder()) as cursor:
        cursor.value()
        if layout.in_array and cursor.peek() == ",":
            cursor.take(",")
            if cursor.peek() == "]":
                raise cursor.refusal("expected a value, found ']'")
        return replace(layout, start=cursor.offset)


def refuse_other_kinds(kinds: dict[str, int]) -> None:
    """Raise when the first record was taken for names, but records are not all arrays."""
    others = [f"record {record} after them is not an array" for kind, record in kinds.items() if kind != "array"]
    if others:
        raise UnreadableFile(
            f"The first record names columns, but {others[0]}.", hint="Set has_header to false to keep all as data."
        )
