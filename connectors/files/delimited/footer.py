"""Lines below a table that are no part of it: totals in words, sources, row counts."""

from __future__ import annotations

import re
from pathlib import Path

from connectors.files.delimited.header import has_digits_alone
from connectors.files.delimited.records import Dialect

_TAIL_BYTES = 16 << 10
_MOST_LINES = 10
_ENOUGH = 1 << 31
_BEFORE_WORDS = " \t\"'"
_DOS_END = re.compile(rb"\x1a[\x1a\r\n]*\Z")
_WORDS = re.compile(
    r"(\(?\d[\d,.]*\s+(rows?|records?|lines?)\b|(grand\s+)?total\b|sum\b|"
    r"((opening|closing)\s+)?balance\b|saldo\b|solde\b|summe\b|gesamt|somme\b|totale\b|totaal\b|suma\b|итого|合計|合计|总计|합계|"
    r"(rows?|records?|lines?)(\s+count)?\s*:|sources?\s*:|notes?\s*:|generated\b|exported\b|"
    r"\W*end\b.*\bdata\b|end of\b|eof\s*$|created\b|copyright\b|©|legend\s*:|\*+\s|-{2,}|={3,}|#)",
    re.IGNORECASE,
)


def find_footer(path: Path, data_start: int, dialect: Dialect, fields: int) -> tuple[int, list[str]]:
    """The byte where the table ends, and the lines below it.

    A line is below the table when it has fewer fields than the table and either begins as such lines do, or is a
    single field with letters after a blank line. A record that was cut off is neither.
    """
    size = max(_text_end(path), data_start)
    if fields == 1:
        return size, []
    start = max(data_start, size - _TAIL_BYTES)
    with path.open("rb") as file:
        file.seek(start)
        tail = file.read(size - start)
    lines = tail.splitlines(keepends=True)[0 if start == data_start else 1 :]
    return _cut_footer(lines, size, dialect, fields)


def _text_end(path: Path) -> int:
    """The byte after the last one that is not DOS's mark of the end."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(size - _TAIL_BYTES, 0))
        tail = file.read()
    end = _DOS_END.search(tail)
    return size - (len(tail) - end.start() if end else 0)


def _cut_footer(lines: list[bytes], size: int, dialect: Dialect, fields: int) -> tuple[int, list[str]]:
    found: list[str] = []
    end, candidate_end, blank = size, size, False
    unsure: list[str] = []
    for line in reversed(lines[-_MOST_LINES - 1 :]):
        text = line.decode("utf-8", "replace").strip("\r\n")
        candidate_end -= len(line)
        blank = not text.strip() and dialect.delimiter not in text
        if blank:
            found, unsure, end = unsure + found, [], candidate_end
        elif _fields(text, dialect) >= fields:
            return end, found
        elif _WORDS.match(text.lstrip(_BEFORE_WORDS)):
            found, unsure, end = [text, *unsure, *found], [], candidate_end
        elif dialect.delimiter in text or has_digits_alone(text):
            return end, found
        else:
            unsure = [text, *unsure]
    return size, []


def _fields(text: str, dialect: Dialect) -> int:
    """How many fields a line has; a row's at the least where quotes say that it is a part of one."""
    if dialect.quote and dialect.quote in text:
        if text.count(dialect.quote) % 2:
            return _ENOUGH
        quote = re.escape(dialect.quote)
        text = re.sub(f"{quote}[^{quote}]*{quote}", "", text)
    return text.count(dialect.delimiter) + 1
