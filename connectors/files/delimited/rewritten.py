"""Kinds of column whose texts are rewritten before another kind reads them: padding, decimal commas."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from connectors.files.delimited.kinds import Fixed, Kind, without_empty_texts
from connectors.files.numbers import holds_any

_GROUPING = ". '\u00a0\u202f"
# Digits are in groups only beside a decimal comma: without one they may as well be a telephone number.
_COMMA_NUMBER = rf"^\s*[+-]?(\d*(,\d+)?|\d{{1,3}}([{_GROUPING}]\d{{3}})+,\d+)([eE][+-]?\d+)?\s*$"
_STRING = pa.string()


@dataclass(frozen=True)
class WithComma:
    """Numbers of another kind, written with a decimal comma and perhaps in groups (``1,5``, ``1.234,56``)."""

    inner: Kind
    issue: str | None = None
    has_parts: bool = False

    @property
    def name(self) -> str:
        return f"{self.inner.name} with comma"

    @property
    def type(self) -> pa.DataType:
        return self.inner.type

    def could_be(self, value: str) -> bool:
        return self.inner.could_be(value.replace(".", "").replace(",", "."))

    def convert(self, text: pa.Array) -> pa.Array | None:
        return self.inner.convert(with_point(text)) if _all_with_comma(text) else None

    def fitted(self, text: pa.Array) -> Kind | None:
        inner = self.inner.fitted(with_point(text)) if _all_with_comma(text) else None
        return None if inner is None else WithComma(inner)


@dataclass(frozen=True)
class Padded:
    """Values of another kind with spaces around them."""

    inner: Kind

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def type(self) -> pa.DataType:
        return self.inner.type

    @property
    def issue(self) -> str | None:
        return self.inner.issue

    @property
    def has_parts(self) -> bool:
        return self.inner.has_parts

    def could_be(self, value: str) -> bool:
        return self.inner.could_be(value.strip(" "))

    def convert(self, text: pa.Array) -> pa.Array | None:
        values = self.inner.convert(pc.ascii_trim(text, " "))
        return values if values is None or not pa.types.is_string(values.type) else text

    def fitted(self, text: pa.Array) -> Kind | None:
        inner = self.inner.fitted(pc.ascii_trim(text, " "))
        return None if inner is None else Padded(inner)


@dataclass(frozen=True)
class AskedText(Fixed):
    """Text on its way to a value that the caller asked for: without characters it is null.

    Attributes:
        with_comma: it is a number whose decimal comma becomes a point.
    """

    with_comma: bool = False
    name: str = "text"
    type: pa.DataType = _STRING

    def convert(self, text: pa.Array) -> pa.Array | None:
        text = without_empty_texts(text)
        if not self.with_comma:
            return text
        return pc.if_else(pc.match_substring_regex(text, _COMMA_NUMBER), with_point(text), text)


def with_point(text: pa.Array) -> pa.Array:
    """Numbers without the signs that group their digits, and decimal commas as points."""
    if holds_any(text, _GROUPING.encode()):
        text = pc.replace_substring_regex(text, rf"(\d)[{_GROUPING}]", r"\1")
    return pc.replace_substring(text, ",", ".")


def _all_with_comma(text: pa.Array) -> bool:
    return pc.all(pc.match_substring_regex(text, _COMMA_NUMBER)).as_py() is not False
