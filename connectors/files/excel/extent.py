"""How far a sheet reaches, before calamine may touch it.

calamine inflates whatever a part holds and then takes memory for the whole rectangle of a sheet, so one stray cell at
the far corner ends the process. Here the part is inflated piece by piece, looked through, and thrown away.
"""

from __future__ import annotations

import re
import zipfile
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from connectors.errors import TooLarge, UnreadableFile
from connectors.files.excel.cells import address, place_of, row_of
from connectors.files.excel.inflate import pieces, refuse_bomb
from connectors.files.excel.parts import Attributes, parse_xml
from connectors.files.excel.scan import OVERLAP, PREFIX, matches

MOST_CELLS = 60_000_000
_MOST_COLUMNS = 16_384  # of any spreadsheet program
_SPARSE = 50  # a rectangle with fewer than one cell in so many is refused ...
_SMALL_RECTANGLE = 5_000_000  # ... if it is larger than this
_SAMPLE = 4 << 10
_LOOKERS = 2
_REFERENCE = re.compile(rb"r=\"([A-Z]{1,3})([0-9]{1,7})\"")
_ODD = r"[^A-Z]|[A-Z]{1,3}[^A-Z0-9]|[A-Z]{4}|[A-Z]{1,3}[0-9]{1,7}[^0-9\"]|[A-Z]{1,3}[0-9]{8}"


@dataclass(slots=True)
class Extent:
    """How far a sheet reaches.

    Attributes:
        last_row, last_column: the far corner, from 0.
        cells: how many cells are written in it; 0: not counted, for the rectangle is small.
    """

    last_row: int = 0
    last_column: int = 0
    cells: int = 0

    @property
    def rectangle(self) -> int:
        """How many cells calamine makes of it."""
        return (self.last_row + 1) * (self.last_column + 1)

    @property
    def is_sparse(self) -> bool:
        """Whether calamine would make a large rectangle of the few cells that hold anything."""
        return self.rectangle > max(self.cells * _SPARSE, _SMALL_RECTANGLE)

    def add(self, row: int, column: int) -> None:
        """One more cell."""
        self.cells += 1
        self.last_row = max(self.last_row, row)
        self.last_column = max(self.last_column, column)

    def refuse_sparse(self) -> None:
        """Raise when calamine would need memory for very many cells, filled or not."""
        corner = address(self.last_row, self.last_column)
        if self.last_column >= _MOST_COLUMNS:
            raise UnreadableFile(f"The workbook is corrupt: cells reach to {corner}, and no sheet has that column.")
        if self.is_sparse:
            raise UnreadableFile(
                f"The sheet's used area reaches to {corner},"
                f" but only {self.cells} of its {self.rectangle} cells are filled.",
                code="sparse_sheet",
                hint="Delete the stray cells at the far end of the sheet.",
            )
        if self.rectangle > MOST_CELLS:
            raise TooLarge(
                f"The sheet's used area reaches to {corner}: {self.rectangle} cells, more than {MOST_CELLS}."
            )


def scan_extent(path: Path, name: str, max_bytes: int | None) -> Extent:
    """How far one xlsx sheet reaches; refuse it if it cannot be read within reason.

    Raises:
        TooLarge: it inflates beyond ``max_bytes``, or has too many cells.
        UnreadableFile: the part cannot be inflated, or stray cells stand far away.
    """
    with zipfile.ZipFile(path) as archive:
        found = _plain_extent(archive, name, max_bytes)
        if found is not None and found.rectangle > _SMALL_RECTANGLE:
            found.cells = sum(piece.count(b"<c ") + piece.count(b":c ") for piece in pieces(archive, name))
            if found.is_sparse or (found.rectangle > MOST_CELLS and found.cells < _SMALL_RECTANGLE):
                found = None  # cells that are only formatted may stand far away
        found = found or _exact_extent(_limited(pieces(archive, name), max_bytes))
    found.refuse_sparse()
    return found


def _limited(data: Iterator[bytes], max_bytes: int | None) -> Iterator[bytes]:
    total = 0
    for piece in data:
        total += len(piece)
        refuse_bomb(total, max_bytes)
        yield piece


def _plain_extent(archive: zipfile.ZipFile, name: str, max_bytes: int | None) -> Extent | None:
    """The far corner of all cells, blank ones included; None: some do not say plainly where they are."""
    found, tail = Extent(), b""
    looks: deque[Future[Extent | None]] = deque()
    with ThreadPoolExecutor(_LOOKERS, thread_name_prefix="look") as pool:
        for piece in _limited(pieces(archive, name), max_bytes):  # two are looked through while the next is inflated
            looks.append(pool.submit(_look, tail, piece, replace(found)))
            tail = (tail + piece[-OVERLAP:])[-OVERLAP:]
            if len(looks) > _LOOKERS and not _merge(found, looks.popleft().result()):
                return None
        return found if all(_merge(found, look.result()) for look in looks) else None


def _merge(found: Extent, other: Extent | None) -> bool:
    if other is not None:
        found.last_row = max(found.last_row, other.last_row)
        found.last_column = max(found.last_column, other.last_column)
    return other is not None


def _look(before: bytes, piece: bytes, found: Extent) -> Extent | None:
    """Look for what is further out than all before: cheap where nothing is. None: there are odd cells.

    Args:
        before: the end of the pieces before, where a cell may begin that ends in this one.
        piece: what to look through.
        found: of the pieces before, as far as they are known.
    """
    seam = before + piece[:OVERLAP]
    _add_corner(found, seam)
    _add_corner(found, piece[-_SAMPLE:])
    beyond = f"{_beyond(found.last_row, found.last_column)}|{_ODD}"
    if any(matches(data, _cell(tag, beyond)) for data in (seam, piece) for tag in ("<c", ":c")):
        whole = before + piece
        if matches(whole, _cell(f"<{PREFIX}c", _ODD)):
            return None
        _add_corner(found, whole)
    return found


def _cell(tag: str, place: str) -> str:
    """A pattern for cells that say first of all where they are, at such a place; or that do not, as they all should."""
    return rf"{tag}(?:[\t\r\n/>]| (?:[^r]|r(?:[^=]|=(?:[^\"]|\"(?:{place})))))"


def _add_corner(found: Extent, data: bytes) -> None:
    references = _REFERENCE.findall(data)
    if references:
        columns, rows = map(set, zip(*references, strict=True))
        found.last_row = max(found.last_row, *(int(row) - 1 for row in rows))
        found.last_column = max(found.last_column, *(place_of(column.decode()) for column in columns))


def _beyond(row: int, column: int) -> str:
    """A pattern for references to a later row or column: more letters or digits, or one that is greater."""
    letters, digits = re.match(r"([A-Z]+)(\d+)", address(row, column)).groups()  # type: ignore[union-attr]  # always matches
    return f'(?:{_greater(letters, "A", "Z")})[0-9]|[A-Z]+(?:{_greater(digits, "0", "9")})"'


def _greater(text: str, lowest: str, highest: str) -> str:
    """A pattern for strings of these characters that are longer, or as long and greater."""
    any_character = f"[{lowest}-{highest}]"
    choices = [f"{any_character}{{{len(text) + 1},}}"]
    for place, character in enumerate(text):
        if character < highest:
            rest = f"{any_character}{{{len(text) - place - 1}}}"
            choices.append(f"{text[:place]}[{chr(ord(character) + 1)}-{highest}]{rest}")
    return "|".join(choices)


def _exact_extent(data: Iterator[bytes]) -> Extent:
    """The far corner of the cells that hold something, element by element: slow, but whatever way they are written."""
    found, row, column = Extent(), -1, -1

    def start(tag: str, attributes: Attributes) -> None:
        nonlocal row, column
        if tag == "row":
            row, column = int(attributes.get("r", row + 2)) - 1, -1
        elif tag == "c":
            column = place_of(attributes["r"]) if "r" in attributes else column + 1
            row = row_of(attributes["r"]) if "r" in attributes else row
        elif tag in {"v", "is"}:
            found.add(row, column)

    parse_xml(data, start)
    return found
