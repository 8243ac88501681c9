"""Where the records of a JSON file are: in an array or object, one after another, one object, or at a path inside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connectors.errors import InvalidRequest, UnreadableFile
from connectors.files.json.cursor import Cursor
from connectors.files.json.decode import Decoder
from connectors.files.json.members import (
    MEMBERS,
    could_be_table,
    is_of_many_alike,
    key_column,
    key_column_of_table,
    leads_to_members,
)
from connectors.files.json.path import Way
from connectors.files.json.path import members as members_of
from connectors.files.json.shape import MOST_COLUMNS

_HEAD = 1 << 20
_DEEPEST_HINT = 4  # levels of objects that are searched for what could be records
_DOCUMENT = "$"  # the path to the document itself
_VALUE_BEGINNINGS = '[{"-0123456789tfnNI'


@dataclass(frozen=True, slots=True)
class Layout:
    """Where records begin and what separates them.

    Attributes:
        start: the first record's place, in bytes.
        in_array: the records are the items of an array.
        key: the records are the members of an object, whose keys have the column of this name.
        pages: further arrays may follow, whose items are records as well.
        one_per_line: each record has a line of its own.
        separator: the bytes between two records of an array, from ``}`` to the next record's first key.
        path: dotted, to the array inside a document; empty for the document itself.
        chosen: the path was not asked for but found.
        single: the one value at ``start`` is the only record.
        left_out: the document's members beside the records.
        inside: the paths to what could be records in a document that is one record.
    """

    start: int
    in_array: bool = False
    key: str = ""
    pages: bool = False
    one_per_line: bool = False
    separator: bytes = b""
    path: str = ""
    chosen: bool = False
    single: bool = False
    left_out: list[str] = field(default_factory=list)
    inside: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """For the answer: ``array``, ``members``, ``lines``, ``object`` or ``values``."""
        if self.in_array or self.key:
            return "array" if self.in_array else "members"
        return "object" if self.single else "lines" if self.one_per_line else "values"

    @property
    def closer(self) -> str:
        """What ends records that commas separate; empty where blanks do, until the file ends."""
        return "]" if self.in_array else "}" if self.key else ""


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
        if records_path and records_path != _DOCUMENT:
            return _at_path(path, cursor, records_path)
        if first == "[" and not _is_row(path, cursor.offset):
            return _array(path, cursor, pages=_holds_objects(path, cursor.offset))
        if first == "{":
            return _document(path, cursor, whole=records_path == _DOCUMENT)
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


def _is_row(path: Path, start: int) -> bool:
    """Whether the array here is a record: one among several, and not a page of objects."""
    array, following = _first_value(path, start)
    return following == "[" and not (array and all(isinstance(item, dict) for item in array))


def _first_value(path: Path, start: int) -> tuple[Any, str]:
    """The value here and the character that follows it; none of both if the value does not end within a megabyte."""
    with path.open("rb") as file:
        file.seek(start)
        text = file.read(_HEAD).decode(errors="ignore")
    try:
        value, end = Decoder().scan(text, 0)
    except (StopIteration, ValueError, RecursionError):
        return None, ""
    return value, text[end:].lstrip(" \t\r\n")[:1]


def _has_own_line(path: Path, cursor: Cursor) -> bool:
    start = cursor.offset
    cursor.value()
    with path.open("rb") as file:
        file.seek(start)
        return b"\n" not in file.read(cursor.offset - start)


def _document(path: Path, cursor: Cursor, *, whole: bool) -> Layout:
    """One object, or the first of several.

    Args:
        whole: one is a record, whatever is in it.
    """
    start = cursor.offset
    if _first_value(path, start)[1] in tuple(_VALUE_BEGINNINGS):
        return Layout(start, one_per_line=_has_own_line(path, cursor))
    members: list[str] = []
    arrays: list[tuple[int, int]] = []
    inside: list[str] = []
    beginnings = set[str]()
    for number, key in enumerate(members_of(cursor)):
        members.append(key)
        beginnings.add(cursor.peek())
        place = cursor.offset
        found = _records_in(cursor)
        inside += [f"{key}.{rest}" if rest else key for rest in found]
        if found == [""] and _holds_objects(path, place):
            arrays.append((number, place))
    if cursor.peek():
        return Layout(start, one_per_line=_has_own_line_at(path, start))
    if not whole and (column := key_column_of_table(path, start, beginnings, len(members))):
        return _members(path, start, column, path=MEMBERS, chosen=True)
    if len(arrays) != 1 or whole:
        return Layout(start, single=True, inside=[MEMBERS] if could_be_table(beginnings, len(members)) else inside)
    number, place = arrays[0]
    with Cursor(path, place, Decoder()) as array:
        left_out = members[:number] + members[number + 1 :]
        return _array(path, array, path=members[number], chosen=True, left_out=left_out)


def _holds_objects(path: Path, place: int) -> bool:
    with Cursor(path, place, Decoder()) as cursor:
        cursor.take("[")
        return cursor.peek() == "{"


def _has_own_line_at(path: Path, start: int) -> bool:
    with Cursor(path, start, Decoder()) as again:
        return _has_own_line(path, again)


def _records_in(cursor: Cursor) -> list[str]:
    """Pass over one value; the paths in it to arrays of objects or arrays, the empty one if it is one itself."""
    if cursor.peek() != "[":
        return list(_paths_to_records(cursor.value(), _DEEPEST_HINT))
    cursor.take("[")
    if cursor.peek() == "]":
        cursor.take("]")
        return []
    first = cursor.value()
    while cursor.take(",]") == ",":
        cursor.value()
    return list(_paths_to_records([first], _DEEPEST_HINT))


def _paths_to_records(value: Any, levels: int) -> Iterator[str]:
    if isinstance(value, list) and value and value[0] and isinstance(value[0], dict | list):
        yield ""
    elif is_of_many_alike(value):
        yield MEMBERS
    elif isinstance(value, dict) and levels:
        for key, item in value.items():
            yield from (f"{key}.{path}" if path else key for path in _paths_to_records(item, levels - 1))


def _at_path(path: Path, cursor: Cursor, records_path: str) -> Layout:
    """Descend to the records, reading to the end of the document: what follows must be sound."""
    way = Way(records_path.removesuffix(MEMBERS).removesuffix(".") if leads_to_members(records_path) else records_path)
    place = way.follow(cursor)
    found: dict[str, Any] = {"path": records_path, "left_out": way.left_out}
    with Cursor(path, place, Decoder()) as inside:
        if leads_to_members(records_path) and inside.peek() != "{":
            raise InvalidRequest(
                "records_path ends with '*', but no object is there whose members could be the records."
            )
        if leads_to_members(records_path):
            # None means more columns than there may be: the first reading refuses them.
            return _members(path, place, key_column(path, place, MOST_COLUMNS + 1) or "key", **found)
        if inside.peek() == "[":
            return _array(path, inside, **found)
    return Layout(place, single=True, **found)


def _members(document: Path, place: int, key: str, **found: Any) -> Layout:
    with Cursor(document, place, Decoder()) as cursor:
        cursor.take("{")
        cursor.peek()
        return Layout(cursor.offset, key=key, **found)
