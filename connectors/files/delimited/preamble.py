"""What instruments and programs write above their data, up to a line that says that data begins."""

from __future__ import annotations

import re

HEAD_BYTES = 16 << 10  # what is written above the data fits into so much
_DATA_BEGINS = re.compile(
    rb"(?:^|[\r\n])(?:[*>#=-]{3,} ?(?:end[ _]of[ _]header|begin(?: \w+)? data)|xydata|\[data\]|@data)"
    rb"[^\w\r\n]*(?:\r\n?|\n)",
    re.IGNORECASE,
)
_ATTRIBUTE = re.compile(
    rb"^[ \t]*@attribute[ \t]+('[^'\r\n]*'|\"[^\"\r\n]*\"|[^\s'\"{]+)", re.IGNORECASE | re.MULTILINE
)


def where_data_begins(sample: bytes) -> int:
    """The byte behind the last line that says that data begins; 0: none does."""
    says = [
        found.end()
        for found in _DATA_BEGINS.finditer(sample, 0, HEAD_BYTES)
        if not sample.count(b'"', 0, found.start()) % 2
    ]
    return says[-1] if says and sample[says[-1] :].strip() else 0


def declared_names(preamble: bytes) -> list[str]:
    """The names that ``@attribute`` lines, as ARFF files have them, declare for the columns."""
    return [name.strip(b"'\"").decode("utf-8", "replace") for name in _ATTRIBUTE.findall(preamble)]
