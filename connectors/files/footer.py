"""Lines below a table that are no part of it: totals in words, sources, row counts."""

from __future__ import annotations

import re
from pathlib import Path

from connectors.files.records import Dialect

_TAIL_BYTES = 16 << 10
_MOST_LINES = 10
_WORDS = re.compile(
    r"\s*(\(?\d[\d,.]*\s+(rows?|records?|lines?)\b|(grand\s+)?total\b|sum\b|sources?\s*:|notes?\s*:|generated\b|exported\b|"
    r"end of\b|created\b|copyright\b|©|legend\s*:|\*+\s|-{3,}|={3,}|#)",
    re.IGNORECASE,
)


def find_footer(path: Path, data_start: int, dialect: Dialect, fields: int) -> tuple[int, list[str]]:
    """The byte where the table ends, and the lines below it.

    A line is below the table when it has fewer fields than the table and either begins as such lines do, or is a
    single field after a blank line. A record that was cut off is neither.
    """
    size = path.stat().st_size
    if fields == 1:
        return size, []
    start = max(data_start, size - _TAIL_BYTES)
    with path.open("rb") as file:
        file.seek(start)
        tail = file.read()
    lines = tail.splitlines(keepends=True)[0 if start == data_start else 1 :]
    return _cut_footer(lines, size, dialect, fields)


def _cut_footer(lines: list[bytes], size: int, dialect: Dialect, fields: int) -> tuple[int, list[str]]:
    found: list[str] = []
    end, candidate_end, blank = size, size, False
    unsure: list[str] = []
    for line in reversed(lines[-_MOST_LINES - 1 :]):
        text = line.decode("utf-8", "replace").strip("\r\n")
        candidate_end -= len(line)
        blank = not text.strip()
        if blank:
            found, unsure, end = unsure + found, [], candidate_end
        elif _is_row(text, dialect, fields):
            return end, found
        elif _WORDS.match(text):
            found, unsure, end = [text, *unsure, *found], [], candidate_end
        elif dialect.delimiter in text:
            return end, found
        else:
            unsure = [text, *unsure]
    return size, []


def _is_row(text: str, dialect: Dialect, fields: int) -> bool:
    quoted = bool(dialect.quote) and dialect.quote in text
    return quoted or text.count(dialect.delimiter) + 1 >= fields
