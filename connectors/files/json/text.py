"""A JSON file as UTF-8, transcoded beforehand when it is something else."""

from __future__ import annotations

from pathlib import Path

from connectors.files.delimited import encoding as encodings
from connectors.files.delimited.encoding import Utf8Text
from connectors.source import Context


def as_utf8(path: Path, encoding: str | None, context: Context) -> Utf8Text:
    """The file to read. Without the caller's word it is in a UTF, as JSON has to be; UTF-8 is proved while it is read.

    Raises:
        InvalidRequest: no such encoding, or evidently not the file's.
        UnreadableFile: the bytes are not in that encoding.
    """
    chosen = encoding or encodings.unicode_encoding(path)
    return encodings.as_utf8(path, chosen, context) if chosen else Utf8Text(path, 0, "utf-8", 1.0)
