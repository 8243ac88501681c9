"""Delimiters that are no single ASCII character (``||``, ``§``, runs of blanks), made one byte before all else."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from connectors.errors import UnreadableFile
from connectors.files.compression import copy_bounded
from connectors.files.delimited.dialect import (
    NO_DELIMITER,
    STAND_IN,
    check_characters,
    guess_dialect,
    reads_like_names,
)
from connectors.files.delimited.encoding import Utf8Text
from connectors.files.delimited.first_records import LOOKED_AT, read_records
from connectors.files.delimited.header import is_value
from connectors.files.delimited.prose import columns_of_numbers, lines_of_prose
from connectors.files.delimited.records import Dialect, blocks, places_of
from connectors.files.delimited.ruled import Drawing, find_drawing, undrawn
from connectors.files.options import FileOptions
from connectors.source import Context

_SAMPLE, _STEP = 128 << 10, 4 << 20
_KNOWN = ("||", "::", "§", "¦", "¬")
_CANDIDATES = 3
_SEVERAL = re.compile(r"[^\w\s\"'.,;()\[\]{}-]{2,4}")
_WIDE_BLANKS, _BLANKS = "  ", " "
_RUNS = {_WIDE_BLANKS: r"(?:  | ?\t)[ \t]*", _BLANKS: r"[ \t]+"}  # a tab among blanks is as wide as two
_EDGES = " \t"
_ENOUGH_LINES = 4
_NEARLY_ALL = 0.9
_COMMENT = b"#"


def with_one_byte_delimiter(text: Utf8Text, options: FileOptions, context: Context) -> tuple[Utf8Text, FileOptions]:
    """The same text with a delimiter of one byte, and the options that say so; most texts have one already.

    Raises:
        UnreadableFile: the byte that would stand for the delimiter is in the text.
    """
    check_characters(options)
    if options.delimiter is None:
        lines, sample, whole = _first_lines(text)
        if drawing := find_drawing(lines):
            return _without_drawing(text, drawing, options, context)
        written = _found(lines, sample, options, whole=whole)
    else:
        written = None if options.delimiter.isascii() and len(options.delimiter) == 1 else options.delimiter
    if written is None:
        return text, options
    naive = context.temp_dir / f"{text.path.name}.cut"
    _write(naive, _replaced(text, written), context)
    if written in _RUNS:
        one = replace(text, path=naive, start=0, delimiter=_BLANKS)
        return one, replace(options, delimiter=STAND_IN, quote_char="")
    restored = naive.with_suffix(".quoted")
    quote = '"' if options.quote_char is None else options.quote_char
    _write(restored, _with_quoted_as_written(naive, written, Dialect(STAND_IN, quote)), context)
    naive.unlink()
    return replace(text, path=restored, start=0, delimiter=written), replace(options, delimiter=STAND_IN)


def _without_drawing(
    text: Utf8Text, drawing: Drawing, options: FileOptions, context: Context
) -> tuple[Utf8Text, FileOptions]:
    plain = context.temp_dir / f"{text.path.name}.plain"
    _write(plain, undrawn(text.path, text.start, drawing, STAND_IN.encode()), context)
    has_header = options.has_header is not False
    one = replace(text, path=plain, start=0, delimiter=drawing.delimiter)
    return one, replace(options, delimiter=STAND_IN, quote_char="", has_header=has_header)


def _first_lines(text: Utf8Text) -> tuple[list[bytes], bytes, bool]:
    """The first lines that are not blank; the bytes they are of, and whether those are the whole text."""
    with text.path.open("rb") as file:
        file.seek(text.start)
        sample = file.read(_SAMPLE)
        whole = not file.read(1)
    return _filled_lines(sample, whole=whole)[:LOOKED_AT], sample, whole


def _filled_lines(sample: bytes, *, whole: bool) -> list[bytes]:
    return [line for line in sample.splitlines()[: None if whole else -1] if line.strip()]


def _found(lines: list[bytes], sample: bytes, options: FileOptions, *, whole: bool) -> str | None:
    """How the delimiter is written, when nothing shorter explains the first lines."""
    if len(lines) < 2 or STAND_IN.encode() in sample:
        return None
    several = Counter(_SEVERAL.findall(lines[0].decode("utf-8", "replace"))).most_common(_CANDIDATES)
    candidates = dict.fromkeys((*_KNOWN, *(written for written, _ in several)))
    even = [written for written in candidates if _cuts_evenly(sample, written, whole=whole)]
    even += _aligning(lines) or _aligning(_without_comments(lines)) or _aligning_below_prose(sample, whole=whole)
    if not even:
        return None
    guessed = guess_dialect(sample, options, whole=whole)[0].delimiter
    if even[0] == _WIDE_BLANKS and guessed == "\t":
        return _WIDE_BLANKS if _shows_more_numbers(lines) else None
    is_part = guessed in even[0] and even[0] != _BLANKS
    cuts_unevenly = even[0] not in _RUNS and len(set(map(len, _records(sample, guessed, whole=whole)))) > 1
    return even[0] if is_part or cuts_unevenly or guessed == NO_DELIMITER else None


def _cuts_evenly(sample: bytes, written: str, *, whole: bool) -> bool:
    """Whether every record has as many of it; and of a character of it none alone, or not as many in each."""
    if written.encode() not in sample:
        return False
    records = _records(sample, written, whole=whole)
    widths = {len(fields) for fields in records}
    if widths == {1} or len(widths) != 1 or not (written in _KNOWN or _is_table(records)):
        return False
    alone = {mark for mark in written for fields in records for field in fields if mark in field}
    return not any(_explains(mark, sample, records[0], written, whole=whole) for mark in alone)


def _is_table(records: list[list[str]]) -> bool:
    return len(records[0]) > 2 and (reads_like_names(records[0]) or columns_of_numbers(records) > 0)


def _explains(mark: str, sample: bytes, first: list[str], written: str, *, whole: bool) -> bool:
    """Whether one character of the delimiter alone cuts all records alike, the first one into cells with a content."""
    records = _records(sample, mark, whole=whole)
    is_in_values = not any(mark in cell for cell in first) and not all(cell.strip(written) for cell in records[0])
    return len({len(fields) for fields in records}) == 1 and not is_in_values


def _records(sample: bytes, written: str, *, whole: bool) -> list[list[str]]:
    cut = sample.replace(written.encode(), STAND_IN.encode())
    records = read_records(cut, 0, Dialect(STAND_IN), whole=whole, most=LOOKED_AT)
    return [record.fields for record in records if any(map(str.strip, record.fields))]


def _aligning(lines: list[bytes]) -> list[str]:
    """The runs of blanks that cut every line into as many fields; those first by which more columns hold numbers.

    Where there is nothing but numbers, nearly every line after the first is enough: the others are bad rows.
    """
    found = {}
    for blanks in _RUNS:
        rows = _cut(lines, blanks)
        width = len(rows[0]) if rows else 1
        most = sum(len(row) == width for row in rows)
        if len(rows) < 2 or width == 1 or b'"' in lines[0] or most < _NEARLY_ALL * len(rows):
            continue
        numbers = columns_of_numbers([row for row in rows if len(row) == width])
        wide = blanks == _WIDE_BLANKS and len(rows) >= _ENOUGH_LINES
        told = wide and (reads_like_names(rows[0]) or _has_column_of_values(rows))
        if numbers == width or (most == len(rows) and (numbers or told)):
            found[blanks] = numbers, most
    return sorted(found, key=lambda blanks: found[blanks], reverse=True)


def _has_column_of_values(rows: list[list[str]]) -> bool:
    return any(all(map(is_value, column)) for column in zip(*rows, strict=False))


def _aligning_below_prose(sample: bytes, *, whole: bool) -> list[str]:
    """The runs of blanks that cut all lines below a first few into a table of numbers; those that cut most first."""
    lines = _without_comments(_filled_lines(sample, whole=whole))
    widths = {blanks: len(_cut(lines[-1:], blanks)[0]) for blanks in _RUNS if lines}
    prose = {blanks: lines_of_prose(_cut(lines, blanks)) for blanks in widths if widths[blanks] > 1}
    cutting = [blanks for blanks, above in prose.items() if above is not None and above < LOOKED_AT // 2]
    return sorted(cutting, key=lambda blanks: widths[blanks], reverse=True)


def _without_comments(lines: list[bytes]) -> list[bytes]:
    return [line for line in lines if not line.startswith(_COMMENT)]


def _shows_more_numbers(lines: list[bytes]) -> bool:
    """Whether more columns hold numbers when wide blanks are delimiters beside the tabs, and no cell is empty."""
    lines = _without_comments(lines)
    by_tabs = [line.decode("utf-8", "replace").split("\t") for line in lines]
    filled = all(cell.strip() for row in by_tabs for cell in row)
    return filled and columns_of_numbers(_cut(lines, _WIDE_BLANKS)) > columns_of_numbers(by_tabs)


def _cut(lines: list[bytes], blanks: str) -> list[list[str]]:
    return [re.split(_RUNS[blanks], line.decode("utf-8", "replace").strip(_EDGES)) for line in lines]


def _write(path: Path, pieces: Iterator[bytes], context: Context) -> None:
    with path.open("wb") as sink:
        copy_bounded(lambda: next(pieces, b""), sink, Context(temp_dir=context.temp_dir))


def _replaced(text: Utf8Text, written: str) -> Iterator[bytes]:
    """The text with the stand-in wherever the delimiter is written; a chunk never ends within one."""
    put, ending = _replacement(written), (_EDGES if written in _RUNS else written).encode()
    with text.path.open("rb") as file:
        file.seek(text.start)
        kept, before = b"", b"\n"
        while chunk := file.read(_STEP):
            if STAND_IN.encode() in chunk:
                raise UnreadableFile(f"The text holds the control character 0x1F beside its delimiter {written!r}.")
            buffer = kept + chunk
            cut = len(buffer.rstrip(ending))
            if cut:
                yield put(before + buffer[:cut])[1:]
                before = buffer[cut - 1 : cut]
            kept = buffer[cut:]
        yield put(before + kept)[1:]


def _replacement(written: str) -> Callable[[bytes], bytes]:
    if written not in _RUNS:
        return lambda data: data.replace(written.encode(), STAND_IN.encode())
    edges = re.compile(rb"(?<=[\r\n])[ \t]+|[ \t]+(?=[\r\n])|" + _RUNS[written].encode())
    return lambda data: edges.sub(lambda run: b"" if _at_line_edge(data, run) else STAND_IN.encode(), data)


def _at_line_edge(data: bytes, run: re.Match[bytes]) -> bool:
    before, after = data[run.start() - 1 : run.start()], data[run.end() : run.end() + 1]
    return before in (b"\r", b"\n") or after in (b"\r", b"\n", b"")


def _with_quoted_as_written(path: Path, written: str, dialect: Dialect) -> Iterator[bytes]:
    """The text with what stands in quotes as it was before."""
    for block in blocks(path, 0, dialect):
        places = places_of(block.data, ord(STAND_IN))
        free = set() if block.quotes is None else set(places.tolist()) - set(block.quotes.outside(places).tolist())
        start = 0
        for place in sorted(free):
            yield bytes(block.data[start:place]) + written.encode()
            start = place + 1
        yield bytes(block.data[start:])
