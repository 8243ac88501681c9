"""Comment lines of a delimited text, and which of them names the columns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from connectors.files.delimited.dialect import NUMBER, STAND_IN, reads_like_names, table_width
from connectors.files.delimited.first_records import Record
from connectors.files.delimited.records import Dialect

_NAMES_IN_COMMENT = re.compile(r"#\s*fields\b:?\s+(.*)", re.IGNORECASE)


def with_names_of_comment(records: list[Record], mark: str, dialect: Dialect) -> list[Record] | None:
    """The records with the comment that names the columns as their header, if one does.

    Logs have ``#Fields: date time``; above numbers between blanks it is the last one (``# time value``).
    """
    leading = next(place for place, record in enumerate(records) if not record.fields[0].startswith(mark))
    rows = [record.fields for record in records[leading:] if not record.fields[0].startswith(mark)]
    for place, record in enumerate(records[:leading]):
        for names in _names_after_fields(record, dialect):
            if len(names) == table_width(rows) > 1:
                return [*records[:place], replace(record, fields=names), *records[place + 1 :]]
    if not _are_numbers_between_blanks(rows, dialect):
        return None
    words = [" ".join(record.fields).strip(f"{mark} ").split() for record in records[:leading]]
    fitting = [place for place, found in enumerate(words) if len(found) == table_width(rows)]
    if fitting != [leading - 1] or not reads_like_names(words[-1]):
        return None
    return [*records[: leading - 1], replace(records[leading - 1], fields=words[-1]), *records[leading:]]


def _names_after_fields(record: Record, dialect: Dialect) -> Iterator[list[str]]:
    if names := _NAMES_IN_COMMENT.match(dialect.delimiter.join(record.fields)):
        yield names[1].split(dialect.delimiter)
        yield names[1].split()


def _are_numbers_between_blanks(rows: list[list[str]], dialect: Dialect) -> bool:
    return dialect.delimiter in (" ", STAND_IN) and all(NUMBER.fullmatch(cell) for row in rows for cell in row)


def comments_of(records: list[Record], mark: str) -> list[Record]:
    """The comment lines; the last of those above the table is its header if it alone has the table's width."""
    comments = [record for record in records if mark and record.fields[0].startswith(mark)]
    starts = {record.start for record in comments}
    leading = next((place for place, record in enumerate(records) if record.start not in starts), 0)
    width = table_width([record.fields for record in records if record.start not in starts])
    wide = [place for place in range(leading) if len(records[place].fields) == width > 1]
    return [record for record in comments if record is not records[leading - 1]] if wide == [leading - 1] else comments
