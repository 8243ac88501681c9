"""Objects whose members are the records: when they are, and what the column of their keys is called."""

from __future__ import annotations

from collections.abc import Set
from itertools import chain, count
from pathlib import Path
from typing import Any

from connectors.files.json.cursor import Cursor
from connectors.files.json.decode import Decoder
from connectors.files.json.path import members
from connectors.files.json.rows import VALUE
from connectors.files.json.shape import KINDS, MOST_COLUMNS

MEMBERS = "*"  # ends the path to such an object
_MANY = 200  # DuckDB, too, takes an object of more members for a map
_DIGITS = set("0123456789")


def leads_to_members(records_path: str) -> bool:
    """Whether the members of what is there are asked for."""
    return records_path == MEMBERS or records_path.endswith(f".{MEMBERS}")


def is_of_many_alike(value: Any) -> bool:
    """Whether the members of a decoded value could be records."""
    if not isinstance(value, dict) or len(value) <= _MANY:
        return False
    return len({KINDS[type(member)] for member in value.values() if member is not None}) == 1


def could_be_table(beginnings: Set[str], number: int) -> bool:
    """The same of an object with so many members, whose values begin with these characters."""
    kinds = {"-" if beginning in _DIGITS else "t" if beginning == "f" else beginning for beginning in beginnings}
    return number > _MANY and len(kinds - {"n"}) == 1


def key_column_of_table(path: Path, place: int, beginnings: Set[str], number: int) -> str | None:
    """What the keys' column of the object here is called if its members are the records; None if it is one itself.

    They are where they are objects that share most keys, and where they are too many to be columns.
    """
    if number > MOST_COLUMNS:
        return key_column(path, place, MOST_COLUMNS)
    return key_column(path, place, number) if number > _MANY and beginnings <= {"{", "n"} else None


def key_column(path: Path, place: int, most: int) -> str | None:
    """A name that none of the objects in the object here has for a key; None if they have more different keys.

    Args:
        path: the document.
        place: of the object, in bytes.
        most: different keys.
    """
    taken = {VALUE}
    with Cursor(path, place, Decoder()) as cursor:
        for _ in members(cursor):
            value = cursor.value()
            taken.update(value if isinstance(value, dict) else ())
            if len(taken) > most:
                return None
    return next(name for name in chain(["key"], (f"key_{number}" for number in count(2))) if name not in taken)


def as_record(key: str, value: Any, column: str) -> dict[str, Any]:
    """A member as a record with its key in the column."""
    return {column: key, **(value if isinstance(value, dict) else {} if value is None else {VALUE: value})}
