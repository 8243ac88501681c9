"""Tables drawn for people to read: those of mysql, psql and Markdown, with rulers, frames and blanks around values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_FRAME = re.compile(rb"\+(?:[-=]+\+)+")
_RULER = re.compile(rb"\|?(?: *:?-+:? *[|+])+(?: *:?-+:?)?")
_QUOTED_FIELD = re.compile(rb"(?:^|\|)\"", re.MULTILINE)
_STEP = 4 << 20


@dataclass(frozen=True, slots=True)
class Drawing:
    """How a table is drawn: the ruler below its names, and whether ``|`` stands around its rows, too."""

    ruler: bytes
    framed: bool

    def cells(self, line: bytes) -> list[bytes]:
        """The values of a row, without the blanks that align them."""
        row = line.strip()
        if self.framed:
            row = row.removeprefix(b"|").removesuffix(b"|")
        return [cell.strip(b" ") for cell in row.split(b"|")]

    def is_ruler(self, line: bytes) -> bool:
        """Whether a line is one of the rulers."""
        return line.strip() == self.ruler or (self.ruler[:1] == b"+" and _FRAME.fullmatch(line.strip()) is not None)


def find_drawing(lines: Sequence[bytes]) -> Drawing | None:
    """How the table in the first lines of a text is drawn; None if it is not, or if fields are in quotes."""
    for place, line in enumerate(lines):
        ruler = line.strip()
        frame = _FRAME.fullmatch(ruler)
        if not frame and not _RULER.fullmatch(ruler):
            continue
        drawing = Drawing(ruler, ruler[:1] in (b"|", b"+"))
        beside = lines[place + 1 : place + 2] if frame else lines[max(place - 1, 0) : place + 2 : 2]
        widths = {len(drawing.cells(row)) for row in beside if b"|" in row}
        quoted = any(map(_QUOTED_FIELD.search, lines))
        return drawing if widths == {len(re.findall(rb"[-=]+", ruler))} and not quoted else None
    return None


def undrawn(path: Path, start: int, drawing: Drawing, delimiter: bytes) -> Iterator[bytes]:
    """The text with one delimiter between the values of a row and nothing around them; rulers are blank lines."""
    with path.open("rb") as file:
        file.seek(start)
        while lines := file.readlines(_STEP):
            yield b"".join(_undrawn(line, drawing, delimiter) for line in lines)


def _undrawn(line: bytes, drawing: Drawing, delimiter: bytes) -> bytes:
    content = line.rstrip(b"\r\n")
    end = line[len(content) :]
    if drawing.is_ruler(content):
        return end
    if b"|" not in content:
        return line
    cells = drawing.cells(content)
    return delimiter.join(cells if len(cells) > 1 else [*cells, b""]) + end  # an empty cell alone is no blank line
