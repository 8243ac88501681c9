"""One JSON value out of text, with nothing rounded and nothing dropped."""

from __future__ import annotations

import json
from typing import Any

_ALWAYS_AN_INT = 18  # digits and sign: such an integer fits 64 bits

_MOST_KEYS = 20  # named in a warning


class Number(str):
    """A number as written: one with a fraction, an exponent, many digits, or the sign of zero."""

    __slots__ = ()


class Decoder:
    """The standard library's decoder, told to keep what it would lose.

    Numbers with a fraction, an exponent or over 18 characters, and ``-0``, come as ``Number``; other integers as int.
    The second of two equal keys in one object is kept under ``key (2)``, the third under ``key (3)``.

    Attributes:
        repeated: how many keys stood twice in their object.
        repeated_keys: the first of them.
        not_finite: how many NaN and Infinity literals have been met.
    """

    def __init__(self) -> None:
        self.repeated_keys: dict[str, None] = {}
        self.repeated = self.not_finite = 0
        decoder: Any = json.JSONDecoder(
            object_pairs_hook=self._object,
            parse_float=Number,
            parse_int=_integer,
            parse_constant=self._constant,
        )
        self.scan = decoder.scan_once  # (text, start) -> (value, end)

    def forget(self) -> None:
        """Count from nothing: the file is about to be read again."""
        self.repeated_keys.clear()
        self.repeated = self.not_finite = 0

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        return found if len(found) == len(pairs) else self._with_repeated_keys(pairs)

    def _with_repeated_keys(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        own = {key for key, _ in pairs}
        times: dict[str, int] = {}
        for key, value in pairs:
            name = key
            while name in found or (name != key and name in own):
                times[key] = times.get(key, 1) + 1
                name = f"{key} ({times[key]})"
            if name != key:
                self.repeated += 1
                if len(self.repeated_keys) < _MOST_KEYS:
                    self.repeated_keys[key] = None
            found[name] = value
        return found

    def _constant(self, name: str) -> float:
        self.not_finite += 1
        return float(name)


def _integer(text: str) -> int | Number:
    return int(text) if len(text) <= _ALWAYS_AN_INT and text != "-0" else Number(text)


def json_text(value: Any) -> str:
    """A decoded value as compact JSON again: numbers as written, keys in order, no blanks between tokens."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{_quoted(key)}:{json_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(json_text, value)) + "]"
    if type(value) is str:
        return _quoted(value)
    return "null" if value is None else plain_text(value)


def plain_text(value: str | float | bool) -> str:
    """A scalar as it was written, strings without their quotes."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[repr(value)]
    return str(value)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
