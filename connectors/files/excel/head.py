"""The first rows of an xlsx sheet from its XML, so that a large sheet need not be read twice for its header."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connectors.errors import UnreadableFile
from connectors.files.excel.cells import CellError, place_of
from connectors.files.excel.inflate import pieces
from connectors.files.excel.parts import Attributes, parse_xml

_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")


class _Enough(Exception):
    pass


@dataclass(slots=True)
class _Reader:
    """Collects texts: of cells by (row, place), or of shared strings in order."""

    rows: int
    cells: dict[tuple[int, int], tuple[str, str]] = field(default_factory=dict)
    strings: list[str] = field(default_factory=list)
    row: int = -1
    place: int = -1
    kind: str = ""
    text: list[str] = field(default_factory=list)
    inside: str = ""

    def start(self, tag: str, attributes: Attributes) -> None:
        if tag == "row":
            self.row, self.place = int(attributes.get("r", self.row + 2)) - 1, -1
            if self.row >= self.rows:
                raise _Enough
        elif tag == "c":
            self.place = place_of(attributes["r"]) if "r" in attributes else self.place + 1
            self.kind, self.text = attributes.get("t", "n"), []
        elif tag == "si":
            self.text = []
        elif tag in {"v", "t", "rPh"}:
            self.inside = tag

    def characters(self, text: str) -> None:
        if self.inside in {"v", "t"}:
            self.text.append(text)

    def end(self, tag: str) -> None:
        self.inside = "" if tag in {"v", "t", "rPh"} else self.inside
        if tag == "c" and self.text:
            self.cells[self.row, self.place] = (self.kind, "".join(self.text))
        elif tag == "si":
            self.strings.append(_unescaped("".join(self.text)))
            if len(self.strings) > self.rows:
                raise _Enough


def head_cells(path: Path, part: str, strings_part: str, rows: int) -> dict[tuple[int, int], Any]:
    """The cells of the first rows that are not blank, by (row, place) from 0; a date is the number it is stored as."""
    try:
        with zipfile.ZipFile(path) as archive:
            sheet = _Reader(rows)
            _read(pieces(archive, part), sheet)
            wanted = {int(text) for kind, text in sheet.cells.values() if kind == "s"}
            strings = _Reader(max(wanted, default=0))
            if wanted:
                _read(pieces(archive, strings_part), strings)
        return {place: _value(kind, text, strings.strings) for place, (kind, text) in sheet.cells.items()}
    except (ValueError, LookupError) as error:
        raise UnreadableFile(f"The workbook is corrupt: {error}.") from error


def _read(data: Iterator[bytes], reader: _Reader) -> None:
    try:
        parse_xml(data, reader.start, reader.end, reader.characters)
    except _Enough:
        return


def _unescaped(text: str) -> str:
    """A text with the characters that are written like ``_x000D_``."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text


def _value(kind: str, text: str, strings: list[str]) -> Any:
    if kind == "s":
        return strings[int(text)]
    if kind == "b":
        return text.strip().lower() in {"1", "true"}
    if kind == "e":
        return CellError(text)
    if kind == "inlineStr":
        return _unescaped(text)
    return float(text) if kind == "n" else text
