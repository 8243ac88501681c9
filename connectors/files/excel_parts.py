"""The parts of an xlsx archive: which sheet is where, and the first rows of a sheet without reading all of it."""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.parsers import expat

from connectors.errors import UnreadableFile
from connectors.files.excel_scan import pieces

_LARGEST_INDEX_PART = 16 << 20
Attributes = dict[str, str]


@dataclass(frozen=True, slots=True)
class SheetPart:
    """A sheet: its name, and its part of the archive (None: not a worksheet, or not found)."""

    name: str
    part: str | None


def sheet_parts(path: Path) -> list[SheetPart]:
    """The sheets of an xlsx workbook, in order.

    Raises:
        UnreadableFile: the workbook's index cannot be read.
    """
    with zipfile.ZipFile(path) as archive:
        members = {name.lower(): name for name in archive.namelist()}
        targets = {
            attributes.get("Id", ""): _target(attributes.get("Target", ""), members)
            for name, attributes in _elements(archive, members.get("xl/_rels/workbook.xml.rels"))
            if name == "Relationship"
        }
        return [
            SheetPart(
                attributes.get("name", ""),
                targets.get(attributes.get("id", "")),
            )
            for name, attributes in _elements(archive, members.get("xl/workbook.xml"))
            if name == "sheet"
        ]


def _target(target: str, members: dict[str, str]) -> str | None:
    path = target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join("xl", target))
    return members.get(path.lower())


def _elements(archive: zipfile.ZipFile, name: str | None) -> Iterator[tuple[str, Attributes]]:
    if name is None:
        raise UnreadableFile("The workbook is corrupt: its list of sheets is missing.")
    if archive.getinfo(name).file_size > _LARGEST_INDEX_PART:
        raise UnreadableFile("The workbook is corrupt: its list of sheets is too large to be true.")
    found: list[tuple[str, Attributes]] = []
    parse_xml(pieces(archive, name), lambda tag, attributes: found.append((tag, attributes)))
    return iter(found)


def parse_xml(
    data: Iterator[bytes],
    start: Callable[[str, Attributes], Any],
    end: Callable[[str], Any] | None = None,
    text: Callable[[str], Any] | None = None,
) -> None:
    """Call back for every element (names without their prefixes).

    Raises:
        UnreadableFile: not well-formed XML.
    """
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = lambda tag, attributes: start(
        _local(tag), {_local(key): value for key, value in attributes.items()}
    )
    if end is not None:
        parser.EndElementHandler = lambda tag: end(_local(tag))
    if text is not None:
        parser.CharacterDataHandler = text
    try:
        for piece in data:
            parser.Parse(piece)
        parser.Parse(b"", True)
    except (expat.ExpatError, ValueError) as error:  # a ValueError: what should be a number is none
        raise UnreadableFile(f"The workbook is corrupt: {error}.") from error


def _local(name: str) -> str:
    return name.rpartition(":")[2]
