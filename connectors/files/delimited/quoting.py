"""Which quotes and escapes a delimited text has, from its first bytes."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from connectors.files.delimited.first_records import LOOKED_AT, read_records
from connectors.files.delimited.records import ESCAPE, Dialect, Quotes, find_quotes, places_of, unescaped

_OPENED_DOUBLY = re.compile(rb"(?:^|[,;\t|])\"", re.MULTILINE)
_RARE_QUOTES = ("~", "|", "^")


def guess_quote(sample: bytes, *, whole: bool) -> str:
    """The quotes of a text by its first bytes (``whole``: all of it): ``"`` unless others enclose fields throughout."""
    if _OPENED_DOUBLY.search(sample):
        return '"'
    if _all_enclosed(sample, b"'", whole=whole):
        return "'"
    rare = (mark.encode() for mark in _RARE_QUOTES)
    found = (mark for mark in rare if _begins_with(sample, mark) and _all_enclosed(sample, mark, whole=whole))
    return next(found, b'"').decode()


def _begins_with(sample: bytes, quote: bytes) -> bool:
    """Whether the first line begins with two fields in such quotes."""
    mark, other = re.escape(quote), rb"[^" + re.escape(quote) + rb"\r\n]*"
    return re.match(mark + other + mark + rb"[,;\t|^]" + mark + other + mark, sample) is not None


def _all_enclosed(sample: bytes, quote: bytes, *, whole: bool) -> bool:
    """Whether such quotes enclose fields: all that begin one also end one, but for one where the sample ends."""
    mark = re.escape(quote)
    begin, end = rb"(?:^|(?!" + mark + rb")[,;\t|^])" + mark, mark + rb"(?=[,;\t|^\r\n]|\Z)"
    doubled, escaped = rb"[^" + mark + rb"]|" + mark * 2, rb"[^\\" + mark + rb"]|\\.|" + mark * 2
    opened = re.compile(begin, re.MULTILINE)
    for inner in (doubled, escaped):
        field = re.compile(begin + rb"(?:" + inner + rb")*" + end, re.MULTILINE)
        ends = [match.end() for match in field.finditer(sample)]
        if len(ends) > 1 and not opened.search(field.sub(b"", sample if whole else sample[: ends[-1]])):
            return True
    return False


def in_order(dialect: Dialect, sample: bytes, *, whole: bool) -> Dialect:
    """The dialect with what else puts the quotes in order: blanks around them, or escapes."""
    padded, quote = replace(dialect, padded=True), dialect.quote.encode()
    beside_blanks = quote and (b" " + quote in sample or quote + b" " in sample)
    if beside_blanks and misplaced_quotes(sample, dialect) and not misplaced_quotes(sample, padded):
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
    mended = mended or (misplaced_quotes(sample, dialect) > 0 and not misplaced_quotes(sample, escaped))
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


def is_beside_quotes(sample: bytes, dialect: Dialect) -> bool:
    """Whether a field in quotes begins after the delimiter or ends before it."""
    quotes, delimiter = find_quotes(sample, dialect), ord(dialect.delimiter)
    beside = np.concatenate([quotes.opens[quotes.opens > 0] - 1, quotes.closes[quotes.closes < len(sample) - 1] + 1])
    return bool((np.frombuffer(sample, np.uint8)[beside] == delimiter).any())


def misplaced_quotes(sample: bytes, dialect: Dialect) -> int:
    """How many quotes neither enclose a field nor are doubled in one."""
    if not dialect.quote or dialect.quote.encode() not in sample:
        return 0
    quotes = find_quotes(sample, dialect)
    places = unescaped(places_of(sample, ord(dialect.quote)), sample, dialect)
    return len(quotes.broken) + len(quotes.outside(places))
