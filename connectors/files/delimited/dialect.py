"""How a delimited text is written, from its first lines: delimiter, quotes, escape."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from connectors.errors import InvalidRequest
from connectors.files.delimited.header import contrast, is_value
from connectors.files.delimited.records import ESCAPE, Dialect, Quotes, find_quotes, places_of, shelter_backslashes
from connectors.files.options import FileOptions

_STRONG = (",", ";", "\t", "|")
NO_DELIMITER = "\x1e"  # for one column: a character that text does not hold
_RARE = ("^", "~", "\x1f", "\x01")
_WEAK = (*_RARE, "!", "*", ":", " ")
LOOKED_AT = 200
_SURELY = 0.6
_EVEN_ENOUGH, _WEAKNESS, _BELOW_A_TITLE = 0.6, 0.8, 0.6
_LISTS_BETWEEN_TABS = 0.5  # values hold lists with commas or bars more often than tabs
COMMENT_MARKS = ("#", "%")
_TIME = re.compile(r"(?<!\d)([01]?\d|2[0-4]):[0-5]\d(?!\d)")
_OPENED = re.compile(rb"(?:^|[,;\t|])'", re.MULTILINE)
_ENCLOSED = re.compile(rb"(?:^|[,;\t|])'(?:[^']|'')*'(?=[,;\t|\r\n]|\Z)", re.MULTILINE)
NUMBER = re.compile(r"\s*[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?\s*")


@dataclass(frozen=True, slots=True)
class Record:
    """One record of the sample: where it starts and where the next one does, in bytes, and its fields."""

    start: int
    following: int
    fields: list[str]


def check_characters(options: FileOptions) -> None:
    """Refuse a delimiter or quote that is no single character.

    Raises:
        InvalidRequest: naming the option.
    """
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
        InvalidRequest: the delimiter or quote asked for is not one character, or another delimiter is evident.
    """
    check_characters(options)
    quote = "'" if b'"' not in sample and _single_quoted(sample, whole=whole) else '"'
    if options.quote_char is not None:
        quote = options.quote_char
    base = Dialect(",", "" if quote == options.delimiter else quote)
    delimiter, sure = _guess_delimiter(sample, base, whole=whole)
    if options.delimiter:
        asked = _in_order(replace(base, delimiter=options.delimiter), sample, whole=whole)
        if delimiter in _STRONG and sure >= _SURELY and not _cuts(sample, asked, whole=whole):
            raise InvalidRequest(
                f"delimiter says {options.delimiter!r}, which does not cut the lines into fields; {delimiter!r} does.",
                hint="Leave delimiter out, and it is detected.",
            )
        return asked, 1.0
    return _in_order(replace(base, delimiter=delimiter), sample, whole=whole), sure


def _cuts(sample: bytes, dialect: Dialect, *, whole: bool) -> bool:
    """Whether a delimiter that was asked for cuts the first line, or explains the lines."""
    records = read_records(sample, 0, dialect, whole=whole, most=LOOKED_AT)
    if records and len(records[0].fields) > 1:
        return True
    return _score(records, dialect.delimiter, divided=dialect.delimiter not in _STRONG) > 0


def _single_quoted(sample: bytes, *, whole: bool) -> bool:
    """Whether apostrophes enclose fields: all that begin one also end one, but for one where the sample ends."""
    enclosed = [match.end() for match in _ENCLOSED.finditer(sample)]
    opened = sum(whole or match.start() < enclosed[-1] for match in _OPENED.finditer(sample)) if enclosed else 0
    return opened >= 2 and opened == len(enclosed)


def _in_order(dialect: Dialect, sample: bytes, *, whole: bool) -> Dialect:
    """The dialect with what else puts the quotes in order: blanks around them, or escapes."""
    padded, quote = replace(dialect, padded=True), dialect.quote.encode()
    beside_blanks = quote and (b" " + quote in sample or quote + b" " in sample)
    if beside_blanks and _misplaced_quotes(sample, dialect) and not _misplaced_quotes(sample, padded):
        return padded
    return _with_escape(dialect, sample, whole=whole)


def _with_escape(dialect: Dialect, sample: bytes, *, whole: bool) -> Dialect:
    """With a backslash as escape where only that puts the quotes, delimiters and line ends in order."""
    special = re.escape((dialect.quote + dialect.delimiter + "\r\n").encode())
    if not re.search(rb"\\[" + special + rb"]", sample):
        return dialect
    escaped = replace(dialect, escape=ESCAPE)
    plain, other = find_quotes(sample, dialect), find_quotes(sample, escaped)
    if _is_broken(other, whole=whole):
        return dialect
    mended = _is_broken(plain, whole=whole) or (_run_over_lines(plain, sample) and not _run_over_lines(other, sample))
    evened = len(_widths(dialect, sample, whole=whole)) > 1 and len(_widths(escaped, sample, whole=whole)) == 1
    return escaped if mended or evened else dialect


def _is_broken(quotes: Quotes, *, whole: bool) -> bool:
    return bool(len(quotes.broken)) or (whole and quotes.unterminated is not None)


def _run_over_lines(quotes: Quotes, sample: bytes) -> bool:
    ends = [place for end in b"\r\n" for place in places_of(sample, end)]
    return len(quotes.outside(np.sort(np.array(ends, np.int64)))) < len(ends)


def _widths(dialect: Dialect, sample: bytes, *, whole: bool) -> set[int]:
    records = read_records(sample, 0, dialect, whole=whole, most=LOOKED_AT)
    return {len(record.fields) for record in records if any(record.fields)}


def _guess_delimiter(sample: bytes, base: Dialect, *, whole: bool) -> tuple[str, float]:
    """The delimiter that cuts the lines most evenly, and how sure that is."""
    candidates = [mark for mark in (*_STRONG, *_WEAK) if mark.encode() in sample and mark != base.quote]
    strong = [mark for mark in candidates if mark in _STRONG]
    if not sample.strip(" \r\n".join(_STRONG).encode()):
        return (strong or [NO_DELIMITER])[0], 0.0
    scores = []
    for delimiter in candidates:
        dialect = _in_order(replace(base, delimiter=delimiter), sample, whole=whole)
        records = read_records(sample, 0, dialect, whole=whole, most=LOOKED_AT)
        disorder = _misplaced_quotes(sample, dialect) / max(len(records), 1)
        divided = not disorder and _is_beside_quotes(sample, dialect)
        score = _score(records, delimiter, divided=divided) / (1 + disorder)
        scores.append((score if delimiter in _STRONG else score * _WEAKNESS, delimiter))
    scores.sort(key=lambda scored: -scored[0])
    if scores and scores[0][0] > 0:
        runner_up = scores[1][0] if len(scores) > 1 else 0.0
        return scores[0][1], round(min(1.0, scores[0][0] * (1 - runner_up / scores[0][0] / 2)), 2)
    by_header = [mark for mark in strong if _cuts_first_line(sample, replace(base, delimiter=mark), whole=whole)]
    return (by_header[0], 0.3) if by_header else (NO_DELIMITER, 0.9)


def _is_beside_quotes(sample: bytes, dialect: Dialect) -> bool:
    """Whether a field in quotes begins after the delimiter or ends before it."""
    quotes, delimiter = find_quotes(sample, dialect), ord(dialect.delimiter)
    beside = np.concatenate([quotes.opens[quotes.opens > 0] - 1, quotes.closes[quotes.closes < len(sample) - 1] + 1])
    return bool((np.frombuffer(sample, np.uint8)[beside] == delimiter).any())


def _misplaced_quotes(sample: bytes, dialect: Dialect) -> int:
    """How many quotes neither enclose a field nor are doubled in one."""
    if not dialect.quote or dialect.quote.encode() not in sample:
        return 0
    quotes = find_quotes(sample, dialect)
    return len(quotes.broken) + len(quotes.outside(places_of(sample, ord(dialect.quote))))


def _cuts_first_line(sample: bytes, dialect: Dialect, *, whole: bool) -> bool:
    """Whether the first line that is not blank reads like a header by this delimiter, whatever the others do."""
    records = read_records(sample, 0, dialect, whole=whole, most=LOOKED_AT)
    cells: list[str] = next((record.fields for record in records if any(record.fields)), [])
    filled = sum(bool(cell.strip()) for cell in cells)
    return len(cells) > 1 and 2 * filled > len(cells) and not any(cell.startswith(" ") for cell in cells)


def _score(records: Sequence[Record], delimiter: str, *, divided: bool) -> float:
    """How well a delimiter explains the records: 0 to 1; 0 when they are no table by it.

    ``divided``: fields in quotes show that it is the delimiter.
    """
    rows = _without_comments([record.fields for record in records if any(field.strip() for field in record.fields)])
    modal = table_width(rows)
    if modal == 1:
        return 0.0
    body, below = _table_rows(rows, modal)
    even = sum(len(row) == modal for row in body) / len(body)
    if below > len(body) or even < (_EVEN_ENOUGH if delimiter in _STRONG else 1.0):
        return 0.0
    tidy = even == 1 and len(rows) - 2 >= len(body) > 3 and not any(cell[:1] == " " for row in body for cell in row)
    if len(rows[0]) == 1 and delimiter == "," and all(is_value(delimiter.join(row)) for row in body):
        return 0.0  # it is part of the values
    starts_even = len(rows[0]) in (modal, modal + (rows[0][-1] == "")) or (
        even >= 0.9 and (modal > 2 or divided or tidy or contrast(body[0], body[1:]))
    )
    lines = body if delimiter in _RARE and 2 * len(body) > len(rows) else rows
    if not starts_even or (delimiter in _WEAK and not (divided or _convincing(lines, delimiter))):
        return 0.0
    cells = [cell for row in body[:50] for cell in row if len(row) == modal]
    foreign = [other for other in (*_STRONG, *_RARE) if other != delimiter]
    unclean = [not is_value(cell) and any(other in cell.strip("\t") for other in foreign) for cell in cells]
    clean = len(cells) - sum(unclean) * (_LISTS_BETWEEN_TABS if delimiter == "\t" else 1)
    return even * clean / max(len(cells), 1) * (_BELOW_A_TITLE if len(rows[0]) == 1 else 1)


def table_width(rows: Sequence[Sequence[str]]) -> int:
    """How many fields the rows of the table have: of the widths found twice, the one of most cells; 1 if none is wide.

    Lines of a key and its value above a short table may be more than its rows.
    """
    wide = Counter(len(row) for row in rows if len(row) > 1)
    return max(wide, key=lambda width: (wide[width] > 1, wide[width] * width)) if wide else 1


def _table_rows(rows: list[list[str]], modal: int) -> tuple[list[list[str]], int]:
    """The rows from the first full one to the last, and how many there are below.

    Lines around the table say nothing about its delimiter.
    """
    full = [index for index, row in enumerate(rows) if len(row) == modal]
    return rows[full[0] : full[-1] + 1], len(rows) - full[-1] - 1


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
    whole_values = sum(is_value(delimiter.join(row)) for row in rows[1:])
    if whole_values > len(rows) // 2:
        return False
    if (
        delimiter == ":"
        and reads_like_names(rows[0])
        and not any(cell[:1] in (" ", "/", "\\") for row in rows for cell in row)
    ):
        return True
    if any(not cell for row in rows for cell in row):
        return False
    if delimiter == ":" and 2 * sum(_TIME.search(delimiter.join(row)) is not None for row in rows) > len(rows):
        return False
    numeric = [all(NUMBER.fullmatch(cell) for cell in column) for column in zip(*rows[1:], strict=True)]
    in_header = all(NUMBER.fullmatch(cell) for cell in rows[0])
    return any(numeric) and not (in_header and any(re.match(r"\+|0\d", cell) for row in rows for cell in row))


def reads_like_names(cells: Sequence[str]) -> bool:
    """Whether cells can be the names of columns: none empty, none twice, none a value."""
    return len(set(cells)) == len(cells) and all(cell.strip() and not is_value(cell) for cell in cells)


def read_records(sample: bytes, start: int, dialect: Dialect, *, whole: bool, most: int) -> list[Record]:
    """The first records of a text, read as a person would: malformed quotes are taken as they stand."""
    delimiter, quote = re.escape(dialect.delimiter.encode()), re.escape(dialect.quote.encode())
    inner = rb"(?:\\.|[^\\" + quote + rb"])*" if dialect.escape else rb"(?:[^" + quote + rb"]|" + quote * 2 + rb")*"
    blanks = rb" *" if dialect.padded else rb""
    quoted = rb"(?:" + blanks + rb"(" + quote + inner + quote + rb")" + blanks + rb")?" if quote else rb"()"
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
