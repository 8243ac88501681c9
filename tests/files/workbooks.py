"""Workbooks for tests: xlsx by openpyxl and xlsxwriter, ods by hand."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import openpyxl

_ODS = (
    '<?xml version="1.0" encoding="UTF-8"?><office:document-content'
    ' xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"'
    ' xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"'
    ' xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet>'
    '<table:table table:name="Sheet">{rows}</table:table></office:spreadsheet></office:body></office:document-content>'
)
_MANIFEST = '<manifest xmlns="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'
_ODS_VALUES = {"float": "value", "date": "date-value", "time": "time-value", "boolean": "boolean-value"}


def write_xlsx(path: Path, rows: Sequence[Sequence[Any]], *, first_row: int = 1, first_column: int = 1) -> Path:
    """A sheet with these cells; texts like ``#N/A`` are error cells."""
    book = openpyxl.Workbook()
    sheet = book.active
    for row_number, row in enumerate(rows, first_row):
        for column_number, value in enumerate(row, first_column):
            if value is not None:
                cell = sheet.cell(row_number, column_number)
                cell.value = value
                if isinstance(value, str):
                    cell.data_type = "e" if value.startswith("#") else "f" if value.startswith("==") else "s"
                    cell.value = value.removeprefix("=") if value.startswith("==") else value
    book.save(path)
    return path


def write_ods(path: Path, rows: Sequence[Sequence[tuple[str, str]]], extra: str = "") -> Path:
    """A sheet of (kind, value) cells, with more XML behind the rows."""
    text = "".join(f"<table:table-row>{''.join(map(_ods_cell, row))}</table:table-row>" for row in rows)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", _MANIFEST)
        archive.writestr("content.xml", _ODS.format(rows=text + extra))
    return path


def _ods_cell(cell: tuple[str, str]) -> str:
    kind, value = cell
    attribute = f' office:{_ODS_VALUES[kind]}="{value}"' if kind in _ODS_VALUES else ""
    return (
        f'<table:table-cell office:value-type="{kind}"{attribute}><text:p>{escape(value)}</text:p></table:table-cell>'
    )


def replace_part(path: Path, name: str, content: bytes) -> Path:
    """The same archive with another content of one part."""
    with zipfile.ZipFile(path) as archive:
        parts = {info.filename: archive.read(info) for info in archive.infolist()}
    parts[name] = content
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, data in parts.items():
            archive.writestr(part, data)
    return path
