"""An xlsx workbook as calamine reads it rightly: a copy of one sheet and what belongs to it, in their usual places."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import quoteattr

from connectors.files.excel.cells import Exact
from connectors.files.excel.formats import ANY_DATE, EAST_ASIAN_DATES
from connectors.files.excel.inflate import pieces, write_part
from connectors.files.excel.parts import Index, SheetPart
from connectors.files.excel.plain_sheet import plain_sheet
from connectors.files.excel.scan import PREFIX

_USED = re.compile(rf"(<{PREFIX}xf\s[^<>]*?\bnumFmtId=[\"'])([0-9]+)([\"'])".encode())
_DEFINED = re.compile(rf"<{PREFIX}numFmt\s[^<>]*?\bnumFmtId=[\"']([0-9]+)[\"']".encode())
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_RELATIONS = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{}</Relationships>'
_RELATION = f'<Relationship Id="{{0}}" Type="{_OFFICE}/{{0}}" Target="{{1}}"/>'
_WORKBOOK = (
    f'<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="{_OFFICE}">'
    '<workbookPr date1904="{}"/><sheets><sheet name={} sheetId="1" state={} r:id="worksheet"/></sheets></workbook>'
)
_PARTS = {"worksheet": "worksheets/sheet1.xml", "styles": "styles.xml", "sharedStrings": "sharedStrings.xml"}


def changed_styles(path: Path, index: Index) -> bytes | None:
    """The part of styles with ordinary formats for those of dates that East Asian spreadsheets know by number alone.

    calamine does not know them. None: there are none.
    """
    if index.styles is None:
        return None
    with zipfile.ZipFile(path) as archive:
        styles = b"".join(pieces(archive, index.styles))
    wanted = EAST_ASIAN_DATES - {int(number) for number in _DEFINED.findall(styles)}

    def plain(match: re.Match[bytes]) -> bytes:
        return match[1] + (b"%d" % ANY_DATE if int(match[2]) in wanted else match[2]) + match[3]

    changed = _USED.sub(plain, styles)
    return changed if changed != styles else None


def write_plain(path: Path, target: Path, index: Index, sheet: SheetPart, exact: Exact | None = None) -> None:
    """Copy what belongs to one sheet, whose parts must have been counted.

    Args:
        path: the workbook.
        target: where the copy goes.
        index: what the workbook is made of.
        sheet: the sheet.
        exact: if given, the sheet is written anew in the plainest way, and this gets what no copy tells calamine.
    """
    styles = changed_styles(path, index)
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as copy:
        for name, text in _frame(index, sheet).items():
            write_part(copy, name, [text.encode()])
        for kind, part in (("styles", index.styles), ("sharedStrings", index.strings), ("worksheet", sheet.part)):
            if part is None:
                continue
            data: Iterator[bytes] = pieces(archive, part)
            if kind == "styles" and styles is not None:
                data = iter([styles])
            elif kind == "worksheet" and exact is not None:
                data = plain_sheet(data, exact)
            write_part(copy, f"xl/{_PARTS[kind]}", data)


def _frame(index: Index, sheet: SheetPart) -> dict[str, str]:
    """The parts that lead to the others."""
    relations = "".join(_RELATION.format(kind, place) for kind, place in _PARTS.items())
    state = sheet.state if sheet.state in {"hidden", "veryHidden"} else "visible"
    return {
        "_rels/.rels": _RELATIONS.format(_RELATION.format("officeDocument", "xl/workbook.xml")),
        "xl/_rels/workbook.xml.rels": _RELATIONS.format(relations),
        "xl/workbook.xml": _WORKBOOK.format(int(index.is_1904), quoteattr(sheet.name), quoteattr(state)),
    }
