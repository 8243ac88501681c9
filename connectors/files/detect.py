"""What a file is, by its bytes: never by its name."""

from __future__ import annotations

import codecs
import re
import zipfile
from pathlib import Path

from connectors.errors import UnreadableFile

_HEAD_BYTES = 4096

_EXCEL_4 = "a workbook of Excel 4 or older (save it as .xlsx)"
# what the bytes at an offset say; the sentence fragment is used in refusals
_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"PAR1", "parquet"),
    (0, b"PARE", "parquet"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole"),
    (0, b"\x09\x00\x04\x00", _EXCEL_4),
    (0, b"\x09\x02\x06\x00", _EXCEL_4),
    (0, b"\x09\x04\x06\x00", _EXCEL_4),
    (0, b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (0, b"\xff\xd8\xff", "a JPEG image"),
    (0, b"GIF8", "a GIF image"),
    (0, b"%PDF-", "a PDF document"),
    (0, b"\x7fELF", "a program"),
    (0, b"MZ\x90\x00", "a program"),
    (0, b"SQLite format 3\x00", "an SQLite database"),
    (0, b"ARROW1\x00\x00", "an Arrow file"),
    (0, b"Obj\x01", "an Avro file"),
    (0, b"ORC\n", "an ORC file"),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (0, b"Rar!\x1a\x07", "a RAR archive"),
    (0, b"\x1f\x9d", "a .Z archive (compress)"),
    (0, b"\x04\x22\x4d\x18", "an LZ4 archive"),
    (0, b"\x5d\x00\x00\x80\x00", "an LZMA archive (.lzma)"),
    (0, b"LZIP\x01", "an lzip archive"),
    (0, b"\xff\x06\x00\x00sNaPpY", "a Snappy stream"),
    (0, b"%!PS", "a PostScript document"),
    (0, b"version https://git-lfs.github.com/spec/", "a Git LFS pointer (the file itself is in the LFS store)"),
    (0, b"{\\rtf", "an RTF document"),
    (0, b"MIME-Version: 1.", "a web archive or a mail (MIME)"),
    (0, b"$FL2@(#)", "an SPSS file"),
    (0, b"<stata_dta>", "a Stata file"),
    (0, b"RDX2\n", "an R data file"),
    (0, b"RDX3\n", "an R data file"),
    (0, b"\x93NUMPY", "a NumPy array"),
    (0, b"RIFF", "a media file"),
    (257, b"ustar", "a tar archive"),
)
_COMPRESSIONS = (
    (re.compile(rb"\x1f\x8b\x08"), "gzip"),
    (re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18"), "zstd"),
    (re.compile(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)"), "bzip2"),
    (re.compile(rb"\xfd7zXZ\x00"), "xz"),
)
# Could also be the first column's name: believed only when a NUL byte follows, which text never has, or nothing at all.
_WORDS = (b"PAR1", b"PARE", b"RIFF", b"ORC\n", b"GIF8")
_HTML = re.compile(
    rb"\s*(<!--.*?-->\s*)?<(!doctype\s+html|html|head|body|table|meta|script|div|title|h[1-6])\b",
    re.IGNORECASE | re.DOTALL,
)
_XML = re.compile(rb"\s*<\?xml\b", re.IGNORECASE)
_TAG = re.compile(rb"\s*<([A-Za-z][\w:.-]*)(\s[^<>]*)?(/>\s*\Z)?>?")
_REMARKS = rb"(?:\s|\x1e|//[^\n]*\n|/\*.*?\*/|#[^\n]*\n|\)\]\}',?)*+"  # JSON has none, so the JSON reader says so
_KEY = rb"""(?:"(?:\\.|[^"\\])*"|'[^'\n]*'|[A-Za-z_$][\w$]*)\s*:"""
_OBJECT = rb"\{\s*(?:" + _KEY + rb"|\}\s*(?:[\],\[{\n]|$))"
_NUMBER = rb"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"
_ITEM = rb"""(?:"(?:\\.|[^"\\\n])*(?:"|$)|""" + _NUMBER + rb"|true|false|null|NaN|(?=\])|$)\s*(?:[\],]|$)"
_JSON = re.compile(_REMARKS + rb"(?:\[\s*)*" + _OBJECT + rb"|" + _REMARKS + rb"(?:\[\s*)+" + _ITEM, re.DOTALL)
_CELLS = re.compile(rb"\s*\[[^\[\]{}\n]*\][ \t]*[^\s\[{]")  # [1],[2] or [1] text: brackets in a line of text
_CLOSING = {b"[": b"]", b"{": b"}"}
_SCRIPT = re.compile(rb"\s*(?:(?:var|let|const)\s+)?[\w$.]+\s*[=(]\s*[\[{]\s*[\[{\"'\d]")
_SPREADSHEET_MEMBERS = {"[content_types].xml", "mimetype", "content.xml"}


def head_of(path: Path) -> bytes:
    """The first few kilobytes of a file."""
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES)


def compression_of(path: Path) -> str | None:
    """``gzip``, ``zstd``, ``bzip2``, ``xz`` or ``zip`` when the bytes say so; a spreadsheet's own zip is not one."""
    head = head_of(path)
    for magic, name in _COMPRESSIONS:
        if magic.match(head):
            return name
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")) and not is_zipped_spreadsheet(path):
        return "zip"
    return None


def is_zipped_spreadsheet(path: Path) -> bool:
    """Whether a zip is an xlsx, xlsb or ods rather than an archive of files."""
    try:
        with zipfile.ZipFile(path) as archive:
            return bool(_SPREADSHEET_MEMBERS & {name.lower() for name in archive.namelist()})
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise UnreadableFile("The file is a damaged or truncated zip archive.", code="corrupt_archive") from error


def looks_like(path: Path) -> str:
    """What an uncompressed file is: ``parquet``, ``excel``, ``json``, ``text``, or a phrase such as ``a PNG image``."""
    head = head_of(path)
    for offset, magic, what in _MAGIC:
        if head.startswith(magic, offset) and (magic not in _WORDS or b"\x00" in head or head == magic):
            return "excel" if what == "ole" else what
    if head.startswith(b"PK"):
        return "excel"
    text = _without_wide_encoding(head)
    if _HTML.match(text):
        return "an HTML page"
    if _XML.match(text) or _is_one_element(path, text):
        return "an XML document"
    if _SCRIPT.match(text):
        return "a JavaScript file"
    is_json = _JSON.match(text) or _is_in_brackets(path, text)
    return "json" if is_json and not _CELLS.match(text) else "text"


def _is_one_element(path: Path, head: bytes) -> bool:
    """Whether the text begins with a tag and ends where that is closed (``<Error>...</Error>``)."""
    tag = _TAG.match(head)
    if tag is None:
        return False
    return bool(tag[3]) or _end_of(path).endswith(b"</" + tag[1] + b">")


def _is_in_brackets(path: Path, head: bytes) -> bool:
    """Whether the last character closes the bracket that the text begins with, and not each line its own."""
    first_line, *others = head.strip().split(b"\n", 1)
    opening = first_line[:1]
    closing = _CLOSING.get(opening)
    if closing is None or (others and first_line.count(opening) <= first_line.count(closing)):
        return False
    return _end_of(path).endswith(closing)


def _end_of(path: Path) -> bytes:
    """The last few kilobytes of a file, without NUL bytes and blanks at the end."""
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - _HEAD_BYTES, 0))
        return file.read().translate(None, b"\x00").rstrip()


def _without_wide_encoding(head: bytes) -> bytes:
    """The head as ASCII-compatible bytes, also when it is UTF-8 with BOM, UTF-16 or UTF-32."""
    if head.startswith(codecs.BOM_UTF8):
        return head[3:]
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\x00" in head[:64]:
        return head.translate(None, b"\x00\xff\xfe")
    return head
