"""PostgreSQL's types: what each travels as and which Arrow type it becomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pyarrow as pa

from connectors.databases import restore
from connectors.databases.columns import Choice, ColumnPlan, nulled, rounded, text_choice
from connectors.databases.request import Policies
from connectors.types import MAX_DECIMAL_DIGITS

_NATIVE: Mapping[str, pa.DataType] = {
    "bool": pa.bool_(),
    "int2": pa.int16(),
    "int4": pa.int32(),
    "int8": pa.int64(),
    "float4": pa.float32(),
    "float8": pa.float64(),
    "text": pa.string(),
    "varchar": pa.string(),
    "bpchar": pa.string(),
    "name": pa.string(),
    "bytea": pa.binary(),
}
# Their text is what they are, so the ledger calls them exact.
_TEXTUAL = {"uuid", "json", "jsonb", "xml", "citext", "ltree", "unknown", "char", "bit", "varbit"}
_TEXT = "({})::text"
_OUTPUT = "to_json({}) #>> '{{}}'"
# What a cast to text would alter: it adds the netmask to an address and takes away the padding of a char(n).
_ALTERED_BY_CAST = {"inet", "bpchar"}
# Where all values have to fit in one of these, tried in this order, before a numeric without precision becomes text.
_SCALES = (10, 0, 20, 30)
_DATE_SHAPE = r"^\d{4}-\d{2}-\d{2}$"
_TIMESTAMP_SHAPE = r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(\.\d+)?(\+00)?$"


@dataclass(frozen=True, slots=True)
class PostgresType:
    """A type as the catalogue has it.

    Attributes:
        name: pg_type.typname of the type itself, a domain resolved to what it is over.
        label: format_type(): what people call it.
        kind: pg_type.typtype: b, c, d, e, p, r or m.
        modifier: of the column, -1 for none.
        element: for a true array, its element's type.
    """

    name: str
    label: str
    kind: str = "b"
    modifier: int = -1
    element: PostgresType | None = None


def plan_column(name: str, kind: PostgresType, nullable: bool, policies: Policies) -> ColumnPlan:
    """How a result column of this type travels and what it becomes."""
    travels, careful, choices = _plan(kind, policies)
    return ColumnPlan(name, kind.label, nullable, travels, careful, choices)


def _plan(kind: PostgresType, policies: Policies) -> tuple[str, str, tuple[Choice, ...]]:
    if native := _NATIVE.get(kind.name):
        return "{}", "{}", (Choice(native, restore.cast_to(native)),)
    if kind.name in {"date", "timestamp", "timestamptz"}:
        return "{}", _TEXT, _temporal_choices(kind, policies)
    if kind.name == "oid":
        return "({})::int8", "({})::int8", (Choice(pa.uint32(), restore.cast_to(pa.uint32())),)
    if kind.element is not None:
        array = _ARRAY.format("{0}" if kind.element.name in _ALTERED_BY_CAST else "({0})::text[]")
        return array, array, _array_choices(kind)
    text = _OUTPUT if kind.name in _ALTERED_BY_CAST else _TEXT
    return text, text, _text_choices(kind, policies)


def _text_choices(kind: PostgresType, policies: Policies) -> tuple[Choice, ...]:
    if kind.name == "numeric":
        return _numeric_choices(kind, policies)
    if kind.name == "time":
        choice = Choice(pa.time64("us"), restore.times)
        return _with_policy(choice, policies.long_times, "time of day", r"^([01]\d|2[0-3]):", "24:00:00")
    text = text_choice(kind.label)
    return (replace(text, fidelity="exact") if kind.name in _TEXTUAL or kind.kind == "e" else text,)


# One dimension counted from 1 becomes a list; any other array keeps its own text, which never looks like JSON.
_ARRAY = (
    "CASE WHEN array_ndims({{0}}) > 1 OR array_lower({{0}}, 1) <> 1 THEN ({{0}})::text ELSE array_to_json({})::text END"
)


def _temporal_choices(kind: PostgresType, policies: Policies) -> tuple[Choice, ...]:
    if kind.name == "date":
        choice, shape = Choice(pa.date32(), restore.dates), _DATE_SHAPE
    else:
        zone = "UTC" if kind.name == "timestamptz" else None
        choice, shape = Choice(pa.timestamp("us", zone), restore.timestamps(zone)), _TIMESTAMP_SHAPE
    return _with_policy(choice, policies.infinite_dates, "date of the years 1 to 9999", shape, "infinity")


def _with_policy(choice: Choice, policy: str, what: str, shape: str, example: str) -> tuple[Choice, ...]:
    if policy == "null":
        lenient = restore.misfits_as_null(choice.restore, shape)
        return choice, Choice(choice.kind, lenient, f"null where no {what}", nulled)
    if policy == "fail":
        return choice, Choice(
            choice.kind, choice.restore, refuses=f"holds a value that is no {what}, such as {example}"
        )
    return choice, replace(text_choice(what), fidelity=f"text, because a value is no {what}")


def _numeric_choices(kind: PostgresType, policies: Policies) -> tuple[Choice, ...]:
    text = replace(text_choice(kind.label), fidelity="exact digits as text")
    if kind.modifier >= 4:
        precision, scale = _precision_and_scale(kind.modifier)
        if precision <= MAX_DECIMAL_DIGITS:
            return _decimal(precision, scale), text
        return (text,)
    if policies.numeric == "text":
        return (text,)
    if policies.numeric == "float":
        return (Choice(pa.float64(), restore.cast_to(pa.float64()), "nearest double", rounded),)
    return (*(_decimal(MAX_DECIMAL_DIGITS, scale) for scale in _SCALES), text)


def _decimal(precision: int, scale: int) -> Choice:
    return Choice(pa.decimal128(precision, scale), restore.decimals(precision, scale))


def _precision_and_scale(modifier: int) -> tuple[int, int]:
    """As PostgreSQL 15 packs them: the scale may be negative or exceed the precision, which Parquet's may not."""
    packed = modifier - 4
    precision, scale = packed >> 16, ((packed & 0x7FF) ^ 1024) - 1024
    if scale < 0:
        return precision - scale, 0
    return max(precision, scale), scale


def _array_choices(kind: PostgresType) -> tuple[Choice, ...]:
    """A list if its elements have an exact type that their text gives back; the array's own text otherwise."""
    text = text_choice(kind.label)
    assert kind.element is not None  # noqa: S101 - only arrays come here
    from_text = _element(kind.element)
    return *(
        Choice(pa.list_(each.kind), restore.lists(each.kind, each.restore), each.fidelity) for each in from_text
    ), text


def _element(kind: PostgresType) -> tuple[Choice, ...]:
    if kind.name == "bool":
        return (Choice(pa.bool_(), restore.words("true", "false")),)
    if kind.name == "bytea":
        return (Choice(pa.binary(), restore.hexadecimal),)
    if kind.name == "oid":
        return (Choice(pa.uint32(), restore.cast_to(pa.uint32())),)
    if kind.element is not None:
        return ()
    _, _, choices = _plan(kind, Policies())
    return choices
