"""The way that ``records_path`` describes through a document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from connectors.errors import InvalidRequest
from connectors.files.json.cursor import Cursor

_MOST = 20  # names in a refusal


@dataclass(slots=True)
class Way:
    """Where a path leads in a document that is read once.

    Attributes:
        path: the whole path: keys and places in arrays (from 0) with dots between; a key may have dots itself. Empty:
            to the document.
        places: where its end was found, in bytes; the first one counts.
        left_out: the members that it passes by.
        problem: why the last way that was tried led nowhere.
    """

    path: str
    places: list[int] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    problem: str = ""

    def follow(self, cursor: Cursor) -> int:
        """Read the whole document and return the place of the array or object at the path.

        Raises:
            InvalidRequest: there is none.
            UnreadableFile: the document is not JSON.
        """
        if self.path:
            self._descend(cursor, self.path, "")
        else:
            self._arrive(cursor, "the document")
        cursor.end()
        if not self.places:
            raise InvalidRequest(f"records_path '{self.path}' {self.problem}.")
        return self.places[0]

    def _descend(self, cursor: Cursor, rest: str, prefix: str) -> None:
        if cursor.peek() not in ("{", "["):
            self.problem = f"leads through something that is not an object, at '{rest}'"
            self._pass_by(prefix[:-1])
            cursor.value()
            return
        names: list[str] = []
        came_nearer = False
        is_object = cursor.peek() == "{"
        for name in members(cursor) if is_object else _items(cursor):
            names += [name] if len(names) < _MOST else []
            if rest.startswith(f"{name}."):
                came_nearer = True
                self._descend(cursor, rest[len(name) + 1 :], f"{prefix}{name}.")
            elif rest == name and not self.places:
                came_nearer = True
                self._arrive(cursor, f"{prefix}{name}")
            else:
                self._pass_by(f"{prefix}{name}" if is_object else f"other items of {prefix[:-1] or 'the document'}")
                skip(cursor)
        if not came_nearer:
            self.problem = f"leads nowhere: there is no '{rest}' among {', '.join(names) or 'no keys'}"

    def _arrive(self, cursor: Cursor, name: str) -> None:
        if cursor.peek() in ("{", "["):
            self.places.append(cursor.offset)
        else:
            self.problem = "leads to a single value, not to an array or an object"
            self._pass_by(name)
        skip(cursor)

    def _pass_by(self, name: str) -> None:
        if not self.left_out or self.left_out[-1] != name:
            self.left_out.append(name)


def members(cursor: Cursor) -> Iterator[str]:
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


def _items(cursor: Cursor) -> Iterator[str]:
    """The places of the array here, in the same way."""
    cursor.take("[")
    if cursor.peek() == "]":
        cursor.take("]")
        return
    number = 0
    while True:
        yield str(number)
        number += 1
        if cursor.take(",]") == "]":
            return


def skip(cursor: Cursor) -> None:
    """Pass over one value, an array item by item."""
    if cursor.peek() != "[":
        cursor.value()
        return
    for _ in _items(cursor):
        cursor.value()
