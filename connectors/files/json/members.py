"""Objects whose members are the records: when they are, and what the column of their keys is called."""

from __future__ import annotations

from itertools import chain, count
from pathlib import Path
from typing import Any

from connectors.files.json.cursor import Cursor
from connectors.files.json.decode import Decoder
from connectors.files.json.path import members
from connectors.files.json.rows import VALUE

MEMBERS = "*"  # ends the path to such an object
MANY = 200  # DuckDB, too, takes an object of more members for a map


def leads_to_members(records_path: str) -> bool:
    """Whether the members of what is there are asked for."""
    return records_path == MEMBERS or records_path.endswith(f".{MEMBERS}")


def is_of_many_objects(value: Any) -> bool:
    """Whether the members of a decoded value could be records."""
    return isinstance(value, dict) and len(value) > MANY and all(isinstance(item, dict) for item in value.values())


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
