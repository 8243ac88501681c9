"""How a delimited text is written, from its first lines: delimiter, quotes, title lines, header, first data record."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from connectors.errors import InvalidRequest
from connectors.files.options import FileOptions
from connectors.files.records import ESCAPE, Dialect, find_quotes, shelter_backslashes

_STRONG = (",", ";", "\t", "|")
NO_DELIMITER = "\x1e"  # for one column: a character that text does not hold
_WEAK = ("^", "~", "\x1f", "\x01", "!", ":", " ")
_LOOKED_AT = 200
_COMMENT_MARKS = ("#", "%")
_TYPED = re.compile(
    r"""\s*(
    [+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?%?       # numbers, with either decimal sign
    | \d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([T ].*)?          # dates
    | \d{1,2}:\d{2}(:\d{2}(\.\d+)?)?                    # times
    | (?i:true|false|nan|null|n/?a)
    )?\s*""",
    re.VERBOSE,
)
_NUMBER = re.compile(r"\s*[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?\s*")


@dataclass(frozen=True, slots=True)
class Record:
    """One record of the sample: where it starts and where the next one does, in bytes, and its fields."""

    start: int
    following: int
    fields: list[str]


@dataclass(frozen=True, slots=True)
class Layout:
    """What the first lines say.

    Attributes:
        dialect: delimiter, quotes, escape, comments.
        names: of the columns as the header has them; ``column_1`` ... when there is no header.
        header_start, data_start: the bytes where the header (if any) and the first data record begin.
        has_header: whether there is one.
        titles: lines above the header that are no part of the table.
        trailing_delimiter: whether every line ends in a delimiter that no column belongs to.
        confidence: 0 to 1 by guess: ``delimiter``, ``header``.
    """

    dialect: Dialect
    names: list[str]
    header_start: int
    data_start: int
    has_header: bool
    titles: list[str] = field(default_factory=list)
    trailing_delimiter: bool = False
    confidence: dict[str, float] = field(default_factory=dict)


def lay_out(sample: bytes, options: FileOptions, *, whole: bool) -> Layout:
    """Guess what the options do not say from the first bytes of a UTF-8 text (``whole``: from all of it).

    Raises:
        InvalidRequest: the delimiter or quote asked for is not one character.
    """
    start = 0
    _check_characters(options)
    if directive := re.match(rb"sep=([^\r\n])[\r\n]+", sample):
        start = directive.end()
        options = options if options.delimiter else replace(options, delimiter=directive[1].decode())
    dialect, sure = _dialect(sample[start:], options, whole=whole)
    records = read_records(sample, start, dialect, whole=whole, most=_LOOKED_AT)
    return _around_the_table(records, dialect, options, sure)


def _check_characters(options: FileOptions) -> None:
    for name, value in (("delimiter", options.delimiter), ("quote_char", options.quote_char)):
        if value is None or (name == "quote_char" and value == ""):
            continue
        if len(value) != 1 or not value.isascii() or value in "\r\n\x00":
            raise InvalidRequest(f"{name} has to be one ASCII character other than a line end, not {value!r}.")
    if options.delimiter is not None and options.delimiter == options.quote_char:
        raise InvalidRequest("delimiter and quote_char cannot be the same character.")


def _dialect(sample: bytes, options: FileOptions, *, whole: bool) -> tuple[Dialect, float]:
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
    escaped = replace(dialect, escape=ESCAPE)
    if dialect.quote and (ESCAPE + dialect.quote).encode() in sample:
        quotes = find_quotes(sample, dialect)
        plain_is_broken = len(quotes.broken) or quotes.unterminated is not None
        return escaped if plain_is_broken and not len(find_quotes(sample, escaped).broken) else dialect
    if re.search(rb"\\[\r\n" + re.escape(dialect.delimiter.encode()) + rb"]", sample):
        plain, undone = (
            {len(record.fields) for record in read_records(sample, 0, each, whole=whole, most=_LOOKED_AT)}
            for each in (dialect, escaped)
        )
        return escaped if len(plain) > 1 and len(undone) == 1 else dialect
    return dialect


def _guess_delimiter(sample: bytes, base: Dialect, *, whole: bool) -> tuple[str, float]:
    """The delimiter that cuts the lines most evenly, and how sure that is."""
    for candidates, evenness in ((_STRONG, 0.6), (_WEAK, 1.0)):
        scores = []
        for delimiter in candidates:
            if delimiter.encode() in sample:
                dialect = _with_escape(replace(base, delimiter=delimiter), sample, whole=whole)
                records = read_records(sample, 0, dialect, whole=whole, most=_LOOKED_AT)
                scores.append((_score(records, delimiter, evenness), delimiter))
        scores.sort(key=lambda scored: -scored[0])
        if scores and scores[0][0] > 0:
            runner_up = scores[1][0] if len(scores) > 1 else 0.0
            return scores[0][1], round(min(1.0, scores[0][0] * (1 - runner_up / scores[0][0] / 2)), 2)
    by_header = [
        delimiter for delimiter in _STRONG if _cuts_first_line(sample, replace(base, delimiter=delimiter), whole=whole)
    ]
    return (by_header[0], 0.3) if by_header else (NO_DELIMITER, 0.9)


def _cuts_first_line(sample: bytes, dialect: Dialect, *, whole: bool) -> bool:
    """Whether the first line reads like a header by this delimiter, whatever the other lines do."""
    records = read_records(sample, 0, dialect, whole=whole, most=1)
    cells = records[0].fields if records else []
    return len(cells) > 1 and all(cell.strip() and not cell.startswith(" ") for cell in cells)


def _score(records: Sequence[Record], delimiter: str, evenness: float) -> float:
    """How well a delimiter explains the records: 0 to 1; 0 when they are no table by it."""
    rows = _without_comments([record.fields for record in records if any(field.strip() for field in record.fields)])
    counts = Counter(len(row) for row in rows)
    wide = [count for count in counts if count > 1]
    if not wide:
        return 0.0
    modal = max(wide, key=lambda count: counts[count])
    body = _table_rows(rows, modal)
    even = sum(len(row) == modal for row in body) / len(body)
    starts_even = len(rows[0]) == modal or (even >= 0.9 and (modal > 2 or _contrast(body[0], body[1:])))
    if even < evenness or not starts_even or (delimiter in _WEAK and not _convincing(rows, delimiter)):
        return 0.0
    cells = [cell for row in body[:50] for cell in row if len(row) == modal]
    foreign = [other for other in _STRONG if other != delimiter] if delimiter in _STRONG else list(_STRONG)
    clean = sum(bool(_TYPED.fullmatch(cell)) or not any(other in cell for other in foreign) for cell in cells)
    return even * clean / max(len(cells), 1)


def _table_rows(rows: list[list[str]], modal: int) -> list[list[str]]:
    """The rows from the first full one to the last: lines around the table say nothing about its delimiter."""
    full = [index for index, row in enumerate(rows) if len(row) == modal]
    return rows[full[0] : full[-1] + 1]


def _without_comments(rows: list[list[str]]) -> list[list[str]]:
    """The rows without those that begin like the first one, when that begins like a comment."""
    for mark in _COMMENT_MARKS:
        if rows and rows[0][0].startswith(mark):
            return [row for row in rows if not row[0].startswith(mark)] or rows
    return rows


def _convincing(rows: list[list[str]], delimiter: str) -> bool:
    """Whether a character that is also common in values is a delimiter: every line has it and numbers come apart."""
    if len(rows) < 2 or len({len(row) for row in rows}) > 1:
        return False
    if delimiter not in (" ", ":"):
        return True
    whole_values = sum(bool(_TYPED.fullmatch(delimiter.join(row))) for row in rows[1:])
    if whole_values > len(rows) // 2 or any(not cell for row in rows for cell in row):
        return False
    numeric = [all(_NUMBER.fullmatch(cell) for cell in column) for column in zip(*rows[1:], strict=True)]
    return any(numeric) and not all(_NUMBER.fullmatch(cell) for cell in rows[0])


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


def _around_the_table(records: list[Record], dialect: Dialect, options: FileOptions, sure: float) -> Layout:
    """Find the table among the records: comments and titles above it, its header, its width."""
    comment, records = _comments(records)
    dialect = replace(dialect, comment=comment)
    filled = [record for record in records if any(cell.strip() for cell in record.fields)]
    if not filled:
        return Layout(dialect, [], 0, 0, has_header=False)
    titles = _title_lines(filled, options)
    table = filled[titles:]
    header, body = table[0], table[1:]
    has_header, header_sure = _has_header([record.fields for record in table], options)
    names = header.fields if has_header else [f"column_{place}" for place in range(1, len(header.fields) + 1)]
    names, trailing = _without_trailing_delimiter(names, [record.fields for record in body], has_header=has_header)
    return Layout(
        dialect,
        names,
        header.start,
        header.following if has_header else header.start,
        has_header,
        [dialect.delimiter.join(record.fields).strip(dialect.delimiter) for record in filled[:titles]],
        trailing,
        {"delimiter": sure, "header": header_sure},
    )


def _comments(records: list[Record]) -> tuple[str, list[Record]]:
    """The comment character when the first lines are comments, and the records that are none.

    A first line that has as many fields as the others is the header, whatever it begins with.
    """
    for mark in _COMMENT_MARKS:
        if records and records[0].fields[0].startswith(mark):
            others = [record for record in records if not record.fields[0].startswith(mark)]
            if others and _width([record.fields for record in others]) != len(records[0].fields):
                return mark, others
    return "", records


def _title_lines(records: list[Record], options: FileOptions) -> int:
    """How many records stand above the table: narrower than it, before a line that reads like a header."""
    rows = [record.fields for record in records]
    width = _width(rows)
    if width == 1 or len(rows) < 2:
        return 0
    first = next(
        (index for index, row in enumerate(rows) if len(row) == width and all(cell.strip() for cell in row)),
        0,
    )
    if first == 0 or first > 20:
        return 0
    above, header, body = rows[:first], rows[first], [row for row in rows[first + 1 :] if len(row) == width]
    lonely = all(sum(bool(cell.strip()) for cell in row) == 1 and row[0].strip() for row in above)
    separated = _blank_between(records[first - 1], records[first])
    header_like = options.has_header is False or (not any(map(_is_value, header)) and len(set(header)) == len(header))
    if not header_like or not (lonely or separated or (len(above[0]) < width and _contrast(header, body))):
        return 0
    return first if lonely or all(len(row) != width for row in above) else 0


def _width(rows: Sequence[Sequence[str]]) -> int:
    return Counter(len(row) for row in rows).most_common(1)[0][0]


def _blank_between(before: Record, after: Record) -> bool:
    return after.start > before.following


def _is_value(cell: str) -> bool:
    return bool(cell.strip()) and bool(_TYPED.fullmatch(cell))


def _contrast(header: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Whether a column has text in the header and only values below."""
    columns = list(zip(*(row for row in body if len(row) == len(header)), strict=True))
    if not columns:
        return False
    return any(
        not _is_value(name)
        and any(map(_is_value, column))
        and all(_is_value(cell) or not cell.strip() for cell in column)
        for name, column in zip(header, columns, strict=True)
    )


def _has_header(rows: list[list[str]], options: FileOptions) -> tuple[bool, float]:
    """Whether the first row names the columns, and how sure that is."""
    if options.has_header is not None:
        return options.has_header, 1.0
    first, body = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    values = [cell for cell in first if _is_value(cell)]
    if not values:
        return True, 1.0 if _contrast(first, body) else 0.7
    if body and _are_labels(values) and (len(values) < len(first) or not all(map(_is_value, body[0]))):
        return True, 0.6
    return False, 0.9


def _are_labels(values: Sequence[str]) -> bool:
    """Numbers that can be column names: each one more than the last, such as years."""
    if not all(re.fullmatch(r"\d{1,4}", value) for value in values):
        return False
    numbers = [int(value) for value in values]
    return len(numbers) > 1 and all(after - before == 1 for before, after in pairwise(numbers))


def _without_trailing_delimiter(names: list[str], body: list[list[str]], *, has_header: bool) -> tuple[list[str], bool]:
    """The names without the nameless last column that a delimiter at every line's end makes."""
    if len(names) > 1 and body and has_header and all(row[-1] == "" for row in body):
        if names[-1] == "" and all(len(row) == len(names) for row in body):
            return names[:-1], True
        if len(body) > 1 and all(len(row) == len(names) + 1 for row in body):
            return names, True
    return names, False
