"""What all values at one place of the records are like, and so the Arrow type that holds each of them exactly."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

import pyarrow as pa

from connectors.errors import UnreadableFile
from connectors.files.json.decode import Number
from connectors.types import MAX_DECIMAL_DIGITS

DEEPEST = 16  # levels: what is nested deeper is kept as JSON text; DuckDB takes minutes to open 24 nested lists
MOST_FIELDS = 1_000  # of a nested object: one with more different keys is kept as JSON text
MOST_COLUMNS = 50_000
_EXACT_INT = 2**53
_MOST_DOUBLE_DIGITS = 17  # digits of a double that is written as shortly as possible
_SHORT = 15  # characters: a double gives every such number back
Kind = Literal["null", "bool", "string", "int", "float", "decimal", "text", "json", "struct", "list"]
FAST_KINDS = {"null", "bool", "string", "int", "float", "decimal", "struct", "list"}


@dataclass(frozen=True, slots=True)
class Plan:
    """How the values at one place are stored.

    Attributes:
        kind: ``text``: scalars as written; ``json``: JSON text; the others as they are called.
        type: the Arrow type; text for a place that only ever held null.
        children: by key for ``struct``; one, called ``item``, for ``list``.
    """

    kind: Kind
    type: pa.DataType
    children: tuple[tuple[str, Plan], ...] = ()

    @property
    def fast(self) -> bool:
        """Whether pyarrow's JSON reader reads these values without losing anything.

        It makes malformed arrays of lists whose items are of no known type, and it takes texts for decimals, which is
        only noticed where they have keys.
        """
        inside = [child for _, child in self.children]
        return self.kind in FAST_KINDS and all(
            child.fast and (self.kind != "list" or not (child.has_nulls_only or child.kind == "decimal"))
            for child in inside
        )

    @property
    def has_nulls_only(self) -> bool:
        """Whether some place in here only ever held null."""
        return self.kind == "null" or any(child.has_nulls_only for _, child in self.children)

    def decimal_keys(self) -> Iterator[str]:
        """The keys of all decimals in here."""
        for key, child in self.children:
            if child.kind == "decimal":
                yield key
            yield from child.decimal_keys()


def is_exact_double(text: str) -> bool:
    """Whether a double, written as shortly as possible, is the same number as this text."""
    if len(text) > _MOST_DOUBLE_DIGITS and "e" not in text.lower() and _significant_digits(text) > _MOST_DOUBLE_DIGITS:
        return False
    double = float(text)
    try:
        return math.isfinite(double) and Decimal(repr(double)) == Decimal(text)
    except InvalidOperation:
        return False


def _significant_digits(text: str) -> int:
    return len(text.replace(".", "").lstrip("-0").rstrip("0"))


@dataclass(slots=True)
class Numbers:
    """The numbers at one place: their range, their digits, and whether doubles give all of them back."""

    low: int = 0
    high: int = 0
    integer_digits: int = 0
    scale: int = 0
    fractions: bool = False
    doubles_are_exact: bool = True
    needs_double: bool = False  # NaN, infinite, or the sign of zero
    beyond_decimals: bool = False

    def add_range(self, low: int, high: int) -> None:
        """Integers between these have been seen."""
        self.low, self.high = min(self.low, low), max(self.high, high)

    def add_doubles(self, integer_digits: int, scale: int) -> None:
        """Numbers of at most so many digits before and after the point have been seen, exact as doubles."""
        self.fractions = True
        self.integer_digits, self.scale = max(self.integer_digits, integer_digits), max(self.scale, scale)

    def add(self, value: float | Number) -> None:
        """One number of the exact decoder."""
        if isinstance(value, int):
            self.add_range(value, value)
        elif isinstance(value, float) or (value.startswith("-") and not value.strip("-0.")):
            self.needs_double = True
        elif value.lstrip("-").isdigit() and len(value) < 4000:
            self.add_range(int(value), int(value))
        else:
            self._add_fraction(value)

    def _add_fraction(self, text: str) -> None:
        before, _, after = text.lstrip("-").partition(".")
        if len(text) <= _SHORT and before.isdigit() and after.isdigit():
            self.add_doubles(len(before), len(after))
            return
        try:
            exact = Decimal(text)
        except InvalidOperation:
            self.beyond_decimals, self.doubles_are_exact = True, False
            return
        exponent = int(exact.as_tuple().exponent)
        self.add_doubles(max(len(exact.as_tuple().digits) + exponent, 0), max(-exponent, 0))
        self.doubles_are_exact = self.doubles_are_exact and is_exact_double(text)

    def plan(self) -> Plan:
        """The narrowest type that holds all of them exactly; text as written if there is none."""
        digits = max(len(str(abs(self.low))), len(str(self.high)), self.integer_digits)
        if not self.fractions and not self.needs_double and not self.beyond_decimals:
            return self._integers(digits)
        small = self.low >= -_EXACT_INT and self.high <= _EXACT_INT
        if self.doubles_are_exact and small and not self.beyond_decimals:
            return Plan("float", pa.float64())
        if self.needs_double or self.beyond_decimals or digits + self.scale > MAX_DECIMAL_DIGITS:
            return Plan("text", pa.string())
        return Plan("decimal", pa.decimal128(digits + self.scale, self.scale))

    def _integers(self, digits: int) -> Plan:
        if self.low >= -(2**63) and self.high < 2**63:
            return Plan("int", pa.int64())
        if self.low >= 0 and self.high < 2**64:
            return Plan("int", pa.uint64())
        if digits <= MAX_DECIMAL_DIGITS:
            return Plan("decimal", pa.decimal128(digits, 0))
        return Plan("text", pa.string())


@dataclass(slots=True)
class Shape:
    """All that was seen at one place.

    Attributes:
        kinds: the kinds seen (bool, number, string, object, array), with the first record (from 1) of each; 0: unknown.
    """

    depth: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    numbers: Numbers = field(default_factory=Numbers)
    fields: dict[str, Shape] = field(default_factory=dict)
    item: Shape | None = None
    too_many_fields: bool = False

    def add(self, value: Any, record: int) -> None:
        """See one value."""
        if value is None:
            return
        kind = KINDS[type(value)]
        if not self.kinds.get(kind):
            self.kinds[kind] = record
        if kind == "number":
            self.numbers.add(value)
        elif kind == "object":
            self._add_object(value, record)
        elif kind == "array" and self.depth < DEEPEST:
            self.item = self.item or Shape(self.depth + 1)
            for item in value:
                self.item.add(item, record)

    def _add_object(self, value: dict[str, Any], record: int) -> None:
        if self.depth >= DEEPEST or self.too_many_fields:
            return
        most = MOST_FIELDS if self.depth else MOST_COLUMNS
        for key, item in value.items():
            known = self.fields.get(key)
            if known is None:
                if len(self.fields) == most:  # before millions of them fill memory
                    self.too_many_fields = True
                    self.fields.clear()
                    return
                known = self.fields[_checked_key(key, record)] = Shape(self.depth + 1)
            known.add(item, record)

    def plan(self) -> Plan:
        """How values like these are stored."""
        kinds = set(self.kinds)
        if not kinds:
            return Plan("null", pa.string())
        if kinds == {"bool"}:
            return Plan("bool", pa.bool_())
        if kinds == {"string"}:
            return Plan("string", pa.string())
        if kinds == {"number"}:
            return self.numbers.plan()
        if kinds == {"object"} and self.fields:
            return struct_plan(self.fields)
        if kinds == {"array"} and self.item is not None:
            item = self.item.plan()
            return Plan("list", pa.list_(item.type), (("item", item),))
        return Plan("json" if kinds & {"object", "array"} else "text", pa.string())


def struct_plan(fields: dict[str, Shape]) -> Plan:
    """The plan of objects with these fields."""
    children = tuple((key, shape.plan()) for key, shape in fields.items())
    return Plan("struct", pa.struct([pa.field(key, child.type) for key, child in children]), children)


def _checked_key(key: str, record: int) -> str:
    try:
        key.encode()
    except UnicodeEncodeError as error:
        raise lone_surrogate(record) from error
    return key


def lone_surrogate(record: int) -> UnreadableFile:
    """The error for text that no UTF-8 can hold."""
    return UnreadableFile(
        f"Record {record} holds half a surrogate pair (an escape like \\ud800 alone), which is not a character.",
        code="lone_surrogate",
    )


KINDS = {
    bool: "bool",
    int: "number",
    float: "number",
    Number: "number",
    str: "string",
    dict: "object",
    list: "array",
}
