"""Tables drawn for people to read, with rulers below the names, frames, and blanks that align the values.

Those of mysql, psql and Markdown have bars between the values; those of sqlcmd, SQL*Plus and others are cut where the
ruler is (``---- ------``), and IPAC's (astronomers') where the bars between their names are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO, Protocol

from connectors.errors import UnreadableFile
from connectors.files.delimited.header import is_value
from connectors.files.delimited.records import MAX_RECORD_BYTES

_FRAME = re.compile(rb"\+(?:[-=]+\+)+")
_BARRED_RULER = re.compile(rb"\|?(?: *:?-+:? *[|+])+(?: *:?-+:?)?")
_ALIGNED_RULER = re.compile(rb"(?:-+|=+)(?: +(?:-+|=+))+")
_LEAST_DASHES, _LEAST_BARS = 4, 2
_NAMES_AND_TYPES, _WITH_UNITS_AND_NULLS = 2, 4
_IPAC_TYPES = frozenset(b"int integer long double float real char date i l d f r c".split())
_QUOTED_FIELD = re.compile(rb"(?:^|\|)\"", re.MULTILINE)
_STEP = 4 << 20


class Drawing(Protocol):
    """How a table is drawn.

    Attributes:
        delimiter: what people see between its values.
        names: the line of its names, where what is above could be taken for rows.
        labels: how many lines below that one say more of the columns; they are put above it.
    """

    @property
    def delimiter(self) -> str: ...
    @property
    def names(self) -> bytes | None: ...
    @property
    def labels(self) -> int: ...

    def is_ruler(self, line: bytes) -> bool:
        """Whether a line is one of the rulers."""
        ...

    def cells(self, line: bytes) -> list[bytes] | None:
        """The values of a row, without the blanks that align them; None: the line is no row of the table."""
        ...


@dataclass(frozen=True, slots=True)
class Barred:
    """Drawn with bars between the values: the ruler below the names, and whether bars stand around rows, too."""

    ruler: bytes
    framed: bool
    names: None = None
    labels: int = 0
    delimiter: str = "|"

    def is_ruler(self, line: bytes) -> bool:
        return line.strip() == self.ruler or (self.ruler[:1] == b"+" and _FRAME.fullmatch(line.strip()) is not None)

    def cells(self, line: bytes) -> list[bytes] | None:
        if b"|" not in line:
            return None
        row = line.strip()
        if self.framed:
            row = row.removeprefix(b"|").removesuffix(b"|")
        return [cell.strip(b" ") for cell in row.split(b"|")]


@dataclass(frozen=True, slots=True)
class Aligned:
    """Drawn with blanks alone: each value below the dashes of its column, which begin at ``starts`` (in characters)."""

    ruler: bytes
    starts: tuple[int, ...]
    names: bytes
    labels: int = 0
    delimiter: str = " "

    def is_ruler(self, line: bytes) -> bool:
        return line.rstrip() == self.ruler

    def cells(self, line: bytes) -> list[bytes] | None:
        """See ``Drawing``. A line with something between two columns is no row."""
        text = line.decode()
        if not text.strip() or "\t" in text or any(text[start - 1 : start].strip() for start in self.starts[1:]):
            return None
        ends = (*self.starts[1:], None)
        return [text[start:end].strip(" ").encode() for start, end in zip((0, *self.starts[1:]), ends, strict=True)]


@dataclass(frozen=True, slots=True)
class Ipac:
    """Drawn by IPAC's rules: names, types, perhaps units and nulls between ``bars`` (their places in characters)."""

    bars: tuple[int, ...]
    names: bytes
    labels: int
    delimiter: str = "|"

    def is_ruler(self, line: bytes) -> bool:
        return False

    def cells(self, line: bytes) -> list[bytes] | None:
        """See ``Drawing``. A line with something where a bar is is no row."""
        if line == self.names:
            return _ipac_cells(line)
        text = line.decode()
        if not text.strip() or any(text[bar : bar + 1].strip() for bar in self.bars[:-1]):
            return None
        ends = (*self.bars[1:-1], None)
        return [text[bar + 1 : end].strip(" ").encode() for bar, end in zip(self.bars[:-1], ends, strict=True)]


def find_drawing(lines: Sequence[bytes]) -> Drawing | None:
    """How the table in the first lines of a text is drawn; None if it is not, or if fields are in quotes."""
    if drawing := _ipac(lines):
        return drawing
    for place, line in enumerate(lines):
        ruler = line.strip()
        if _ALIGNED_RULER.fullmatch(ruler):
            return _aligned(line.rstrip(), lines[max(place - 1, 0) :])
        frame = _FRAME.fullmatch(ruler)
        if frame or _BARRED_RULER.fullmatch(ruler):
            beside = lines[place + 1 : place + 2] if frame else lines[max(place - 1, 0) : place + 2 : 2]
            return _barred(ruler, beside, lines)
    return None


def _ipac(lines: Sequence[bytes]) -> Ipac | None:
    """Drawn by IPAC's rules, if names and types between the same bars stand below keywords and comments (``\\``)."""
    keywords = next((place for place, line in enumerate(lines) if not line.startswith(b"\\")), len(lines))
    barred = list(takewhile(lambda line: line.startswith(b"|"), lines[keywords:]))
    bars = [tuple(bar.start() for bar in re.finditer(r"\|", line.decode("utf-8", "replace"))) for line in barred[:2]]
    if not _NAMES_AND_TYPES <= len(barred) <= _WITH_UNITS_AND_NULLS or bars[0] != bars[1] or len(bars[0]) < _LEAST_BARS:
        return None
    are_types = _IPAC_TYPES.issuperset(_ipac_cells(barred[1]))
    return Ipac(bars[0], barred[0].rstrip(b"\r\n"), len(barred) - 1) if are_types else None


def _ipac_cells(line: bytes) -> list[bytes]:
    return [cell.strip(b" -") for cell in line.rstrip()[1:-1].split(b"|")]


def _aligned(ruler: bytes, lines: Sequence[bytes]) -> Aligned | None:
    """Drawn with blanks, if there are names beside the ruler, and it cuts them and the row below."""
    starts = tuple(dashes.start() for dashes in re.finditer(rb"-+|=+", ruler))
    beside = [line for line in lines[:4] if line.rstrip() != ruler]
    drawing = Aligned(ruler, starts, beside[0] if beside else b"")
    names, *rows = [drawing.cells(line) for line in beside] or [None]
    if names is None or None in rows[:1] or len(ruler.replace(b" ", b"")) < _LEAST_DASHES:
        return None
    are_names = 2 * sum(map(bool, names)) > len(names) and not all(is_value(name.decode()) for name in names)
    return drawing if are_names else None


def _barred(ruler: bytes, beside: Sequence[bytes], lines: Sequence[bytes]) -> Barred | None:
    """Drawn with bars, if there are as many values in the lines beside the ruler as it has stretches."""
    drawing = Barred(ruler, ruler[:1] in (b"|", b"+"))
    widths = {len(cells) for row in beside if (cells := drawing.cells(row)) is not None}
    quoted = any(map(_QUOTED_FIELD.search, lines))
    return drawing if widths == {len(re.findall(rb"[-=]+", ruler))} and not quoted else None


def undrawn(path: Path, start: int, drawing: Drawing, delimiter: bytes) -> Iterator[bytes]:
    """The text with one delimiter between the values of a row and nothing around them; rulers are blank lines."""
    with path.open("rb") as file:
        file.seek(start)
        above = drawing.names is not None
        for lines in _groups_of_lines(file):
            names = next((at for at, line in enumerate(lines) if above and _content(line) == drawing.names), 0)
            if above and drawing.labels:
                lines.insert(names + drawing.labels, lines.pop(names))
                names += drawing.labels
            above = False
            rows = (_undrawn(line, drawing, delimiter, is_title=at < names) for at, line in enumerate(lines))
            yield b"".join(rows)


def _groups_of_lines(file: BinaryIO) -> Iterator[list[bytes]]:
    """All lines with their ends, whichever of the three those are; a last line may go on in the next bytes.

    Raises:
        UnreadableFile: a line is longer than any record may be.
    """
    kept = b""
    while chunk := file.read(_STEP):
        *lines, kept = (kept + chunk).splitlines(keepends=True)
        if len(kept) > MAX_RECORD_BYTES:
            raise UnreadableFile(
                f"A line of the drawn table is longer than {MAX_RECORD_BYTES >> 20} MB.", code="bad_row"
            )
        if lines:
            yield lines
    if kept:
        yield [kept]


def _undrawn(line: bytes, drawing: Drawing, delimiter: bytes, *, is_title: bool) -> bytes:
    content = _content(line)
    end = line[len(content) :]
    if drawing.is_ruler(content):
        return end
    cells = None if is_title else drawing.cells(content)
    if cells is None:
        return line
    return delimiter.join(cells if len(cells) > 1 else [*cells, b""]) + end  # an empty cell alone is no blank line


def _content(line: bytes) -> bytes:
    return line.rstrip(b"\r\n")
