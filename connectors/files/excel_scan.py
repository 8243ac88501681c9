"""A look through a workbook's parts before calamine may touch them: how much there is, and what calamine hides.

calamine inflates whatever a part holds and then takes memory for the whole rectangle of a sheet, so one stray cell at
the far corner ends the process. Here the parts are inflated piece by piece, counted, and thrown away.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from connectors.errors import TooLarge, UnreadableFile
from connectors.files.excel_cells import address

_PIECE = 1 << 20
_OVERLAP = 256
_SAMPLE = 16 << 10
MOST_CELLS = 60_000_000
_SPARSE = 50  # a rectangle with fewer than one cell in so many is refused ...
_SMALL_RECTANGLE = 5_000_000  # ... if it is larger than this
_REFERENCE = re.compile(rb"r=[\"']([A-Z]{1,3})([0-9]{1,7})[\"']")
_NO_CACHED_VALUE = r"(?:</f>|<f[^>]*/>)(?:<v/>|<v></v>|<v />)?</c>"
_UNCACHED_CELL = re.compile(rb"<c [^>]*r=\"([A-Z]+[0-9]+)\"[^>]*><f[^>]*(?:/>|>[^<]*</f>)(?:<v ?/>|<v></v>)?</c>")
_HIDDEN_ROW = re.compile(rb"<row [^>]*hidden=\"(?:1|true)\"")


@dataclass(slots=True)
class Findings:
    """What a sheet holds.

    Attributes:
        last_row, last_column: the far corner, from 0.
        cells: how many cells are written in it; 0: not counted, for the rectangle is small.
        merged, hidden_rows: how many.
        formulas: whether there are any.
        uncached_count, uncached: formulas without a stored result: how many, and the first addresses.
    """

    last_row: int = 0
    last_column: int = 0
    cells: int = 0
    merged: int = 0
    hidden_rows: int = 0
    formulas: bool = False
    uncached_count: int = 0
    uncached: list[str] = field(default_factory=list)

    @property
    def rectangle(self) -> int:
        """How many cells calamine makes of it."""
        return (self.last_row + 1) * (self.last_column + 1)


def count_parts(path: Path, max_bytes: int | None, leave_out: str = "") -> None:
    """Inflate every part but one, and refuse a workbook that becomes larger than ``max_bytes``.

    Raises:
        TooLarge: it does.
        UnreadableFile: a part cannot be inflated.
    """
    total = 0
    with zipfile.ZipFile(path) as archive:
        for name in {info.filename for info in archive.infolist()}:
            if name == leave_out or name.startswith("xl/media/"):
                continue
            for piece in pieces(archive, name):
                total += len(piece)
                refuse_bomb(total, max_bytes)


def refuse_bomb(total: int, max_bytes: int | None) -> None:
    """Raise TooLarge when so many inflated bytes are too many."""
    if max_bytes is not None and total > max_bytes:
        raise TooLarge(f"Unpacked, the workbook is larger than the limit of {max_bytes} bytes.")


def pieces(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    """A part's bytes. They are inflated to their end, whatever size the archive claims."""
    info = archive.getinfo(name)
    if info.compress_size > 2 * info.file_size + 1024:  # deflating never grows a part by more than a few bytes
        raise UnreadableFile(f"The workbook's part {name} lies about its size.")
    try:
        with archive.open(info) as part:
            while piece := part.read(_PIECE):
                yield piece
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError) as error:
        raise UnreadableFile(f"The workbook's part {name} is truncated or corrupt: {error}.") from error


def scan_extent(path: Path, name: str, max_bytes: int | None) -> Findings:
    """How far one xlsx sheet reaches; refuse it if it cannot be read within reason.

    Raises:
        TooLarge: it inflates beyond ``max_bytes``, or has too many cells.
        UnreadableFile: the part cannot be inflated, or stray cells stand far away.
    """
    found, total, tail = Findings(), 0, b""
    with zipfile.ZipFile(path) as archive:
        with ThreadPoolExecutor(1, thread_name_prefix="look") as pool:
            looking: Future[None] | None = None
            for piece in pieces(archive, name):  # one piece is looked through while the next is inflated
                total += len(piece)
                refuse_bomb(total, max_bytes)
                if looking is not None:
                    looking.result()
                looking = pool.submit(_extend, found, tail + piece)
                tail = piece[-_OVERLAP:]
            if looking is not None:
                looking.result()
        if found.rectangle > _SMALL_RECTANGLE:
            found.cells = sum(piece.count(b"<c ") + piece.count(b":c ") for piece in pieces(archive, name))
            refuse_sparse(found, found.rectangle)
    return found


def find_rarities(path: Path, name: str) -> Findings:
    """Look for what few sheets have, and calamine hides: merged areas, hidden rows, formulas without a result."""
    found, tail, piece = Findings(), b"", b""
    with zipfile.ZipFile(path) as archive:
        for piece in pieces(archive, name):
            _find_rarities(found, tail, tail + piece)
            tail = piece[-_OVERLAP:]
        if b"<mergeCell" in piece:  # they come last, after all cells
            found.merged = sum(piece.count(b"<mergeCell ") for piece in pieces(archive, name))
    return found


def refuse_sparse(found: Findings, rectangle: int) -> None:
    """Raise when calamine would make a rectangle of so many cells out of the few that hold anything."""
    corner = address(found.last_row, found.last_column)
    if rectangle > max(found.cells * _SPARSE, _SMALL_RECTANGLE):
        raise UnreadableFile(
            f"The sheet's used area reaches to {corner}, but only {found.cells} of its {rectangle} cells are filled.",
            code="sparse_sheet",
            hint="Delete the stray cells at the far end of the sheet.",
        )
    if rectangle > MOST_CELLS:
        raise TooLarge(f"The sheet's used area reaches to {corner}: {rectangle} cells, more than {MOST_CELLS}.")


def _extend(found: Findings, data: bytes) -> None:
    """Look for what is further out than all before: cheap where nothing is."""
    _add_corner(found, data[:_SAMPLE])
    _add_corner(found, data[-_SAMPLE:])
    if _matches(data, _beyond(found.last_row, found.last_column)):
        _add_corner(found, data)


def _find_rarities(found: Findings, tail: bytes, data: bytes) -> None:
    """Look through a piece and the tail of the one before, where things were found already."""
    if b"hidden=" in data:
        found.hidden_rows += len(_HIDDEN_ROW.findall(data)) - len(_HIDDEN_ROW.findall(tail))
    found.formulas = found.formulas or b"</f>" in data
    if found.formulas and _matches(data, _NO_CACHED_VALUE):
        addresses = [match.decode() for match in _UNCACHED_CELL.findall(data)]
        found.uncached_count += len(addresses) - len(_UNCACHED_CELL.findall(tail))
        found.uncached = [*dict.fromkeys(found.uncached + addresses)][:5]


def _matches(data: bytes, pattern: str) -> bool:
    return bool(pc.match_substring_regex(pa.array([data], pa.large_binary()), pattern)[0].as_py())


def _add_corner(found: Findings, data: bytes) -> None:
    references = _REFERENCE.findall(data)
    if references:
        columns, rows = map(set, zip(*references, strict=True))
        found.last_row = max(found.last_row, *(int(row) - 1 for row in rows))
        found.last_column = max(found.last_column, *map(_column_number, columns))


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number - 1


def _beyond(row: int, column: int) -> str:
    """A pattern for references to a later row or column: more letters or digits, or one that is greater."""
    letters, digits = re.match(r"([A-Z]+)(\d+)", address(row, column)).groups()  # type: ignore[union-attr]  # always matches
    return f"r=[\"'](?:(?:{_greater(letters, 'A', 'Z')})[0-9]|[A-Z]+(?:{_greater(digits, '0', '9')})[\"'])"


def _greater(text: str, lowest: str, highest: str) -> str:
    """A pattern for strings of these characters that are longer, or as long and greater."""
    any_character = f"[{lowest}-{highest}]"
    choices = [f"{any_character}{{{len(text) + 1},}}"]
    for place, character in enumerate(text):
        if character < highest:
            rest = f"{any_character}{{{len(text) - place - 1}}}"
            choices.append(f"{text[:place]}[{chr(ord(character) + 1)}-{highest}]{rest}")
    return "|".join(choices)
