"""Blocks of JSON objects through pyarrow's reader, taken only when they are proved to lose nothing.

``parse`` answers None whenever there is a doubt, and the exact decoder then reads the block: a key or kind of value
that the plan does not know, a number that no double gives back, bytes that are not UTF-8, a bad cut.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from connectors.files.json.shape import Plan, Shape, is_exact_double
from connectors.types import MAX_DECIMAL_DIGITS

_HEAD = 4096
_BEFORE = r"[:\[,][ \t\r\n]*"
_ODD = r"-0(?:\.0*)?(?:[eE][-+]?[0-9]+)?[ \t\r\n,\]}]|-?(?:NaN|Inf)"  # zeros with a sign, not finite
_LONG = r"-?(?:[0-9.]{16,}|[0-9.]+[eE])"  # a double gives every number of 15 characters back
_SUSPECT = f"{_BEFORE}(?:{_ODD}|{_LONG})"
_TOKENS = bytes.maketrans(b"E:[]} \t\r\n", b"e" + b"," * 8)  # a comma for all that stands around numbers
_NUMBER = r"^-?[0-9]+(?:\.[0-9]+)?(?:e[-+]?[0-9]+)?$"
_LONGEST_SURE = 15  # characters
_NO_PLAIN_DECIMAL = f"{_BEFORE}-?(?:[0-9.]{{39,}}|[0-9.]+[eE])"
_ESCAPED_KEY = r"(?s:\\.)[^\"\\]*\"[ \t\r\n]*:"
_ALL_INTEGERS_ARE_DOUBLES = 2.0**53
_NO_DECIMAL = MAX_DECIMAL_DIGITS + 1


@dataclass(frozen=True, slots=True)
class Parsed:
    """A block's rows, and how many digits its fractions have at most before and after the point."""

    table: pa.Table
    integer_digits: int = 15
    scale: int = 14


def parse(data: bytes, plan: Plan, *, one_per_line: bool) -> Parsed | None:
    """The objects of a block as a table of ``reading_type(plan)``; None if the exact decoder has to read it."""
    if not data[:_HEAD].lstrip().startswith(b"{"):  # a null as the first record ends pyarrow's process
        return None
    if not _is_clean_utf8(data):
        return None
    suspect = _contains(data, _SUSPECT)
    if suspect and _contains(data, f"{_BEFORE}(?:{_ODD})"):
        return None
    if any(plan.decimal_keys()) and (_contains(data, _NO_PLAIN_DECIMAL) or _has_texts(data, plan)):
        return None
    table = _read(data, plan, one_per_line)
    if table is None:
        return None
    return _proved(data, table) if suspect and _has_doubles(table.schema) else Parsed(table)


def reading_type(plan: Plan, *, wide: bool = False) -> pa.DataType:
    """The plan's type with null where nothing but null has been seen, so that pyarrow refuses anything else there.

    Args:
        plan: what is to be read.
        wide: with decimals that hold whatever 38 digits stand for at their scale: pyarrow does not check for more.
    """
    if plan.kind == "null":
        return pa.null()
    if plan.kind == "struct":
        return pa.struct([pa.field(key, reading_type(child, wide=wide)) for key, child in plan.children])
    if plan.kind == "decimal" and wide:
        return pa.decimal256(2 * MAX_DECIMAL_DIGITS, plan.type.scale)
    return pa.list_(reading_type(plan.children[0][1], wide=wide)) if plan.kind == "list" else plan.type


def learn(shape: Shape, array: Any, block: Parsed) -> None:
    """Let the shape of a column know of the numbers in the column's array."""
    if pa.types.is_struct(array.type):
        for number, field in enumerate(array.type):
            learn(shape.fields[field.name], array.field(number), block)
    elif pa.types.is_list(array.type) and shape.item is not None:
        learn(shape.item, array.flatten(), block)
    elif pa.types.is_integer(array.type) and array.null_count < len(array):
        extremes = pc.min_max(array)
        shape.numbers.add_range(extremes["min"].as_py(), extremes["max"].as_py())
    elif pa.types.is_floating(array.type):
        shape.numbers.add_doubles(block.integer_digits, block.scale)


def _is_clean_utf8(data: bytes) -> bool:
    if b"\0" in data:  # pyarrow would stop there without a word
        return False
    try:
        return data.isascii() or bool(data.decode())
    except UnicodeDecodeError:
        return False


def _contains(data: bytes, pattern: str) -> bool:
    return bool(pc.match_substring_regex(pa.array([data], pa.large_binary()), pattern)[0].as_py())


def _has_texts(data: bytes, plan: Plan) -> bool:
    """Whether texts may stand where the plan has decimals: pyarrow would take them for numbers."""
    keys = "|".join(re.escape(json.dumps(key, ensure_ascii=False)) for key in plan.decimal_keys())
    return _contains(data, f'(?:{keys})[ \\t\\r\\n]*:[ \\t\\r\\n]*"') or _contains(data, _ESCAPED_KEY)


def _read(data: bytes, plan: Plan, one_per_line: bool) -> pa.Table | None:
    source: Any = pa.BufferReader(data)
    schema, wanted = _schema(plan, wide=True), _schema(plan)
    try:
        table = pj.read_json(
            source,
            read_options=pj.ReadOptions(use_threads=False, block_size=len(data) + 1),
            parse_options=pj.ParseOptions(
                explicit_schema=schema, unexpected_field_behavior="error", newlines_in_values=not one_per_line
            ),
        )
        table.validate()
        if schema != wanted:
            table = table.cast(wanted)
    except (pa.ArrowException, UnicodeDecodeError):
        return None
    return table


def _schema(plan: Plan, *, wide: bool = False) -> pa.Schema:
    return pa.schema([(key, reading_type(child, wide=wide)) for key, child in plan.children])


def _proved(data: bytes, table: pa.Table) -> Parsed | None:
    """The table, if each long number is what its double says when it is written as shortly as possible."""
    numbers = _long_numbers(data)
    fractions = numbers.filter(pc.or_(pc.match_substring(numbers, "."), pc.match_substring(numbers, "e")))
    rewritten = fractions.cast(pa.float64()).cast(pa.string())
    doubtful = fractions.filter(pc.not_equal(fractions, rewritten)).to_pylist()
    if not all(map(is_exact_double, doubtful)):
        inexact = sum(not is_exact_double(text) for text in numbers.to_pylist())
        if inexact != sum(map(_inexact_decimals, table.columns)):  # each of which is among the long numbers
            return None
    if len(fractions) < len(numbers) and _largest_double(table.to_struct_array()) >= _ALL_INTEGERS_ARE_DOUBLES:
        return None
    if pc.any(pc.match_substring(fractions, "e")).as_py():
        return Parsed(table, _NO_DECIMAL, _NO_DECIMAL)
    digits = pc.utf8_ltrim(fractions, "-")
    point = pc.find_substring(digits, ".")
    after = pc.subtract(pc.binary_length(digits), pc.add(point, 1))
    return Parsed(table, max(15, pc.max(point).as_py() or 0), max(14, pc.max(after).as_py() or 0))


def _long_numbers(data: bytes) -> Any:
    """The texts of all numbers that a double may not give back, and of what looks like one inside strings."""
    tokens = pc.split_pattern(pa.array([data.translate(_TOKENS)], pa.large_binary()), ",").flatten()
    is_long = pc.greater(pc.binary_length(tokens), _LONGEST_SURE)
    tokens = tokens.filter(pc.or_(is_long, pc.match_substring(tokens, "e")))
    return tokens.filter(pc.match_substring_regex(tokens, _NUMBER)).cast(pa.string())


def _inexact_decimals(array: Any) -> int:
    """How many decimals there are, at any depth, that no double gives back."""
    if isinstance(array, pa.ChunkedArray):
        return sum(map(_inexact_decimals, array.chunks))
    if pa.types.is_struct(array.type):
        return sum(map(_inexact_decimals, array.flatten()))
    if pa.types.is_list(array.type):
        return _inexact_decimals(array.flatten())
    if not pa.types.is_decimal(array.type):
        return 0
    texts = array.drop_null().cast(pa.string()).to_pylist()
    return sum(not is_exact_double(text) for text in texts)


def _largest_double(array: Any) -> float:
    """The largest absolute value among the doubles at any depth; 0 without any."""
    if isinstance(array, pa.ChunkedArray):
        return max((_largest_double(chunk) for chunk in array.chunks), default=0.0)
    if pa.types.is_struct(array.type):
        return max((_largest_double(child) for child in array.flatten()), default=0.0)
    if pa.types.is_list(array.type):
        return _largest_double(array.flatten())
    return (pc.max(pc.abs(array)).as_py() or 0.0) if pa.types.is_floating(array.type) else 0.0


def _has_doubles(kinds: pa.Schema | pa.DataType) -> bool:
    if isinstance(kinds, pa.Schema) or pa.types.is_struct(kinds):
        return any(_has_doubles(field.type) for field in kinds)
    return _has_doubles(kinds.value_type) if pa.types.is_list(kinds) else bool(pa.types.is_floating(kinds))
