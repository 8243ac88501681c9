"""Where the records of a JSON file are: an array, values one after another, one object, or a path inside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connectors.errors import InvalidRequest, UnreadableFile
from connectors.files.json_cursor import Cursor
from connectors.files.json_decode import Decoder

_HEAD = 1 << 20
_VALUE_BEGINNINGS = '[{"-0123456789tfnNI'


@dataclass(frozen=True, slots=True)
class Layout:
    """Where records begin and what separates them.

    Attributes:
        start: the first record's place, in bytes.
        in_array: commas separate the records and ``]`` ends them; otherwise blanks do, until the file ends.
        one_per_line: each record has a line of its own.
        separator: the bytes between two records of an array, from ``}`` to the next record's first key.
        path: dotted, to the array inside a document; empty for the document itself.
        chosen: the path was not asked for but found.
        single: the one value at ``start`` is the only record.
        left_out: the document's members beside the records.
    """

    start: int
    in_array: bool = False
    one_per_line: bool = False
    separator: bytes = b""
    path: str = ""
    chosen: bool = False
    single: bool = False
    left_out: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """For the answer: ``array``, ``lines``, ``object`` or ``values``."""
        if self.in_array:
            return "array"
        return "object" if self.single else "lines" if self.one_per_line else "values"


def find_layout(path: Path, start: int, records_path: str | None) -> Layout:
    """Read as much of the file as it takes.

    Raises:
        UnreadableFile: the file is empty or not JSON.
        InvalidRequest: ``records_path`` leads nowhere.
    """
    with Cursor(path, start, Decoder()) as cursor:
        first = cursor.peek()
        if not first:
            raise UnreadableFile("The file is empty.", code="empty_file")
        if records_path:
            return _at_path(path, cursor, records_path)
        if first == "[" and not _followed_by(path, cursor.offset, "["):
            return _array(path, cursor)
        if first == "{":
            return _document(path, cursor)
        return Layout(cursor.offset, one_per_line=_has_own_line(path, cursor))


def _array(document: Path, cursor: Cursor, **found: Any) -> Layout:
    cursor.take("[")
    cursor.peek()
    return Layout(cursor.offset, in_array=True, separator=_separator(document, cursor.offset), **found)


def _separator(path: Path, start: int) -> bytes:
    """What stands between the first two records, if they are objects that begin with the same key."""
    with path.open("rb") as file:
        file.seek(start)
        head = file.read(_HEAD)
    text = head.decode(errors="ignore")
    try:
        _, end = Decoder().scan(text, 0)
    except (StopIteration, ValueError, RecursionError):
        return b""
    key_end = text.find('"', 2 + text[1:].find('"'))
    comma_and_blanks = text[end : end + 1 + len(text[end + 1 :]) - len(text[end + 1 :].lstrip(" \t\r\n"))]
    is_object = text.startswith("{") and key_end > 0 and comma_and_blanks.startswith(",")
    return f"}}{comma_and_blanks}{text[: key_end + 1]}".encode() if is_object else b""


def _followed_by(path: Path, start: int, beginnings: str) -> bool:
    """Whether a value that begins like this follows the first value, if that ends within a megabyte."""
    with path.open("rb") as file:
        file.seek(start)
        text = file.read(_HEAD).decode(errors="ignore")
    try:
        _, end = Decoder().scan(text, 0)
    except (StopIteration, ValueError, RecursionError):
        return False
    return text[end:].lstrip(" \t\r\n")[:1] in tuple(beginnings)


def _has_own_line(path: Path, cursor: Cursor) -> bool:
    start = cursor.offset
    cursor.value()
    with path.open("rb") as file:
        file.seek(start)
        return b"\n" not in file.read(cursor.offset - start)


def _document(path: Path, cursor: Cursor) -> Layout:
    """One object, or the first of several."""
    start = cursor.offset
    if _followed_by(path, start, _VALUE_BEGINNINGS):
        return Layout(start, one_per_line=_has_own_line(path, cursor))
    members, arrays = [], []
    for key in _members(cursor):
        members.append(key)
        place = cursor.offset
        if _skip(cursor):
            arrays.append((key, place))
    if cursor.peek():
        return Layout(start, one_per_line=_has_own_line_at(path, start))
    if len(arrays) != 1:
        return Layout(start, single=True)
    (key, place), left_out = arrays[0], [name for name in members if name != arrays[0][0]]
    with Cursor(path, place, Decoder()) as inside:
        return _array(path, inside, path=key, chosen=True, left_out=left_out)


def _has_own_line_at(path: Path, start: int) -> bool:
    with Cursor(path, start, Decoder()) as again:
        return _has_own_line(path, again)


def _members(cursor: Cursor) -> Iterator[str]:
    """The keys of the object here; the caller reads each key's value before it asks for the next."""
    cursor.take("{")
    if cursor.peek() == "}":
        cursor.take("}")
        return
    while True:
        if cursor.peek() != '"':
            raise cursor.refusal("expected a key in double quotes")
        yield str(cursor.value_of_key())
        if cursor.take(",}") == "}":
            return


def _skip(cursor: Cursor) -> bool:
    """Pass over one value; whether it is an array that begins with an object that has keys."""
    if cursor.peek() != "[":
        cursor.value()
        return False
    cursor.take("[")
    if cursor.peek() == "]":
        cursor.take("]")
        return False
    first = cursor.value()
    while cursor.take(",]") == ",":
        cursor.value()
    return isinstance(first, dict) and bool(first)


def _at_path(path: Path, cursor: Cursor, records_path: str) -> Layout:
    """Descend to the records, then read to the end of the document: what follows must be sound."""
    left_out: list[str] = []
    places: list[int] = []
    _descend(cursor, records_path.split("."), records_path, left_out, places)
    cursor.end()
    with Cursor(path, places[-1], Decoder()) as inside:
        if inside.peek() == "[":
            return _array(path, inside, path=records_path, left_out=left_out)
    return Layout(places[-1], single=True, path=records_path, left_out=left_out)


def _descend(cursor: Cursor, parts: list[str], whole: str, left_out: list[str], places: list[int]) -> None:
    if cursor.peek() != "{":
        raise InvalidRequest(f"records_path '{whole}' leads through something that is not an object, at '{parts[0]}'.")
    members, found = [], False
    for key in _members(cursor):
        members.append(key)
        if key != parts[0] or found:
            left_out.append(key)
            _skip(cursor)
        elif len(parts) > 1:
            found = True
            _descend(cursor, parts[1:], whole, left_out, places)
        else:
            found = True
            if cursor.peek() not in "[{":
                raise InvalidRequest(f"records_path '{whole}' leads to a single value, not to an array or an object.")
            places.append(cursor.offset)
            _skip(cursor)
    if not found:
        raise InvalidRequest(
            f"records_path '{whole}': there is no '{parts[0]}' among {', '.join(members[:20]) or 'no keys'}."
        )
