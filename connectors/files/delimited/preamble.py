"""What instruments and programs write above their data, up to a line that says that data begins."""

from __future__ import annotations

import re

from connectors.files.delimited.first_records import read_records
from connectors.files.delimited.records import Dialect

_HEAD_BYTES = 16 << 10  # what is written above the data fits into so much
_DATA_BEGINS = re.compile(
    rb"(?:^|[\r\n])(?:[*>#=-]{3,} ?(?:end[ _]of[ _]header|begin(?: \w+)? data)|xydata|\[data\]|@data)"
    rb"[^\w\r\n]*(?:\r\n?|\n)",
    re.IGNORECASE,
)
_ARFF = re.compile(rb"(?:(?:%[^\r\n]*)?(?:\r\n?|\n))*+@relation\b", re.IGNORECASE)
_ARFF_DATA = re.compile(rb"[\r\n]@data[ \t]*(?:\r\n?|\n)", re.IGNORECASE)
_ATTRIBUTE = re.compile(
    rb"^[ \t]*@attribute[ \t]+('[^'\r\n]*'|\"[^\"\r\n]*\"|[^\s'\"{]+)", re.IGNORECASE | re.MULTILINE
)
_REMARKS = re.compile(rb"(?:#[^\r\n]*(?:\r\n?|\n))*(?=#)")  # all but the last, which may have the names
_MANY_REMARKS = 100
# Loggers of Campbell Scientific: where the table is from, its names, their units, how each value was made.
_TOA5 = re.compile(
    rb"\"?TOA5\"?,[^\r\n]*(?:\r\n?|\n)(?P<names>[^\r\n]+)(?:\r\n?|\n)[^\r\n]+(?:\r\n?|\n)[^\r\n]+(?:\r\n?|\n)"
)


def where_data_begins(sample: bytes) -> int:
    """The byte behind the last line that says that data begins, or behind many remarks but the last; 0: neither."""
    if known := _TOA5.match(sample) or (_ARFF.match(sample) and _ARFF_DATA.search(sample)):
        says = [known.end()]
    else:
        says = [
            found.end()
            for found in _DATA_BEGINS.finditer(sample, 0, _HEAD_BYTES)
            if not sample.count(b'"', 0, found.start()) % 2
        ]
        remarks = _REMARKS.match(sample)
        if not says and remarks and len(remarks[0].splitlines()) >= _MANY_REMARKS:
            says = [remarks.end()]
    return says[-1] if says and sample[says[-1] :].strip() else 0


def declared_names(preamble: bytes) -> list[str]:
    """The names that what is above the data declares for the columns: TOA5's, or ARFF's ``@attribute`` lines."""
    if toa5 := _TOA5.match(preamble):
        return read_records(toa5["names"], 0, Dialect(","), whole=True, most=1)[0].fields
    return [name.strip(b"'\"").decode("utf-8", "replace") for name in _ATTRIBUTE.findall(preamble)]
