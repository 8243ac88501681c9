"""How a delimited text is written, from its first lines: delimiter, quotes, escape."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from connectors.errors import InvalidRequest
from connectors.files.header import TYPED, contrast, is_value
from connectors.files.options import FileOptions
from connectors.files.records import ESCAPE, Dialect, find_quotes, places_of, shelter_backslashes

_STRONG = (",", ";", "\t", "|")
NO_DELIMITER = "\x1e"  # for one column: a character that text does not hold
_WEAK = ("^", "~", "\x1f", "\x01", "!", ":", " ")
LOOKED_AT = 200
COMMENT_MARKS = ("#", "%")
_NUMBER = re.compile(r"\s*[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?\s*")


@dataclass(frozen=True, slots=True)
class Record:
    """One record of the sample: where it starts and where the next one does, in bytes, and its fields."""

    start: int
    following: int
    fields: list[str]


def _check_characters(options: FileOptions) -> None:
    for name, value in (("delimiter", options.delimiter), ("quote_char", options.quote_char)):
        if value is None or (name == "quote_char" and value == ""):
            continue
        if len(value) != 1 or not value.isascii() or value in "\r\n\x00":
            raise InvalidRequest(f"{name} has to be one ASCII character other than a line end, not {value!r}.")
    if options.delimiter is not None and options.delimiter == options.quote_char:
        raise InvalidRequest("delimiter and quote_char cannot be the same character.")


def guess_dialect(sample: bytes, options: FileOptions, *, whole: bool) -> tuple[Dialect, float]:
    """The dialect of a UTF-8 text from its first bytes (``whole``: all of it), and how sure the delimiter is.

    Raises:
        InvalidRequest: the delimiter or quote asked for is not one character.
    """
    _check_characters(options)
    quotes = [options.quote_char] if options.quote_char is not None else ['"']
    if options.quote_char is None and b'"' not in sample and _single_quoted(sample):
        quotes = ["'"]
    base = Dialect(",", quotes[0])
    delimiter, sure = (options.delimiter, 1.0) if options.delimiter else _guess_delimiter(sample, base, whole=whole)
    return _with_escape(replace(base, delimiter=delimiter), sample, whole=whole), sure


def _single_quoted(sample: bytes) -> bool:
    """Whether apostrophes enclose fields: all that begin one also end one."""
    opened = len(re.findall(rb"(?:^|[,;\t|])'", sample, re.MULTILINE))
    enclosed = len(re.findall(rb"(?:^|[,;\t|])'[^'\r\n]*'(?=[,;\t|\r\n]|\Z)", sample, re.MULTILINE))
    return opened >= 2 and opened == enclosed


def _with_escape(dialect: Dialect, sample: bytes, *, whole: bool) -> Dialect:
    """With a backslash as escape where only that puts the quotes, delimiters and line ends in order."""
    special = re.escape((dialect.quote + dialect.delimiter + "\r\n").encode())
    if not re.search(rb"\\[" + special + rb"]", sample):
        return dialect
    escaped = replace(dialect, escape=ESCAPE)
    mended = _is_broken(dialect, sample, whole=whole) and not _is_broken(escaped, sample, whole=whole)
    evened = len(_widths(dialect, sample, whole=whole)) > 1 and len(_widths(escaped, sample, whole=whole)) == 1
    return escaped if mended or evened else dialect


def _is_broken(dialect: Dialect, sample: bytes, *, whole: bool) -> bool:
    quotes = find_quotes(sample, dialect)
    return bool(len(quotes.broken)) or (whole and quotes.unterminated is not None)


def _widths(dialect: Dialect, sample: bytes, *, whole: bool) -> set[int]:
    records = read_records(sample, 0, dialect, whole=whole, most=LOOKED_AT)
    return {len(record.fields) for record in records if any(record.fields)}


def _guess_delimiter(sample: bytes, base: Dialect, *, whole: bool) -> tuple[str, float]:
    """The delimiter that cuts the lines most evenly, and how sure that is."""
    divided = bool(len(find_quotes(sample, replace(base, delimiter=NO_DELIMITER)).broken))
    for candidates, evenness in ((_STRONG, 0.6), (_WEAK, 1.0)):
        scores = []
        for delimiter in candidates:
            if delimiter.encode() in sample:
                dialect = _with_escape(replace(base, delimiter=delimiter), sample, whole=whole)
                records = read_records(sample, 0, dialect, whole=whole, most=LOOKED_AT)
                disorder = _misplaced_quotes(sample, dialect) / max(len(records), 1)
                scores.append(
                    (_score(records, delimiter, evenness, divided=divided and not disorder) / (1 + disorder), delimiter)
                )
        scores.sort(key=lambda scored: -scored[0])
        if scores and scores[0][0] > 0:
            runner_up = scores[1][0] if len(scores) > 1 else 0.0
            return scores[0][1], round(min(1.0, scores[0][0] * (1 - runner_up / scores[0][0] / 2)), 2)
    by_header = [
        delimiter for delimiter in _STRONG if _cuts_first_line(sample, replace(base, delimiter=delimiter), whole=whole)
    ]
    return (by_header[0], 0.3) if by_header else (NO_DELIMITER, 0.9)


def _misplaced_quotes(sample: bytes, dialect: Dialect) -> int:
    """How many quotes neither enclose a field nor are doubled in one."""
    if not dialect.quote or dialect.quote.encode() not in sample:
        return 0
    quotes = find_quotes(sample, dialect)
    return len(quotes.broken) + len(quotes.outside(places_of(sample, ord(dialect.quote))))


def _cuts_first_line(sample: bytes, dialect: Dialect, *, whole: bool) -> bool:
    """Whether the first line reads like a header by this delimiter, whatever the other lines do."""
    records = read_records(sample, 0, dialect, whole=whole, most=1)
    cells = records[0].fields if records else []
    return len(cells) > 1 and all(cell.strip() and not cell.startswith(" ") for cell in cells)


def _score(records: Sequence[Record], delimiter: str, evenness: float, *, divided: bool) -> float:
    """How well a delimiter explains the records: 0 to 1; 0 when they are no table by it.

    ``divided``: quotes that close within a line show that there is some delimiter.
    """
    rows = _without_comments([record.fields for record in records if any(field.strip() for field in record.fields)])
    modal = table_width(rows)
    if modal == 1:
        return 0.0
    body = _table_rows(rows, modal)
    even = sum(len(row) == modal for row in body) / len(body)
    tidy = even == 1 and len(rows) - 2 >= len(body) > 3 and not any(cell[:1] == " " for row in body for cell in row)
    if len(rows[0]) == 1 and delimiter == "," and all(is_value(delimiter.join(row)) for row in body):
        return 0.0  # it is part of the values
    starts_even = len(rows[0]) == modal or (
        even >= 0.9 and (modal > 2 or divided or tidy or contrast(body[0], body[1:]))
    )
    if even < evenness or not starts_even or (delimiter in _WEAK and not _convincing(rows, delimiter)):
        return 0.0
    cells = [cell for row in body[:50] for cell in row if len(row) == modal]
    foreign = [other for other in _STRONG if other != delimiter] if delimiter in _STRONG else list(_STRONG)
    clean = sum(TYPED.fullmatch(cell) is not None or not any(other in cell for other in foreign) for cell in cells)
    return even * clean / max(len(cells), 1)


def table_width(rows: Sequence[Sequence[str]]) -> int:
    """How many fields most rows have that have several; 1 when no row has."""
    wide = Counter(len(row) for row in rows if len(row) > 1)
    return wide.most_common(1)[0][0] if wide else 1


def _table_rows(rows: list[list[str]], modal: int) -> list[list[str]]:
    """The rows from the first full one to the last: lines around the table say nothing about its delimiter."""
    full = [index for index, row in enumerate(rows) if len(row) == modal]
    return rows[full[0] : full[-1] + 1]


def _without_comments(rows: list[list[str]]) -> list[list[str]]:
    """The rows without those that begin like the first one, when that begins like a comment."""
    for mark in COMMENT_MARKS:
        leading = next((index for index, row in enumerate(rows) if not row[0].startswith(mark)), 0)
        if leading > 1 or (leading == 1 and mark == "#"):
            return [row for row in rows if not row[0].startswith(mark)]
    return rows


def _convincing(rows: list[list[str]], delimiter: str) -> bool:
    """Whether a character that is also common in values is a delimiter: every line has it and numbers come apart."""
    if len(rows) < 2 or len({len(row) for row in rows}) > 1:
        return False
    if delimiter not in (" ", ":"):
        return True
    whole_values = sum(bool(TYPED.fullmatch(delimiter.join(row))) for row in rows[1:])
    if whole_values > len(rows) // 2 or any(not cell for row in rows for cell in row):
        return False
    numeric = [all(_NUMBER.fullmatch(cell) for cell in column) for column in zip(*rows[1:], strict=True)]
    in_header = all(_NUMBER.fullmatch(cell) for cell in rows[0])
    return any(numeric) and not (in_header and any(re.match(r"\+|0\d", cell) for row in rows for cell in row))


def read_records(sample: bytes, start: int, dialect: Dialect, *, whole: bool, most: int) -> list[Record]:
    """The first records of a text, read as a person would: malformed quotes are taken as they stand."""
    delimiter, quote = re.escape(dialect.delimiter.encode()), re.escape(dialect.quote.encode())
    inner = rb"(?:\\.|[^\\" + quote + rb"])*" if dialect.escape else rb"(?:[^" + quote + rb"]|" + quote * 2 + rb")*"
    quoted = rb"(" + quote + inner + quote + rb")?" if quote else rb"()"
    plain = rb"((?:\\(?:.|\Z)|[^\\\r\n" + delimiter + rb"])*)" if dialect.escape else rb"([^\r\n" + delimiter + rb"]*)"
    pattern = re.compile(quoted + plain + rb"(" + delimiter + rb"|\r\n|\n|\r|\Z)", re.DOTALL)
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
