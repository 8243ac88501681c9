"""Where records begin and end in delimited text, proven by one vectorised look at its bytes.

A quote opens a field only as the field's first byte and closes it only before a delimiter or a line end; inside, it is
doubled (or escaped, where the dialect has an escape). A quote elsewhere in an unquoted field is an ordinary character.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from connectors.errors import UnreadableFile

Places = npt.NDArray[np.int64]

BLOCK_BYTES = 4 << 20
MAX_RECORD_BYTES = 128 << 20
_MOST_GROWTH = 32 << 20
_STEP = 4 << 20
ESCAPE = "\\"
_NEWLINE, _RETURN = 0x0A, 0x0D
_BLANK, _MOST_PADDING = 0x20, 256
_ESCAPED = re.compile(rb"\\.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a delimited text is written; each is one ASCII character, or empty for none.

    ``comment`` begins lines that are left out; ``padded``: blanks stand between delimiters and quotes.
    """

    delimiter: str = ","
    quote: str = '"'
    escape: str = ""
    comment: str = ""
    padded: bool = False


@dataclass(frozen=True, slots=True)
class Quotes:
    """Quoted stretches of a text: ``opens[i]`` to ``closes[i]`` inclusive; where quoting breaks; what never closes."""

    opens: Places
    closes: Places
    broken: Places
    unterminated: int | None = None

    def before(self, end: int) -> Quotes:
        """Those before a place that is in no quoted stretch."""
        count = int(np.searchsorted(self.opens, end))
        unterminated = self.unterminated if self.unterminated is not None and self.unterminated < end else None
        return Quotes(self.opens[:count], self.closes[:count], self.broken[self.broken < end], unterminated)

    def outside(self, places: Places) -> Places:
        """Those of the sorted places that are in no quoted stretch."""
        index = np.searchsorted(self.opens, places, side="right") - 1
        inside = (index >= 0) & (places <= self.closes[index]) if len(self.opens) else np.zeros(len(places), bool)
        if self.unterminated is not None:
            inside |= places >= self.unterminated
        return places[~inside]


NO_QUOTES = Quotes(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64))


@dataclass(frozen=True, slots=True)
class Block:
    """Whole records: their bytes, where those begin in the file, and the quotes among them (None: there are none)."""

    data: memoryview
    offset: int
    quotes: Quotes | None

    @property
    def sound(self) -> bool:
        """Whether every quote is in order."""
        return self.quotes is None or (not len(self.quotes.broken) and self.quotes.unterminated is None)


def blocks(
    path: Path, start: int, dialect: Dialect, block_bytes: int = BLOCK_BYTES, end: int | None = None
) -> Iterator[Block]:
    """The file's records from byte ``start`` to ``end``, in blocks of about ``block_bytes``.

    Raises:
        UnreadableFile: one record is larger than 128 MB, which a missing closing quote looks like.
    """
    last = path.stat().st_size if end is None else end
    with path.open("rb") as file:
        offset, want = start, block_bytes
        while offset < last:
            file.seek(offset)  # what a block leaves over is read again: joining it to the rest would copy both
            buffer = file.read(min(want, last - offset))
            cut, quotes = _cut(buffer, dialect, at_end=offset + len(buffer) >= last)
            if cut:
                yield Block(memoryview(buffer)[:cut], offset, quotes)
                offset, want = offset + cut, block_bytes
            else:
                _refuse_endless(len(buffer), offset, path)
                want = len(buffer) + min(len(buffer), _MOST_GROWTH)
            del buffer


def _refuse_endless(size: int, offset: int, path: Path) -> None:
    if size > MAX_RECORD_BYTES:
        raise UnreadableFile(
            f"The record that begins on line {line_at(path, offset)} does not end within {MAX_RECORD_BYTES >> 20} MB.",
            code="unterminated_quote",
            hint="Is a closing quote missing? The option quote_char says which quotes there are ('' for none).",
        )


def line_at(path: Path, offset: int, known: tuple[int, int] = (0, 1)) -> int:
    """The 1-based line on which a byte of the file is; ``known`` is the (offset, line) of an earlier byte."""
    position, line = known
    after_return = False
    with path.open("rb") as file:
        file.seek(position)
        while position < offset:
            chunk = file.read(min(_STEP, offset - position))
            line += chunk.count(b"\n") + chunk.count(b"\r") - chunk.count(b"\r\n")
            line -= after_return and chunk.startswith(b"\n")
            after_return = chunk.endswith(b"\r")
            position += len(chunk)
    return line


def _cut(buffer: bytes, dialect: Dialect, *, at_end: bool) -> tuple[int, Quotes | None]:
    """How many bytes of the buffer are whole records, and the quotes among those."""
    quoted = bool(dialect.quote) and dialect.quote.encode() in buffer
    if not quoted and not dialect.escape:
        return (len(buffer) if at_end else _last_line_end(buffer, len(buffer))), None
    quotes = find_quotes(buffer, dialect)
    if at_end:
        return len(buffer), quotes
    limit = len(buffer) if quotes.unterminated is None else quotes.unterminated
    while cut := _last_line_end(buffer, limit):
        end = np.array([cut - 1])
        if len(quotes.outside(unescaped(end, buffer, dialect))):
            break
        limit = cut - 1 if len(quotes.outside(end)) else _stretch_start(quotes, cut - 1)
    return cut, quotes.before(cut)


def _stretch_start(quotes: Quotes, place: int) -> int:
    return int(quotes.opens[np.searchsorted(quotes.opens, place, side="right") - 1])


def _last_line_end(buffer: bytes, limit: int) -> int:
    """Just after the last line end before ``limit``; a return in the very last place may be half of a line end."""
    newline = buffer.rfind(b"\n", 0, limit)
    if newline >= 0 and newline >= limit - (1 << 16):
        return newline + 1
    lone = buffer.rfind(b"\r", 0, min(limit, len(buffer) - 1))
    return max(newline, lone) + 1


def places_of(data: bytes | memoryview, byte: int) -> Places:
    """Where a byte occurs, found in steps so that a large record needs little extra memory."""
    array = np.frombuffer(data, np.uint8)
    found = [np.flatnonzero(array[at : at + _STEP] == byte) + at for at in range(0, len(array), _STEP)]
    return np.concatenate(found) if found else np.empty(0, np.int64)


def find_quotes(data: bytes | memoryview, dialect: Dialect) -> Quotes:
    """The quoted stretches of a text that begins at a record's start."""
    if not dialect.quote:
        return NO_QUOTES
    places = unescaped(places_of(data, ord(dialect.quote)), data, dialect)
    if not len(places):
        return NO_QUOTES
    starts_field, ends_field = _at_field_edges(np.frombuffer(data, np.uint8), places, dialect)
    doubled = np.zeros(len(places), bool)  # directly after the quote before it
    doubled[1:] = np.diff(places) == 1
    followed = np.append(doubled[1:], [False])
    inner = ~(starts_field | ends_field | doubled | followed)  # neither opens, closes nor is doubled
    all_edges = (places, starts_field, ends_field, doubled)
    if inner.any():
        quotes = _regular(*(edge[~inner] for edge in all_edges))
        if quotes is not None and quotes.unterminated is None and len(quotes.outside(places[inner])) == inner.sum():
            return quotes
    return _regular(*all_edges) or _irregular(*all_edges)


def _at_field_edges(
    text: npt.NDArray[np.uint8], places: Places, dialect: Dialect
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Which of the places are the first byte of a field, and which the last one."""
    edges = np.zeros(256, bool)
    edges[[ord(dialect.delimiter), _NEWLINE, _RETURN]] = True
    before, after, last = places - 1, places + 1, len(text) - 1
    for _ in range(_MOST_PADDING if dialect.padded else 0):
        blank_before = (before >= 0) & (text[before] == _BLANK)
        blank_after = (after <= last) & (text[np.minimum(after, last)] == _BLANK)
        if not (blank_before.any() or blank_after.any()):
            break
        before, after = before - blank_before, after + blank_after
    return (before < 0) | edges[text[before]], (after > last) | edges[text[np.minimum(after, last)]]


def without_padding(data: bytes | memoryview, dialect: Dialect) -> bytes:
    """The records without the blanks that stand between delimiters and quotes."""
    quotes = find_quotes(data, dialect)
    text, keep = np.frombuffer(data, np.uint8), np.ones(len(data), bool)
    for places, step in ((quotes.opens, -1), (quotes.closes, 1)):
        at = places + step
        for _ in range(_MOST_PADDING):
            at = at[(at >= 0) & (at < len(text))]
            at = at[text[at] == _BLANK]
            keep[at] = False
            at = at + step
    return text[keep].tobytes()


def _regular(
    places: Places, starts: npt.NDArray[np.bool_], ends: npt.NDArray[np.bool_], doubled: npt.NDArray[np.bool_]
) -> Quotes | None:
    """The stretches when every second quote opens or repeats and the others close or are repeated; else None."""
    followed = np.append(doubled[1:], [False])
    if not np.all(starts[0::2] | doubled[0::2]) or not np.all(ends[1::2] | followed[1::2]):
        return None
    pairs = len(places) // 2
    unterminated = None
    if len(places) % 2:
        # The last quote opens, or repeats the one before it: then its whole field is open.
        last = len(places) - 1
        while doubled[last]:
            last -= 2
        unterminated, pairs = int(places[last]), last // 2
    return Quotes(places[0 : 2 * pairs : 2], places[1 : 2 * pairs : 2], np.empty(0, np.int64), unterminated)


def _irregular(
    places: Places, starts: npt.NDArray[np.bool_], ends: npt.NDArray[np.bool_], doubled: npt.NDArray[np.bool_]
) -> Quotes:
    """The stretches found one quote after the other: some quotes are ordinary characters, or break a field."""
    at, opening, closing, repeats = places.tolist(), starts.tolist(), ends.tolist(), doubled.tolist()
    opens: list[int] = []
    closes: list[int] = []
    broken: list[int] = []
    index = 0
    while index < len(at):
        if not opening[index]:
            index += 1
            continue
        close = index + 1
        while close + 1 < len(at) and repeats[close + 1]:
            close += 2
        if close >= len(at):
            return Quotes(np.array(opens, np.int64), np.array(closes, np.int64), np.array(broken, np.int64), at[index])
        opens.append(at[index])
        closes.append(at[close])
        if not closing[close]:
            broken.append(at[close])
        index = close + 1
    return Quotes(np.array(opens, np.int64), np.array(closes, np.int64), np.array(broken, np.int64))


def unescaped(places: Places, data: bytes | memoryview, dialect: Dialect) -> Places:
    """Those of the places that no escape character stands before."""
    if not dialect.escape or not len(places):
        return places
    escaped = np.fromiter((match.start() + 1 for match in _ESCAPED.finditer(data)), np.int64)
    return places[~np.isin(places, escaped)]


def shelter_backslashes(data: bytes | memoryview, dialect: Dialect) -> bytes:
    """Double every backslash that escapes nothing, so that it is read as itself (``\\N``, ``C:\\temp``).

    A backslash escapes itself, a quote, a delimiter or a line end.
    """
    special = re.escape((ESCAPE + dialect.quote + dialect.delimiter + "\r\n").encode())
    return re.sub(rb"(\\[" + special + rb"])|\\", lambda match: match[1] or rb"\\", data)
