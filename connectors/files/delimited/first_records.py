"""The first records of a delimited text, read as a person would."""

from __future__ import annotations

import re
from dataclasses import dataclass

from connectors.files.delimited.records import Dialect, shelter_backslashes

LOOKED_AT = 200


@dataclass(frozen=True, slots=True)
class Record:
    """One record of the sample: where it starts and where the next one does, in bytes, and its fields."""

    start: int
    following: int
    fields: list[str]


def read_records(sample: bytes, start: int, dialect: Dialect, *, whole: bool, most: int) -> list[Record]:
    """The first records of a text, read as a person would: malformed quotes are taken as they stand."""
    delimiter, quote = re.escape(dialect.delimiter.encode()), re.escape(dialect.quote.encode())
    inner = rb"(?:\\.|[^\\" + quote + rb"])*" if dialect.escape else rb"(?:[^" + quote + rb"]|" + quote * 2 + rb")*"
    blanks = rb" *" if dialect.padded else rb""
    quoted = rb"(?:" + blanks + rb"(" + quote + inner + quote + rb")" + blanks + rb")?" if quote else rb"()"
    plain = rb"((?:\\(?:.|\Z)|[^\\\r\n" + delimiter + rb"])*)" if dialect.escape else rb"([^\r\n" + delimiter + rb"]*)"
    pattern = re.compile(quoted + plain + rb"(" + delimiter + rb"|\r{0,2}\n|\r|\Z)", re.DOTALL)
    records: list[Record] = []
    fields: list[str] = []
    at, begin = start, start
    while at < len(sample) and len(records) < most:
        match = pattern.match(sample, at)
        if match is None or (match[3] == b"" and not whole):
            break
        fields.append(_unquoted(match[1] or b"", dialect) + _unescaped(match[2], dialect))
        at = match.end()
        if match[3] != dialect.delimiter.encode():
            records.append(Record(begin, at, fields))
            fields, begin = [], at
    if fields and whole and len(records) < most:
        records.append(Record(begin, at, [*fields, ""]))
    return records


def _unquoted(field_bytes: bytes, dialect: Dialect) -> str:
    if dialect.escape:
        return _unescaped(field_bytes[1:-1], dialect)
    text = field_bytes[1:-1].decode("utf-8", "replace")
    return text.replace(dialect.quote * 2, dialect.quote) if dialect.quote else text


def _unescaped(text: bytes, dialect: Dialect) -> str:
    if dialect.escape:
        text = re.sub(rb"\\(.)", rb"\1", shelter_backslashes(text, dialect), flags=re.DOTALL)
    return text.decode("utf-8", "replace")
