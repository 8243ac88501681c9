"""The parts of an xlsx archive: which sheet is where, and their XML piece by piece."""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.parsers import expat

from connectors.errors import UnreadableFile
from connectors.files.excel.inflate import is_utf_16, pieces

WORKBOOK = re.compile(r"xl/workbook[0-9]*\.xml")  # the part; services that several people edit in number it
_LARGEST_INDEX_PART = 16 << 20
_STATES = {"visible", "hidden", "veryHidden"}
Attributes = dict[str, str]


@dataclass(frozen=True, slots=True)
class SheetPart:
    """A sheet: its name, its part of the archive (None: not a worksheet, or not found), and whether it is shown."""

    name: str
    part: str | None
    state: str = "visible"


@dataclass(frozen=True, slots=True)
class Index:
    """What an xlsx workbook is made of.

    Attributes:
        sheets: in order.
        styles, strings: the parts with the formats of cells, and with the texts that all sheets share.
        is_1904: whether days count from 1904.
        is_plain: whether calamine finds all this.
    """

    sheets: list[SheetPart]
    styles: str | None
    strings: str | None
    is_1904: bool
    is_plain: bool


def read_index(path: Path) -> Index:
    """What the workbook says it is made of.

    Raises:
        UnreadableFile: the workbook's index cannot be read.
    """
    with zipfile.ZipFile(path) as archive:
        members = members_of(archive)
        workbook = next((name for name in members if WORKBOOK.fullmatch(name)), "")
        relations = relations_of(archive, f"xl/_rels/{posixpath.basename(workbook)}.rels")
        elements = [*_elements(archive, members.get(workbook))]
        in_utf_8 = not any(is_utf_16(archive, name) for name in members.values() if name.endswith((".xml", ".rels")))
    sheets = [_sheet(attributes, relations) for name, attributes in elements if name == "sheet"]
    properties = [attributes for name, attributes in elements if name == "workbookPr"]
    styles, strings = (_part_of(relations, members, kind) for kind in ("styles", "sharedStrings"))
    places = {part.lower() for part in (styles, strings, workbook) if part is not None}
    is_plain = (
        in_utf_8
        and len(properties) < 2  # an extension has some too, and calamine believes the last
        and {*members} >= {"_rels/.rels"}
        and places <= {"xl/styles.xml", "xl/sharedstrings.xml", "xl/workbook.xml"}
        and all(relation.is_plain for relation in relations.values())
        and all(sheet.part is not None and sheet.state in _STATES for sheet in sheets)
        and len({sheet.name for sheet in sheets}) == len(sheets)
    )
    is_1904 = bool(properties) and properties[0].get("date1904", "0").lower() in {"1", "true", "on"}
    return Index(sheets, styles, strings, is_1904, is_plain)


@dataclass(frozen=True, slots=True)
class Relation:
    """What a part says of another: of which kind it is, where it says that it is, and its name (None: missing)."""

    kind: str
    target: str
    part: str | None

    @property
    def is_plain(self) -> bool:
        """Whether calamine knows such a sheet, and follows this way to its part."""
        return not self.kind.lower().endswith("sheet") or (
            self.kind in {"worksheet", "chartsheet"} and not self.target.startswith(".") and "\\" not in self.target
        )


def _sheet(attributes: Attributes, relations: dict[str, Relation]) -> SheetPart:
    relation = relations.get(attributes.get("id", ""))
    return SheetPart(
        attributes.get("name", ""), None if relation is None else relation.part, attributes.get("state", "visible")
    )


def _part_of(relations: dict[str, Relation], members: dict[str, str], kind: str) -> str | None:
    """The part of a kind that the workbook names, or the one that stands where such parts stand."""
    named = (relation.part for relation in relations.values() if relation.kind == kind)
    return next(named, None) or members.get(f"xl/{kind}.xml".lower())


def relations_of(archive: zipfile.ZipFile, name: str) -> dict[str, Relation]:
    """What a part of relationships says, by their ids."""
    members, found = members_of(archive), {}
    for tag, attributes in _elements(archive, members.get(name)):
        if tag == "Relationship":
            kind, target = attributes.get("Type", "").rpartition("/")[2], attributes.get("Target", "")
            found[attributes.get("Id", "")] = Relation(kind, target, _target(target, members))
    return found


def members_of(archive: zipfile.ZipFile) -> dict[str, str]:
    """The names of the archive's parts by how they are spelled everywhere: small letters and slashes."""
    return {name.replace("\\", "/").lower(): name for name in archive.namelist()}


def _target(target: str, members: dict[str, str]) -> str | None:
    target = target.replace("\\", "/")
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
    for _ in parsing(data, start, end, text):
        pass


def parsing(
    data: Iterator[bytes],
    start: Callable[[str, Attributes], Any],
    end: Callable[[str], Any] | None = None,
    text: Callable[[str], Any] | None = None,
) -> Iterator[None]:
    """The same, with a pause behind every piece."""
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
            yield
        parser.Parse(b"", True)
    except (expat.ExpatError, ValueError, LookupError) as error:  # no number where one should be; no such encoding
        raise UnreadableFile(f"The workbook is corrupt: {error}.") from error


def _local(name: str) -> str:
    return name.rpartition(":")[2]
