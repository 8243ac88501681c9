"""A look through the records of a binary workbook (xlsb): how large it becomes, and what calamine does not read."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import quoteattr

from connectors.files.excel import xlsb_records as records
from connectors.files.excel.extent import Extent
from connectors.files.excel.formats import EAST_ASIAN_DATES
from connectors.files.excel.inflate import copy_parts, pieces
from connectors.files.excel.parts import Relation, relations_of
from connectors.files.excel.scan import Findings
from connectors.files.excel.xlsb_records import Styles

_STYLES, _RELATIONS = "xl/styles.bin", "xl/_rels/workbook.bin.rels"
_RELATION = "<Relationship Id={} Type={} Target={}/>"
_KNOWN_PLACES = ("worksheets/", "chartsheets/", "dialogsheets/")  # to calamine, which gives up on others
_WHOLE_RECORD = 18  # bytes of a record's body that matter here
_LONGEST_NAME = 4096
_NO_TEXT = b"\xff" * 4
_BUNDLE, _COLUMNS, _MERGED = 156, 60, 176  # a sheet's name and part; columns of one width; a merged area
_IS_HIDDEN, _IS_HIDDEN_COLUMN = 0x10, 1


@dataclass(slots=True)
class XlsbFindings:
    """What the sheets hold.

    Attributes:
        rectangle: how many cells calamine makes of the largest sheet.
        styles: the formats of cells.
        is_odd: whether calamine would not read every cell rightly.
        names: of the sheets.
        sheets: what each of them holds, in the workbook's order; None: it is no worksheet, or missing.
        relations: the parts that the workbook names, by the ids it has for them.
        moved: the parts of sheets that calamine would not find, and where it does.
    """

    rectangle: int = 1
    styles: Styles = field(default_factory=Styles)
    is_odd: bool = False
    names: list[str] = field(default_factory=list)
    sheets: list[Findings | None] = field(default_factory=list)
    relations: dict[str, Relation] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)


def scan_xlsb(path: Path) -> XlsbFindings:
    """Look through every sheet.

    Raises:
        UnreadableFile: stray cells far away.
        TooLarge: too many cells.
    """
    result = XlsbFindings()
    with zipfile.ZipFile(path) as archive:
        if _STYLES in archive.namelist():
            result.styles = records.styles_of(pieces(archive, _STYLES))
        result.is_odd = not EAST_ASIAN_DATES.isdisjoint(result.styles.unknown)
        result.relations = relations_of(archive, _RELATIONS)
        for number, (name, key) in enumerate(_sheets(archive)):
            sheet = result.relations.get(key)
            result.names.append(name)
            result.sheets.append(_sheet_findings(archive, sheet, result))
            if sheet is not None and sheet.part is not None and not sheet.target.startswith(_KNOWN_PLACES):
                directory = "worksheets" if _is_worksheet(sheet) else "chartsheets"
                result.moved[sheet.part] = f"xl/{directory}/plain{number}.bin"
    result.is_odd = result.is_odd or bool(result.moved)
    return result


def write_plain(path: Path, found: XlsbFindings, target: Path) -> None:
    """Copy the workbook with every sheet where calamine looks for it, and every cell as it reads them."""
    sheets = {relation.part for relation in found.relations.values() if _is_worksheet(relation)}

    def change(name: str, data: Iterator[bytes]) -> Iterator[bytes]:
        if name.lower() == _RELATIONS:
            return iter([_relations(found).encode()])
        if name == _STYLES:
            return records.plain_styles(data, found.styles)
        return records.plain_cells(data, found.styles) if name in sheets else data

    copy_parts(path, target, change, found.moved)


def _is_worksheet(sheet: Relation) -> bool:
    return sheet.kind == "worksheet" or (sheet.part or "").lower().startswith("xl/worksheets/")


def _relations(found: XlsbFindings) -> str:
    """The part of relationships, with the new places."""
    places = {part: name.removeprefix("xl/") for part, name in found.moved.items()}
    relations = (
        _RELATION.format(*map(quoteattr, (key, it.kind, places.get(it.part or "", it.target))))
        for key, it in found.relations.items()
    )
    return f"<Relationships>{''.join(relations)}</Relationships>"


def _sheets(archive: zipfile.ZipFile) -> list[tuple[str, str]]:
    """The name and the relationship of each sheet, in the workbook's order."""
    found = records.split(pieces(archive, "xl/workbook.bin"), _LONGEST_NAME)
    bodies = [body for kind, body in found if kind == _BUNDLE and body[8:12] != _NO_TEXT]
    keys = [records.text(body[8:]) for body in bodies]
    return [(records.text(body[12 + 2 * len(key) :]), key) for body, key in zip(bodies, keys, strict=True)]


def _sheet_findings(archive: zipfile.ZipFile, sheet: Relation | None, result: XlsbFindings) -> Findings | None:
    if sheet is None or sheet.part is None or not _is_worksheet(sheet):
        return None
    extent, found, is_odd = _scan(pieces(archive, sheet.part), result.styles)
    extent.refuse_sparse()
    found.cells = extent.cells > 0
    result.rectangle = max(result.rectangle, extent.rectangle)
    result.is_odd = result.is_odd or is_odd
    return found


def _scan(data: Iterator[bytes], styles: Styles) -> tuple[Extent, Findings, bool]:
    extent, found, row, column, is_odd = Extent(), Findings(), 0, -1, False
    for kind, body in records.split(data, _WHOLE_RECORD):
        if kind == records.ROW:
            row, column = int.from_bytes(body[:4], "little"), -1
            found.hidden_rows += len(body) > 11 and bool(body[11] & _IS_HIDDEN)
        elif kind in records.CELLS:
            column = records.column_of(kind, body, column)
            is_odd = is_odd or records.is_odd(kind, body, styles)
            if kind not in records.BLANKS:
                extent.add(row, column)
        elif kind == _COLUMNS and len(body) > 16 and body[16] & _IS_HIDDEN_COLUMN:
            found.hidden_columns.append((int.from_bytes(body[:4], "little"), int.from_bytes(body[4:8], "little")))
        found.merged += kind == _MERGED
    return extent, found, is_odd
