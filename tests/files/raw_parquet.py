"""Writes Parquet files that no library writes: one page of required values, the footer as told."""

from __future__ import annotations

import struct
from typing import Any

TYPES = {"INT32": 1, "INT64": 2, "INT96": 3, "BYTE_ARRAY": 6, "FIXED_LEN_BYTE_ARRAY": 7}
_I32, _I64, _BINARY, _LIST, _STRUCT = 5, 6, 8, 9, 12


def raw_parquet(
    kind: str, page: bytes, *, values: int, rows: int, converted: int | None = None, length: int = 0
) -> bytes:
    """A file with one column ``c`` whose page holds these bytes.

    Args:
        kind: its physical type.
        page: its values, encoded plainly.
        values: how many the footer says there are.
        rows: how many rows the footer says there are.
        converted: its converted type, by its number in the format.
        length: of a fixed-size value.
    """
    element: dict[int, Any] = {1: TYPES[kind], 2: length or None, 3: 0, 4: "c", 6: converted}
    header = _struct({1: 0, 2: len(page), 3: len(page), 5: {1: values, 2: 0, 3: 3, 4: 3}})
    size = (_I64, len(header) + len(page))
    chunk = {
        1: TYPES[kind],
        2: (_I32, [0]),
        3: (_BINARY, ["c"]),
        4: 0,
        5: (_I64, values),
        6: size,
        7: size,
        9: (_I64, 4),
    }
    group = {1: (_STRUCT, [{2: (_I64, 4), 3: chunk}]), 2: size, 3: (_I64, rows)}
    return _file(header + page, [{4: "schema", 5: 1}, element], group, rows)


def without_fields() -> bytes:
    """A file whose only column is a group without fields."""
    return _file(b"", [{4: "schema", 5: 1}, {3: 1, 4: "c", 5: 0}], {1: (_STRUCT, []), 2: (_I64, 0), 3: (_I64, 1)}, 1)


def _file(body: bytes, schema: list[dict[int, Any]], group: dict[int, Any], rows: int) -> bytes:
    footer = _struct({1: 1, 2: (_STRUCT, schema), 3: (_I64, rows), 4: (_STRUCT, [group])})
    return b"PAR1" + body + footer + struct.pack("<I", len(footer)) + b"PAR1"


def _struct(fields: dict[int, Any]) -> bytes:
    """Thrift's compact protocol: integers are i32 unless a pair says otherwise; a pair with a list is a list."""
    out, last = b"", 0
    for number, value in fields.items():
        if value is not None:
            kind, body = _field(value)
            out += bytes([(number - last) << 4 | kind]) + body
            last = number
    return out + b"\0"


def _field(value: Any) -> tuple[int, bytes]:
    if isinstance(value, tuple):
        kind, inner = value
        if isinstance(inner, list):
            return _LIST, bytes([len(inner) << 4 | kind]) + b"".join(_field(item)[1] for item in inner)
        return kind, _varint(inner << 1)
    if isinstance(value, dict):
        return _STRUCT, _struct(value)
    if isinstance(value, str):
        return _BINARY, _varint(len(value)) + value.encode()
    return _I32, _varint(value << 1)


def _varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])
