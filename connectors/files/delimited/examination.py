"""A close look at records that a quick look did not accept: which are rows, which are not and why."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from connectors.files.delimited.records import NO_QUOTES, Block, Dialect, Places, Quotes, places_of, unescaped
from connectors.wording import counted, were

_NEWLINE, _RETURN, _NUL = 0x0A, 0x0D, 0x00
_Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record that cannot be a row: the byte of its block where it begins, why, and as written."""

    start: int
    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class Examined:
    """A block without what is no row of it: ``rows`` good records in ``data``, and what was left out.

    ``blank_lines`` are those before the last good record, ``trailing_blank_lines`` those after it. In a table of one
    column they are rows, and ``empty_rows`` counts them.
    """

    data: bytes
    rows: int
    bad: list[BadRecord]
    blank_lines: int
    trailing_blank_lines: int
    comment_lines: int
    empty_rows: int = 0


@dataclass(frozen=True, slots=True)
class _Records:
    """Where each record starts and ends (line end excluded), how many fields it has, and where quoting breaks."""

    starts: Places
    ends: Places
    fields: Places
    quotes: Quotes

    def holding(self, places: Places) -> Places:
        return np.searchsorted(self.starts, places, side="right") - 1


def examine(block: Block, dialect: Dialect, fields: int) -> Examined:
    """Look at every record of a block that should have ``fields`` fields in each."""
    records = _records_of(block, dialect)
    reasons: dict[int, str] = {}
    for index in np.flatnonzero(records.fields != fields).tolist():
        reasons[index] = f"it has {counted(int(records.fields[index]), 'field')} where {fields} {were(fields)} expected"
    for index in records.holding(places_of(block.data, _NUL)).tolist():
        reasons[index] = "it holds a NUL byte"
    for index in records.holding(records.quotes.broken).tolist():
        reasons[index] = "text follows a closing quote"
    if records.quotes.unterminated is not None:
        reasons[len(records.starts) - 1] = "a quote is opened and never closed"
    return _without_what_is_no_row(block.data, records, reasons, dialect, only_column=fields == 1)


def count_rows(block: Block, dialect: Dialect) -> int:
    """How many records a block with sound quotes has, blank lines included."""
    if block.quotes is None:
        return _count_line_ends(block.data) + (block.data[-1] not in (_NEWLINE, _RETURN))
    following = _line_ends(block.data, block.quotes, dialect)[1]
    return len(following) + (not len(following) or following[-1] < len(block.data))


def _count_line_ends(data: memoryview) -> int:
    text = np.frombuffer(data, np.uint8)
    newlines = np.count_nonzero(text == _NEWLINE)
    if data.obj.find(b"\r") < 0:  # type: ignore[attr-defined]
        return int(newlines)
    returns = np.flatnonzero(text == _RETURN)
    pairs = np.count_nonzero(text[np.minimum(returns + 1, len(text) - 1)] == _NEWLINE)
    return int(newlines + len(returns) - pairs)


def _records_of(block: Block, dialect: Dialect) -> _Records:
    data, quotes = block.data, block.quotes or NO_QUOTES
    ends, following = _line_ends(data, quotes, dialect)
    starts = np.concatenate([np.zeros(1, np.int64), following])
    ends = np.append(ends, len(data))
    if starts[-1] >= len(data):
        starts, ends = starts[:-1], ends[:-1]
    delimiters = quotes.outside(unescaped(places_of(data, ord(dialect.delimiter)), data, dialect))
    fields = np.searchsorted(delimiters, ends) - np.searchsorted(delimiters, starts) + 1
    return _Records(starts, ends, fields, quotes)


def _line_ends(data: memoryview, quotes: Quotes, dialect: Dialect) -> tuple[Places, Places]:
    """For each line end that is neither quoted nor escaped: where it begins, and the place after it."""
    newlines, returns = places_of(data, _NEWLINE), places_of(data, _RETURN)
    if not len(returns):
        newlines = quotes.outside(unescaped(newlines, data, dialect))
        return newlines, newlines + 1
    second_half = np.isin(newlines, returns + 1)
    lone = returns[~np.isin(returns + 1, newlines)]
    ends = np.concatenate([newlines - second_half, lone])
    following = np.concatenate([newlines + 1, lone + 1])
    order = np.argsort(ends)
    free = np.isin(ends[order], quotes.outside(unescaped(ends[order], data, dialect)))
    return ends[order][free], following[order][free]


def _without_what_is_no_row(
    data: memoryview,
    records: _Records,
    reasons: dict[int, str],
    dialect: Dialect,
    *,
    only_column: bool,
) -> Examined:
    empty = records.ends == records.starts
    no_rows = empty & _within_line_ends(data, records) if only_column else empty
    suspects = set(reasons) | set(np.flatnonzero(no_rows).tolist())
    if dialect.comment:
        first_bytes = np.frombuffer(data, np.uint8)[np.minimum(records.starts, len(data) - 1)]
        suspects |= set(np.flatnonzero(first_bytes == ord(dialect.comment)).tolist())
    bad, blank, comments = [], [], 0
    for index in sorted(suspects):
        start, end = int(records.starts[index]), int(records.ends[index])
        written = bytes(data[start:end])
        if only_column and not written:
            continue
        if not written.strip() and not only_column:
            blank.append(index)
        elif dialect.comment and written.startswith(dialect.comment.encode()):
            comments += 1
        else:
            bad.append(BadRecord(start, reasons[index], written.decode("utf-8", "replace")))
    keep = np.ones(len(records.starts), bool)
    keep[list(suspects)] = False
    last = int(np.flatnonzero(keep)[-1]) if keep.any() else -1
    trailing = sum(index > last for index in blank)
    return Examined(
        _kept(data, records.starts, keep),
        int(keep.sum()),
        bad,
        len(blank) - trailing,
        trailing,
        comments,
        int((empty & keep).sum()),
    )


def _within_line_ends(data: memoryview, records: _Records) -> _Mask:
    """Which records begin within ``\\r\\r\\n``, one line end as Windows programs write it by mistake."""
    padded = np.frombuffer(b"\n" + bytes(data) + b"\n", np.uint8)
    before, here, behind = (padded[records.starts + place] for place in range(3))
    within: _Mask = (before == _RETURN) & (here == _RETURN) & (behind == _NEWLINE)
    return within


def _kept(data: memoryview, starts: Places, keep: _Mask) -> bytes:
    """The kept records' bytes, line ends included, copied run by run."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], keep, [False]]).astype(np.int8)))
    bounds = np.append(starts, len(data))[edges].tolist()
    return b"".join(bytes(data[start:end]) for start, end in zip(bounds[0::2], bounds[1::2], strict=True))
