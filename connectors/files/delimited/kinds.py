"""What a column of text may be: kinds, each of which takes a column only if nothing is lost.

A kind is proven for every batch: ``convert`` gives the values, or None where one value would not be given back by its
type.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from connectors.files.numbers import (
    float_text_is_exact,
    holds_any,
    is_whole_and_plain,
    is_written_plainly,
    keeps_zeros,
    measure_digits,
    read_decimals,
    unusual_ones,
)

_STRING, _BOOLEAN, _INT64, _FLOAT64 = pa.string(), pa.bool_(), pa.int64(), pa.float64()
_INT64_DIGITS = 18


class Kind(Protocol):
    """What the values of a column may be.

    Attributes:
        name: for people: ``integer``, ``date``.
        type: the Arrow type they get.
        issue: what to warn of when a column is of this kind, or None.
        has_parts: whether each value has several numbers, as dates and times do.
    """

    @property
    def name(self) -> str: ...
    @property
    def type(self) -> pa.DataType: ...
    @property
    def issue(self) -> str | None: ...
    @property
    def has_parts(self) -> bool: ...

    def could_be(self, value: str) -> bool:
        """A cheap look at one value: False only if ``convert`` would be None for it."""
        ...

    def convert(self, text: pa.Array) -> pa.Array | None:
        """The texts as values, or None if one of them is not exactly such a value. Null stays null."""
        ...

    def fitted(self, text: pa.Array) -> Kind | None:
        """This kind, wide enough for these texts as well, or None if it cannot be."""
        ...


class Fixed:
    """A kind that has nothing to adapt to its values."""

    issue: str | None = None
    has_parts: bool = False

    def could_be(self, value: str) -> bool:
        return True

    def convert(self, text: pa.Array) -> pa.Array | None:
        raise NotImplementedError

    def fitted(self, text: pa.Array) -> Kind | None:
        return self if self.convert(text) is not None else None  # type: ignore[return-value]


@dataclass(frozen=True)
class Nothing(Fixed):
    """No value at all: null, or texts without characters."""

    name: str = "nothing"
    type: pa.DataType = _STRING

    def convert(self, text: pa.Array) -> pa.Array | None:
        return text if longest(text) == 0 else None


@dataclass(frozen=True)
class Boolean(Fixed):
    """``true`` and ``false`` in any case."""

    name: str = "boolean"
    type: pa.DataType = _BOOLEAN

    def could_be(self, value: str) -> bool:
        return value[:1] in "tTfF"

    def convert(self, text: pa.Array) -> pa.Array | None:
        return strictly(text, self.type) if shortest(text) >= 4 else None


@dataclass(frozen=True)
class Integer(Fixed):
    """Whole numbers that Int64 gives back digit by digit: no leading zeros, no plus."""

    name: str = "integer"
    type: pa.DataType = _INT64

    def could_be(self, value: str) -> bool:
        return re.match(r"-?\d", value) is not None

    def convert(self, text: pa.Array) -> pa.Array | None:
        values = strictly(text, self.type)
        return values if values is not None and is_whole_and_plain(text) else None


@dataclass(frozen=True)
class Float(Fixed):
    """Numbers that a double gives back; ``plain`` ones also have no zeros at the end that a double would drop."""

    plain: bool = True
    name: str = "float"
    type: pa.DataType = _FLOAT64

    def could_be(self, value: str) -> bool:
        return re.match(r"[-+]?(\d|\.\d|(?i:nan|inf))", value) is not None

    def convert(self, text: pa.Array) -> pa.Array | None:
        values = strictly(text, self.type)
        if values is None or (self.plain and keeps_zeros(text)) or not float_text_is_exact(text, values):
            return None
        return values


@dataclass(frozen=True)
class Decimals:
    """Numbers of at most 38 digits with a point, as written: ``digits`` before it and ``scale`` after it."""

    digits: int = 0
    scale: int = 0
    name: str = "decimal"
    issue: str | None = None
    has_parts: bool = False

    @property
    def type(self) -> pa.DataType:
        return pa.decimal128(_INT64_DIGITS if self.digits + self.scale <= _INT64_DIGITS else 38, self.scale)

    def could_be(self, value: str) -> bool:
        return re.match(r"-?\.?\d", value) is not None

    def convert(self, text: pa.Array) -> pa.Array | None:
        values = strictly(text, self.type)
        if values is None:
            return None
        plain = not holds_any(text, b"eE+") and is_written_plainly(unusual_ones(text))
        return values if plain else None

    def fitted(self, text: pa.Array) -> Kind | None:
        if not is_written_plainly(text):
            return None
        digits, scale = measure_digits(text)
        digits, scale = max(digits, self.digits), max(scale, self.scale)
        return Decimals(digits, scale) if digits + scale <= 38 else None


@dataclass(frozen=True)
class Patterned(Fixed):
    """Numbers of one surprising look; they stay text. ``telling`` finds those that are surprising."""

    name: str
    pattern: str
    telling: str
    issue: str | None
    type: pa.DataType = _STRING

    def could_be(self, value: str) -> bool:
        return re.match(self.pattern, value) is not None

    def convert(self, text: pa.Array) -> pa.Array | None:
        return text if pc.all(pc.match_substring_regex(text, self.pattern)).as_py() is not False else None


@dataclass(frozen=True)
class Mixed(Fixed):
    """Text among values: ``pattern`` is how the values look."""

    values: str
    pattern: str
    name: str = "mixed"
    type: pa.DataType = _STRING
    issue: str | None = "type_inconsistency"

    def convert(self, text: pa.Array) -> pa.Array | None:
        return text


@dataclass(frozen=True)
class Text(Fixed):
    """Anything."""

    name: str = "text"
    type: pa.DataType = _STRING

    def convert(self, text: pa.Array) -> pa.Array | None:
        return text


def strictly(text: pa.Array, kind: pa.DataType) -> pa.Array | None:
    """The texts as values of a type, or None if Arrow refuses one of them."""
    try:
        return read_decimals(text, kind) if pa.types.is_decimal(kind) else text.cast(kind)
    except pa.ArrowInvalid:
        return None


def shortest(text: pa.Array) -> int:
    """The bytes of the shortest text; more than any has where there is none."""
    length = pc.min(pc.binary_length(text)).as_py()
    return 1 << 31 if length is None else int(length)


def without_empty_texts(text: pa.Array) -> pa.Array:
    """The texts, those without characters as null: where everything is in quotes, an empty cell is ``""``."""
    return text if shortest(text) > 0 else pc.if_else(pc.equal(text, ""), None, text)


def longest(text: pa.Array) -> int:
    """The bytes of the longest text."""
    return int(pc.max(pc.binary_length(text)).as_py() or 0)
