"""What a file called a workbook really is, by its bytes."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from connectors.errors import UnreadableFile
from connectors.files.excel.book import encrypted
from connectors.files.excel.parts import WORKBOOK
from connectors.source import Context

Kind = Literal["xlsx", "xlsb", "ods", "xls"]
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP = b"PK\x03\x04"
_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
_SCAN = 1 << 20
_MARKUP = re.compile(
    rb"^(?:\xef\xbb\xbf)?\s*<(\?xml|!doctype html|html|table|head|body|meta|div|style|workbook)?", re.IGNORECASE
)


def workbook_kind(path: Path) -> Kind:
    """The kind of workbook.

    Raises:
        UnreadableFile: something else (said what, if it is known), or encrypted.
    """
    with path.open("rb") as file:
        head = file.read(1024)
    if not head:
        raise UnreadableFile("The file is empty.", code="empty_file")
    if head.startswith(_ZIP):
        return _zip_kind(path)
    if head.startswith(_OLE):
        if _holds(path, _ENCRYPTED_PACKAGE):
            raise encrypted()
        return "xls"
    raise UnreadableFile(f"This is not an Excel or OpenDocument workbook{_what_else(head)}.", code="wrong_format")


@contextmanager
def named_workbook(path: Path, context: Context) -> Iterator[tuple[Path, Kind]]:
    """The workbook in a directory of its own under its kind's extension: calamine goes by that, and it may have any.

    Raises:
        UnreadableFile: see ``workbook_kind``.
    """
    kind = workbook_kind(path)
    with TemporaryDirectory(dir=context.temp_dir) as directory:
        named = Path(directory) / f"workbook.{kind}"
        named.symlink_to(path.resolve())
        yield named, kind


def _what_else(head: bytes) -> str:
    text = head.replace(b"\0", b"").removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff")
    if (match := _MARKUP.match(text)) is not None:
        named = "XML" if (match[1] or b"").lower() == b"?xml" and b"<html" not in text.lower() else "HTML"
        return f": it is {named} text under a workbook's name. Open it in a spreadsheet program and save it as .xlsx"
    return " (no such file begins like this)" if b"\0" in head else ": it is text. If it is CSV, say so in 'format'"


def _zip_kind(path: Path) -> Kind:
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.replace("\\", "/").lower() for name in archive.namelist()}
            manifest = (
                archive.read("META-INF/manifest.xml") if "content.xml" in names and _has_manifest(archive) else b""
            )
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, NotImplementedError, RuntimeError, EOFError) as error:
        raise UnreadableFile(f"The workbook is truncated or corrupt: {error}.") from error
    if b"encryption-data" in manifest:
        raise encrypted()
    if any(WORKBOOK.fullmatch(name) for name in names):
        return "xlsx"
    kinds: dict[str, Kind] = {"xl/workbook.bin": "xlsb", "content.xml": "ods"}
    for member, kind in kinds.items():
        if member in names:
            return kind
    raise UnreadableFile("This is a zip archive, but not a workbook: it has no xl/workbook.xml.", code="wrong_format")


def _has_manifest(archive: zipfile.ZipFile) -> bool:
    """Present and not a bomb."""
    return any(info.filename == "META-INF/manifest.xml" and info.file_size <= _SCAN for info in archive.infolist())


def _holds(path: Path, wanted: bytes) -> bool:
    with path.open("rb") as file:
        tail = b""
        while data := file.read(_SCAN):
            if wanted in tail + data:
                return True
            tail = data[-len(wanted) :]
    return False
