"""What a record is as a row: an object's keys, an array's places, or one column for anything else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from connectors.errors import UnreadableFile
from connectors.files.json.build import build
from connectors.files.json.shape import MOST_COLUMNS, Plan, Shape, lone_surrogate, struct_plan

VALUE = "value"
_MOST_CELLS = 2_000_000  # rows times columns that are built at once


@dataclass(slots=True)
class Rows:
    """The shape of all records seen.

    Attributes:
        kinds: what records are (object, array, scalar), with the first one of each (from 1).
        objects: the shape of objects, and of arrays as objects with the keys ``column_1``, ``column_2`` ...
        scalars: the shape of all other records.
        header: the names of arrays' places, if they have any: different ones.
        short: how many arrays had fewer items than others, in the rows built so far.
    """

    kinds: dict[str, int] = field(default_factory=dict)
    objects: Shape = field(default_factory=Shape)
    scalars: Shape = field(default_factory=lambda: Shape(1))
    header: list[str] = field(default_factory=list)
    short: int = 0
    _names: list[str] = field(default_factory=list)

    def add(self, values: Sequence[Any], before: int | None) -> None:
        """See records; ``before`` is how many came before them, None if that is unknown."""
        for number, value in enumerate(values, 1 if before is None else before + 1):
            record = 0 if before is None else number
            kind = _kind(value)
            if kind is not None and not self.kinds.get(kind):
                self.kinds[kind] = record
            if kind == "scalar":
                self.scalars.add(value, record)
            elif kind is not None:
                self.objects.add(self._as_object(value), record)
        if self.objects.too_many_fields:
            raise UnreadableFile(
                f"The records have more than {MOST_COLUMNS} different keys, a key that is repeated in its object"
                " counted each time.",
                code="too_many_columns",
            )

    def plan(self) -> Plan:
        """How a row is stored: always a struct, one field for each column."""
        if len(self.kinds) > 1:
            child = Plan("json", pa.string())
            return Plan("struct", pa.struct([pa.field(VALUE, child.type)]), ((VALUE, child),))
        return struct_plan({VALUE: self.scalars} if self.kinds.keys() == {"scalar"} else self.objects.fields)

    def tables(self, values: Sequence[Any], plan: Plan, before: int) -> Iterator[Any]:
        """The records as arrays of the plan's type, of no more than so many rows that memory holds their columns.

        Raises:
            UnreadableFile: a text that UTF-8 cannot hold, or a value that is nested too deeply.
        """
        step = max(1, _MOST_CELLS // len(plan.children))
        for start in range(0, len(values), step):
            yield self._table(values[start : start + step], plan, before + start)

    def _table(self, values: Sequence[Any], plan: Plan, before: int) -> Any:
        rows = [self._row(value) for value in values]
        try:
            return build(rows, plan)
        except RecursionError as error:
            first, last = before + 1, before + len(rows)
            where = f"record {first}" if first == last else f"one of the records {first} to {last}"
            raise UnreadableFile(
                f"Arrays and objects are nested too deeply in {where}.", code="invalid_json"
            ) from error
        except UnicodeEncodeError as error:
            bad = next(number for number, value in enumerate(values, before + 1) if _is_unencodable(value))
            raise lone_surrogate(bad) from error

    def _row(self, value: Any) -> dict[str, Any]:
        if len(self.kinds) > 1 or self.kinds.keys() == {"scalar"}:
            return {VALUE: value}
        if isinstance(value, list):
            self.short += len(value) < len(self.objects.fields)
        return {} if value is None else self._as_object(value)

    def _as_object(self, value: Any) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        for place in range(len(self._names), len(value)):
            self._names.append(self._name(place))
        return dict(zip(self._names, value, strict=False))

    def _name(self, place: int) -> str:
        if place < len(self.header):
            return self.header[place]
        name = f"column_{place + 1}"
        return f"{name} (beyond the header)" if name in self.header else name


def _kind(value: Any) -> str | None:
    if value is None:
        return None
    return "object" if isinstance(value, dict) else "array" if isinstance(value, list) else "scalar"


def _is_unencodable(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_is_unencodable, (*value.keys(), *value.values())))
    if isinstance(value, list):
        return any(map(_is_unencodable, value))
    return (
        isinstance(value, str) and not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value)
    )
