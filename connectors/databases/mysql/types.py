"""MySQL's and MariaDB's types: what each travels as and which Arrow type it becomes.

Dates travel as they are, which is fastest. ConnectorX ends in a panic on one that no calendar has, such as 0000-00-00:
then all rows are read again with dates as text.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import pyarrow as pa
from pymysql.constants import FIELD_TYPE, FLAG

from connectors.databases import restore
from connectors.databases.columns import Choice, ColumnPlan, nulled, text_choice
from connectors.databases.request import Policies
from connectors.databases.restore import Restore
from connectors.types import MAX_DECIMAL_DIGITS

BINARY_CHARSET = 63
_INTEGERS = {
    FIELD_TYPE.TINY: (pa.int8(), pa.uint8(), "tinyint"),
    FIELD_TYPE.SHORT: (pa.int16(), pa.uint16(), "smallint"),
    FIELD_TYPE.INT24: (pa.int32(), pa.uint32(), "mediumint"),
    FIELD_TYPE.LONG: (pa.int32(), pa.uint32(), "int"),
    FIELD_TYPE.LONGLONG: (pa.int64(), pa.uint64(), "bigint"),
}
_FLOATS = {FIELD_TYPE.FLOAT: (pa.float32(), "float"), FIELD_TYPE.DOUBLE: (pa.float64(), "double")}
_DECIMALS = {FIELD_TYPE.DECIMAL, FIELD_TYPE.NEWDECIMAL}
_DATES = {FIELD_TYPE.DATE, FIELD_TYPE.NEWDATE}
_DATETIMES = {FIELD_TYPE.DATETIME: "datetime", FIELD_TYPE.TIMESTAMP: "timestamp"}
_TEXT = "CAST({0} AS CHAR)"
_REAL_DAY = r"^(000[1-9]|00[1-9]\d|0[1-9]\d\d|[1-9]\d{3})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"


@dataclass(frozen=True, slots=True)
class MysqlType:
    """A result column's type as the protocol describes it.

    Attributes:
        code: pymysql's FIELD_TYPE.
        flags: pymysql's FLAGs.
        charset: 63 for bytes.
        length: in display characters or bytes.
        scale: digits after the point.
        label: what people call it; None where only the protocol knows the column.
    """

    code: int
    flags: int
    charset: int
    length: int
    scale: int
    label: str | None = None

    @property
    def unsigned(self) -> bool:
        """Whether a number has no sign."""
        return bool(self.flags & FLAG.UNSIGNED)

    @property
    def precision(self) -> int:
        """How many digits a DECIMAL has: its display has a sign and a point besides."""
        return self.length - (not self.unsigned) - (self.scale > 0)


def plan_column(name: str, kind: MysqlType, nullable: bool, policies: Policies) -> ColumnPlan:
    """How a result column of this type travels and what it becomes."""
    travels, careful, choices = _plan(kind, policies)
    return ColumnPlan(name, kind.label or type_label(kind), nullable, travels, careful, choices)


def type_label(kind: MysqlType) -> str:
    """A name for a type that only the protocol describes."""
    if kind.code in _INTEGERS:
        return _INTEGERS[kind.code][2] + (" unsigned" if kind.unsigned else "")
    if kind.code in _DECIMALS:
        return f"decimal({kind.precision},{kind.scale})"
    if kind.code in _FLOATS:
        return _FLOATS[kind.code][1]
    if kind.flags & (FLAG.ENUM | FLAG.SET):
        return "enum" if kind.flags & FLAG.ENUM else "set"
    if kind.code in _NAMES:
        return _NAMES[kind.code]
    return "varbinary" if kind.charset == BINARY_CHARSET else "varchar"


_NAMES = {
    **_DATETIMES,
    **dict.fromkeys(_DATES, "date"),
    FIELD_TYPE.TIME: "time",
    FIELD_TYPE.YEAR: "year",
    FIELD_TYPE.BIT: "bit",
    FIELD_TYPE.JSON: "json",
    FIELD_TYPE.GEOMETRY: "geometry",
    FIELD_TYPE.NULL: "null",
}


def _plan(kind: MysqlType, policies: Policies) -> tuple[str, str, tuple[Choice, ...]]:
    if kind.code in _DATES:
        return "{0}", _TEXT, _date_choices(policies)
    if kind.code in _DATETIMES:
        return "{0}", _TEXT, _datetime_choices(kind, policies)
    if kind.code == FIELD_TYPE.GEOMETRY:
        bytes_form = Choice(pa.binary(), restore.cast_to(pa.binary()), "SRID (4 bytes, little endian) and WKB")
        return "CAST({0} AS BINARY)", "CAST({0} AS BINARY)", (bytes_form,)
    travels, choices = _steady(kind, policies)
    return travels, travels, choices


def _steady(kind: MysqlType, policies: Policies) -> tuple[str, tuple[Choice, ...]]:
    """Types that travel in one form whatever their values are."""
    if kind.code in _INTEGERS:
        return "{0}", (_exactly(_INTEGERS[kind.code][kind.unsigned]),)
    if kind.code in _FLOATS:
        return "{0}", (_exactly(_FLOATS[kind.code][0]),)
    if kind.code in _DECIMALS:
        return _TEXT, _decimal_choices(kind, policies)
    if kind.code == FIELD_TYPE.YEAR:
        return "{0}", (_exactly(pa.int16()),)
    if kind.code == FIELD_TYPE.BIT:
        return "CAST({0} AS UNSIGNED)", (_exactly(pa.uint64()),)
    if kind.code == FIELD_TYPE.TIME:
        return _TEXT, _time_choices(policies)
    if kind.code in {FIELD_TYPE.JSON, FIELD_TYPE.NULL} or kind.charset != BINARY_CHARSET:
        return _TEXT if kind.code in {FIELD_TYPE.JSON, FIELD_TYPE.NULL} else "{0}", (_exactly(pa.string()),)
    return "{0}", (_exactly(pa.binary()),)


def _exactly(kind: pa.DataType) -> Choice:
    return Choice(kind, restore.cast_to(kind))


def _decimal(precision: int, scale: int) -> Choice:
    return Choice(pa.decimal128(precision, scale), restore.decimals(precision, scale))


def _decimal_choices(kind: MysqlType, policies: Policies) -> tuple[Choice, ...]:
    text = replace(text_choice(type_label(kind)), fidelity="exact digits as text")
    if kind.precision <= MAX_DECIMAL_DIGITS:
        return _decimal(kind.precision, kind.scale), text
    if policies.numeric == "text":
        return (text,)
    # Sums are declared with more digits than they have.
    return _decimal(MAX_DECIMAL_DIGITS, kind.scale), text


def _date_choices(policies: Policies) -> tuple[Choice, ...]:
    return _with_policy(Choice(pa.date32(), restore.dates), policies.zero_dates)


def _datetime_choices(kind: MysqlType, policies: Policies) -> tuple[Choice, ...]:
    zone = "UTC" if kind.code == FIELD_TYPE.TIMESTAMP else None
    return _with_policy(Choice(pa.timestamp("us", zone), restore.timestamps(zone)), policies.zero_dates)


def _with_policy(choice: Choice, policy: str) -> tuple[Choice, ...]:
    if policy == "null":
        return (
            replace(choice, restore=_impossible_as_null(choice), fidelity="exact, zero dates null", altered=nulled),
        )
    if policy == "fail":
        return choice, Choice(choice.kind, choice.restore, refuses="holds a zero or impossible date (0000-00-00)")
    return choice, replace(text_choice("date"), fidelity="text, because a value is no date")


def _time_choices(policies: Policies) -> tuple[Choice, ...]:
    choice = Choice(pa.time64("us"), restore.times)
    if policies.long_times == "null":
        lenient = restore.misfits_as_null(choice.restore, r"^([01]\d|2[0-3]):")
        return (replace(choice, restore=lenient, fidelity="exact, null where no time of day", altered=nulled),)
    if policies.long_times == "fail":
        return choice, Choice(
            choice.kind, choice.restore, refuses="holds a time that is no time of day, such as 25:00:00"
        )
    return choice, replace(text_choice("time"), fidelity="text, because a value is no time of day")


def _impossible_as_null(choice: Choice) -> Restore:
    """The choice's own restoring of dates; of text, with null for what no calendar has."""
    from_text = restore.misfits_as_null(choice.restore, _REAL_DAY)
    return lambda values: (from_text if pa.types.is_string(values.type) else choice.restore)(values)
