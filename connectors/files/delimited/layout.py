"""Where the table is in a delimited text, from its first lines: comments and titles above it, header, first record."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from connectors.files.delimited.comments import comments_of, with_names_of_comment
from connectors.files.delimited.dialect import STAND_IN, comment_mark, guess_dialect, is_ruler, table_width
from connectors.files.delimited.first_records import LOOKED_AT, Record, read_records
from connectors.files.delimited.header import contrast, is_value, names_columns
from connectors.files.delimited.preamble import declared_names, where_data_begins
from connectors.files.delimited.prose import lines_of_prose
from connectors.files.delimited.records import Dialect
from connectors.files.options import FileOptions

_MOST_REMARKS = 4 << 20  # bytes
_ENOUGH_ROWS = 3


@dataclass(frozen=True, slots=True)
class Layout:
    """What the first lines say.

    Attributes:
        dialect: delimiter, quotes, escape, comments.
        names: of the columns as the header has them; ``column_1`` ... when there is no header.
        header_start, header_end, data_start: the bytes where the header begins and ends, and the first data record.
        has_header: whether there is one; ``header_fields``: how many fields the first row has.
        titles: lines above the header that are no part of the table.
        trailing_delimiter: whether every line ends in a delimiter that no column belongs to.
        confidence: 0 to 1 by guess: ``delimiter``, ``header``.
    """

    dialect: Dialect
    names: list[str]
    header_start: int
    header_end: int
    data_start: int
    has_header: bool
    header_fields: int = 0
    titles: list[str] = field(default_factory=list)
    trailing_delimiter: bool = False
    confidence: dict[str, float] = field(default_factory=dict)


def lay_out(sample: bytes, options: FileOptions, *, whole: bool, written: str | None = None) -> Layout:
    """Guess what the options do not say from the first bytes of a UTF-8 text (``whole``: from all of it).

    ``written``: the delimiter as the file has it, where another stands for it.

    Raises:
        InvalidRequest: the delimiter or quote asked for is not one character.
    """
    start = 0
    if directive := re.match(rb"\"?sep=([^\r\n])\"?[\r\n]+", sample):
        start = directive.end()
        options = options if options.delimiter else replace(options, delimiter=directive[1].decode())
    begun = where_data_begins(sample)
    if sample[begun : begun + 1] == b"#" and len(sample[begun:].splitlines()) == 1:  # nothing but remarks as yet
        if not whole and len(sample) < _MOST_REMARKS:
            return Layout(Dialect(","), [], 0, 0, 0, has_header=False)
        begun = 0
    dialect, sure = guess_dialect(sample[max(start, begun) :], options, whole=whole, written=written)
    preamble = read_records(sample[:begun], start, dialect, whole=True, most=begun)
    records = read_records(sample, max(start, begun), dialect, whole=whole, most=LOOKED_AT)
    declared = declared_names(sample[:begun])
    if not declared or options.has_header is not None:
        return _around_the_table([*preamble, *records], dialect, options, sure, begun)
    layout = _around_the_table([*preamble, *records], dialect, replace(options, has_header=False), sure, begun)
    return replace(layout, names=declared) if len(declared) == len(layout.names) else layout


def _around_the_table(records: list[Record], dialect: Dialect, options: FileOptions, sure: float, begun: int) -> Layout:
    """Find the table among the records: comments and titles above it, its header, its width."""
    comment = comment_mark([record.fields for record in records], dialect.delimiter)
    if comment and options.has_header is None and (named := with_names_of_comment(records, comment, dialect)):
        records, options = named, replace(options, has_header=True)
    above = comments_of(records, comment)
    starts = {record.start for record in above}
    filled = [record for record in records if any(map(str.strip, record.fields)) and record.start not in starts]
    dialect = replace(dialect, comment=comment)
    if not filled:
        return Layout(dialect, [], 0, 0, 0, has_header=False)
    titles = sum(record.start < begun for record in filled) or _title_lines(filled, dialect, options)
    if titles == len(filled):  # below what says that data begins are comments alone
        titles = 0
    table = filled[titles:]
    left_out = [record for record in above if record.start < table[0].start] + filled[:titles]
    header, ruled = table[0], len(table) > 1 and is_ruler(table[1].fields)
    if ruled and options.has_header is not False:
        left_out.append(table.pop(1))
        options = replace(options, has_header=True)
    body = [record.fields for record in table[1:]]
    has_header, header_sure = (
        names_columns(header.fields, body) if options.has_header is None else (options.has_header, 1.0)
    )
    names, trailing = _names(header.fields, body, has_header=has_header)
    data_start = _data_start(records, header, left_out, has_header=has_header)
    return Layout(
        dialect,
        names,
        header.start,
        header.following,
        data_start,
        has_header,
        len(header.fields),
        [dialect.delimiter.join(record.fields).strip(dialect.delimiter) for record in left_out],
        trailing,
        {"delimiter": sure, "header": header_sure},
    )


def _data_start(records: list[Record], header: Record, left_out: list[Record], *, has_header: bool) -> int:
    """Where the first row begins: below the header and blank lines, or where there is none with the first full line."""
    width = len(header.fields)
    if not has_header:
        first = next(record for record in records if record is header or len(record.fields) == width)
        return max([first.start, *(record.following for record in left_out)])
    start = max([header.following, *(record.following for record in left_out)])
    lines = (record.start for record in records if len(record.fields) > 1 or width == 1 or record.fields[0].strip())
    return next((line for line in lines if line >= start), start)


def _title_lines(records: list[Record], dialect: Dialect, options: FileOptions) -> int:
    """How many records stand above the table: narrower or emptier than it, before a line that reads like a header."""
    rows = [record.fields for record in records]
    if dialect.delimiter == STAND_IN and (prose := lines_of_prose(rows)) is not None:
        return prose
    width = table_width(rows)
    if width == 1 or len(rows) < 2:
        return 0
    rows = [row[:-1] if len(row) == width + 1 and not row[-1] else row for row in rows]  # a delimiter ends the header
    columns = zip(*(row for row in rows if len(row) == width), strict=True)
    needed = width - sum(not any(map(str.strip, column)) for column in columns)
    full = (index for index, row in enumerate(rows) if len(row) == width and _filled(row) >= needed)
    paired = _rows_of_pairs(records)
    first = paired or next((index for index in full if not _is_key_and_value(rows[index])), 0)
    above, header, body = rows[:first], rows[first], [row for row in rows[first + 1 :] if len(row) == width]
    narrow = all(len(row) != width or 2 * _filled(row) <= width or _is_key_and_value(row) for row in above)
    if not above or not (paired or (narrow and not _are_rows(above))):
        return 0
    header_like = options.has_header is False or (
        names_columns(header, body)[0]
        and (len(set(header)) == len(header) or contrast(header, body))
        and (body or not any(map(is_value, header)))
    )
    separated = records[first].start > records[first - 1].following
    separated = separated and (bool(body) or all(2 * _filled(row) <= width + 1 for row in above))
    lonely = all(_filled(row) == 1 and row[0].strip() for row in above) and not _first_cells(above) & _first_cells(body)
    if not header_like:
        in_words = all(len(row[0].split()) > 1 and any(map(str.isalpha, row[0])) for row in above)
        return first if lonely and in_words and _is_headless(rows[first:]) else 0
    return first if lonely or separated or contrast(header, body) else 0


def _is_headless(rows: Sequence[Sequence[str]]) -> bool:
    """Whether rows of one width begin with values: a line of words above them is no name (``track name=peaks``)."""
    return (
        len(rows) >= _ENOUGH_ROWS and len({len(row) for row in rows}) == 1 and not names_columns(rows[0], rows[1:])[0]
    )


def _are_rows(above: Sequence[Sequence[str]]) -> bool:
    """Whether lines above a table are those of another one: several begin with a value, or have values below names."""
    several = [row for row in above if _filled(row) > 1 and not _is_key_and_value(row)]
    return sum(is_value(row[0]) for row in several) > 1 or (
        len(several) > 2 and bool(contrast(several[0], several[1:]))
    )


def _rows_of_pairs(records: list[Record]) -> int:
    """How many first records are keys, each once, with their values (``Account;DE12``), a blank line below them.

    They are none of the table when only what is below the blank line reads like names above values.
    """
    rows = [record.fields for record in records]
    for place in range(1, len(rows)):
        above, key, value = rows[:place], rows[place - 1][0], rows[0][1] if len(rows[0]) > 1 else ""
        if _filled(rows[place - 1]) != 2 or not key.strip() or is_value(key) or key in _first_cells(rows[place:]):
            return 0
        separated = records[place].start > records[place - 1].following
        if separated and contrast(rows[place], rows[place + 1 :]):
            coded = any(re.search(r"\d", cell) for row in above for cell in row[1:])
            return place if coded and (re.search(r"\d", value) or not contrast(above[0], above[1:])) else 0
    return 0


def _is_key_and_value(row: Sequence[str]) -> bool:
    return row[0].rstrip().endswith(":") and not any(cell.rstrip().endswith(":") for cell in row[1:])


def _first_cells(rows: Sequence[Sequence[str]]) -> set[str]:
    return {row[0] for row in rows}


def _filled(row: Sequence[str]) -> int:
    return sum(bool(cell.strip()) for cell in row)


def _names(first: list[str], body: list[list[str]], *, has_header: bool) -> tuple[list[str], bool]:
    """The columns' names, and whether a delimiter at every line's end is followed by no column."""
    if not has_header:
        return [f"column_{place}" for place in range(1, len(first) + 1)], False
    if len(first) > 2 and first[-1] == "" and body and all(len(row) == len(first) - 1 for row in body):
        return first[:-1], False
    if len(first) > 1 and body and all(row[-1] == "" for row in body):
        if first[-1] == "" and all(len(row) == len(first) for row in body):
            return first[:-1], True
        if len(body) > 1 and all(len(row) == len(first) + 1 for row in body):
            return first, True
    widths = {len(row) for row in body}
    if len(body) > 1 and widths == {len(first) + 1} and (len(first) > 1 or re.fullmatch(r"\S+", first[0])):
        return ["", *first], False  # row names, which have no name themselves
    return first, False
