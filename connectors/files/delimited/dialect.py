"""Which delimiter a text has, from its first lines."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from connectors.errors import InvalidRequest
from connectors.files.delimited.first_records import LOOKED_AT, Record, read_records
from connectors.files.delimited.header import contrast, is_value
from connectors.files.delimited.quoting import guess_quote, in_order, is_beside_quotes, misplaced_quotes
from connectors.files.delimited.records import Dialect
from connectors.files.options import LONGEST_DELIMITER, FileOptions

_STRONG = (",", ";", "\t", "|")
NO_DELIMITER = "\x1e"  # for one column: a character that text does not hold
STAND_IN = "\x1f"  # for delimiters that are no single ASCII character
_RARE = ("^", "~", *map(chr, (0x1F, *range(1, 9), 0x14, 0x1C, 0x1D)))
_WEAK = (*_RARE, "!", "*", ":", " ")
_IN_NAMES = ("/", "_", "+")
_ODD = (*"#$%&=@`", *_IN_NAMES)  # asked only if nothing else cuts the lines
_ODDLY_CUT = 3
_SURELY = 0.6
_EVEN_ENOUGH, _WEAKNESS, _BELOW_A_TITLE, _NAMES_ALONE, _NAMES_BY_ANOTHER = 0.6, 0.8, 0.6, 0.5, 0.2
_LONGEST_NAME = 100
_MOST_ABOVE_A_HEADER = 3  # lines, where no row is below it
_LISTS_BETWEEN_TABS = 0.5  # values hold lists with commas or bars more often than tabs
_RULED_WITH = frozenset("-+=|: ")
COMMENT_MARKS = ("#", "%")
_TIME = re.compile(r"(?<!\d)([01]?\d|2[0-4]):[0-5]\d(?!\d)")
NUMBER = re.compile(r"\s*[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?\s*")


def check_characters(options: FileOptions) -> None:
    """Refuse a quote that is no single ASCII character, and a delimiter that cannot be one.

    Raises:
        InvalidRequest: naming the option.
    """
    quote, delimiter = options.quote_char, options.delimiter
    if quote and (len(quote) != 1 or not quote.isascii() or quote in "\r\n\x00"):
        raise InvalidRequest(f"quote_char has to be one ASCII character other than a line end, not {quote!r}.")
    if delimiter is None:
        return
    if not 0 < len(delimiter) <= LONGEST_DELIMITER or re.search(r"[\r\n\x00]", delimiter):
        most = f"1 to {LONGEST_DELIMITER} characters"
        raise InvalidRequest(f"delimiter has to be {most} without a line end or NUL, not {delimiter!r}.")
    if quote and quote in delimiter:
        raise InvalidRequest(f"delimiter {delimiter!r} cannot hold the quote_char {quote!r}.")


def guess_dialect(
    sample: bytes, options: FileOptions, *, whole: bool, written: str | None = None
) -> tuple[Dialect, float]:
    """The dialect of a UTF-8 text from its first bytes (``whole``: all of it), and how sure the delimiter is.

    ``written``: the delimiter as the file has it, where another stands for it.

    Raises:
        InvalidRequest: the delimiter or quote asked for is not one character, or another delimiter is evident.
    """
    check_characters(options)
    quote = guess_quote(sample, whole=whole) if options.quote_char is None else options.quote_char
    base = Dialect(",", "" if quote == options.delimiter else quote)
    delimiter, sure = _guess_delimiter(sample, base, whole=whole)
    if options.delimiter:
        asked = in_order(replace(base, delimiter=options.delimiter), sample, whole=whole)
        if delimiter in _STRONG and sure >= _SURELY and not _cuts(sample, asked, whole=whole):
            said = written or options.delimiter
            raise InvalidRequest(
                f"delimiter says {said!r}, which does not cut the lines into fields; {delimiter!r} does.",
                hint="Leave delimiter out, and it is detected.",
            )
        return asked, 1.0
    return in_order(replace(base, delimiter=delimiter), sample, whole=whole), sure


def _cuts(sample: bytes, dialect: Dialect, *, whole: bool) -> bool:
    """Whether a delimiter that was asked for cuts the first line, or explains the lines."""
    records = read_records(sample, 0, dialect, whole=whole, most=LOOKED_AT)
    looked_at = records if dialect.delimiter == STAND_IN else records[:1]  # which no text has by chance
    if any(len(record.fields) > 1 for record in looked_at):
        return True
    return _score(records, dialect.delimiter, divided=dialect.delimiter not in _STRONG) > 0


def _guess_delimiter(sample: bytes, base: Dialect, *, whole: bool) -> tuple[str, float]:
    """The delimiter that cuts the lines most evenly, and how sure that is."""
    candidates = [mark for mark in (*_STRONG, *_WEAK) if mark.encode() in sample and mark != base.quote]
    strong = [mark for mark in candidates if mark in _STRONG]
    if not sample.strip(" \r\n".join(_STRONG).encode()):
        return (strong or [NO_DELIMITER])[0], 0.0
    scores = []
    for delimiter in candidates:
        dialect = in_order(replace(base, delimiter=delimiter), sample, whole=whole)
        records = read_records(sample, 0, dialect, whole=whole, most=LOOKED_AT)
        disorder = misplaced_quotes(sample, dialect) / max(len(records), 1)
        divided = not disorder and is_beside_quotes(sample, dialect)
        score = _score(records, delimiter, divided=divided) / (1 + disorder)
        scores.append((score if delimiter in _STRONG else score * _WEAKNESS, delimiter))
    scores.sort(key=lambda scored: -scored[0])
    if scores and scores[0][0] > 0:
        runner_up = scores[1][0] if len(scores) > 1 else 0.0
        return scores[0][1], round(min(1.0, scores[0][0] * (1 - runner_up / scores[0][0] / 2)), 2)
    if odd := next(
        (mark for mark in _ODD if _is_odd_delimiter(sample, replace(base, delimiter=mark), whole=whole)), None
    ):
        return odd, 0.5
    by_header = [mark for mark in strong if _cuts_first_line(sample, replace(base, delimiter=mark), whole=whole)]
    return (by_header[0], 0.3) if by_header else (NO_DELIMITER, 0.9)


def _is_odd_delimiter(sample: bytes, dialect: Dialect, *, whole: bool) -> bool:
    """Whether what hardly ever delimits does: it stands beside quotes, or cuts all lines into names above values."""
    mark = dialect.delimiter
    if mark.encode() not in sample or misplaced_quotes(sample, dialect):
        return False
    records = read_records(sample, 0, dialect, whole=whole, most=LOOKED_AT)
    rows = [record.fields for record in records if any(record.fields)]
    if len(rows) < 2 or len(rows[0]) == 1 or len({len(row) for row in rows}) > 1:
        return False
    return is_beside_quotes(sample, dialect) or (
        mark not in _IN_NAMES
        and len(rows[0]) >= _ODDLY_CUT
        and reads_like_names(rows[0])
        and bool(contrast(rows[0], rows[1:]))
    )


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
    rows = [record.fields for record in records if any(field.strip() for field in record.fields)]
    mark = comment_mark(rows, delimiter)
    rows = [row for row in rows if not (mark and row[0].startswith(mark))]
    modal = table_width(rows)
    if modal == 1:
        return 0.0
    body, below = _table_rows(rows, modal)
    even = sum(len(row) == modal for row in body) / len(body)
    above = len(rows) - len(body) - below
    names_alone = len(body) == 1 and above > 0
    are_names = reads_like_names(body[0]) and max(map(len, body[0])) <= _LONGEST_NAME
    if names_alone and (above > _MOST_ABOVE_A_HEADER or not are_names):
        return 0.0
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
    foreign = [other for other in (*_STRONG, *_RARE, *(" " if delimiter == ":" else "")) if other != delimiter]
    unclean = [not is_value(cell) and any(other in cell.strip("\t") for other in foreign) for cell in cells]
    clean = len(cells) - sum(unclean) * (_LISTS_BETWEEN_TABS if delimiter == "\t" else 1)
    doubt = (_BELOW_A_TITLE if len(rows[0]) == 1 else 1) * (_NAMES_ALONE if names_alone else 1)
    if len(rows[0]) == 1 and _has_names_by_another(rows, delimiter):
        doubt *= _NAMES_BY_ANOTHER
    return even * clean / max(len(cells), 1) * doubt


def _has_names_by_another(rows: Sequence[Sequence[str]], delimiter: str) -> bool:
    """Whether another delimiter cuts the first line into names and all lines alike: this one stands between items."""
    lines = [delimiter.join(row) for row in rows]
    return any(
        reads_like_names(names := lines[0].split(other))
        and not any(name.startswith(" ") for name in names)
        and all(line.count(other) == len(names) - 1 for line in lines)
        for other in _STRONG
        if other != delimiter and other in lines[0]
    )


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


def comment_mark(rows: Sequence[Sequence[str]], delimiter: str) -> str:
    """What the first rows begin with when they are comments, or nothing.

    A single first line that has as many fields as the others is the header, whatever it begins with; ``% share`` is
    more likely the name of a column, but above values between blanks.
    """
    for mark in COMMENT_MARKS:
        leading = next((place for place, row in enumerate(rows) if not row[0].startswith(mark)), 0)
        is_other = leading == 1 and len(rows[0]) != table_width([row for row in rows if not row[0].startswith(mark)])
        if leading > 1 or (is_other and (mark == "#" or delimiter in (" ", STAND_IN))):
            return mark
    return ""


def is_ruler(cells: Sequence[str]) -> bool:
    """Whether a row is a line drawn below a header."""
    return any("---" in cell for cell in cells) and _RULED_WITH.issuperset("".join(cells))


def _convincing(rows: list[list[str]], delimiter: str) -> bool:
    """Whether a character that is also common in values is a delimiter: every line has it and numbers come apart."""
    if len(rows) < 2 or len({len(row) for row in rows}) > 1:
        return False
    if delimiter not in (" ", ":"):
        return True
    whole_values = sum(is_value(delimiter.join(row)) for row in rows[1:])
    if 2 * whole_values >= len(rows):
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
    telling = is_value if delimiter == " " else NUMBER.fullmatch
    comes_apart = any(all(map(telling, column)) for column in zip(*rows[1:], strict=True))
    in_header = all(NUMBER.fullmatch(cell) for cell in rows[0])
    return comes_apart and not (in_header and any(re.match(r"\+|0\d", cell) for row in rows for cell in row))


def reads_like_names(cells: Sequence[str]) -> bool:
    """Whether cells can be the names of columns: none empty, none twice, none a value."""
    return len(set(cells)) == len(cells) and all(cell.strip() and not is_value(cell) for cell in cells)
