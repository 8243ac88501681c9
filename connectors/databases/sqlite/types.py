"""Which Arrow type holds all the values that a column of SQLite turned out to have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa

from connectors.errors import ConversionError
from connectors.source import Column, Warnings

_EXACT_IN_DOUBLE = 2**53


@dataclass(frozen=True, slots=True)
class Survey:
    """How many values of each kind a column has, and what more it takes to choose a type.

    Attributes:
        low, high: of the integers.
        dates, timestamps: texts that are ``2024-12-31``, and ``2024-12-31 23:59:59``, of days that exist.
    """

    integers: int
    reals: int
    texts: int
    blobs: int
    low: int | None
    high: int | None
    dates: int
    timestamps: int

    WIDTH: ClassVar[int] = 8
    EXPRESSION: ClassVar[str] = (
        "total(typeof({0}) = 'integer'), total(typeof({0}) = 'real'), total(typeof({0}) = 'text'),"
        " total(typeof({0}) = 'blob'), min(CASE typeof({0}) WHEN 'integer' THEN {0} END),"
        " max(CASE typeof({0}) WHEN 'integer' THEN {0} END),"
        " total(typeof({0}) = 'text' AND date({0}, '+0 days') = {0} AND {0} >= '0001'),"
        " total(typeof({0}) = 'text' AND datetime({0}, '+0 days') = {0} AND {0} >= '0001')"
    )

    @property
    def kinds(self) -> list[str]:
        """The storage classes that occur."""
        counts = {"integer": self.integers, "real": self.reals, "text": self.texts, "blob": self.blobs}
        return [kind for kind, count in counts.items() if count]

    @property
    def fits_double(self) -> bool:
        """Whether every integer is exactly a double."""
        return -_EXACT_IN_DOUBLE <= (self.low or 0) <= (self.high or 0) <= _EXACT_IN_DOUBLE


@dataclass(frozen=True, slots=True)
class SqliteColumn:
    """A line of the type ledger, and how its arrays are built."""

    column: Column
    build: Callable[[Sequence[Any]], pa.Array]

    def array(self, values: Sequence[Any]) -> pa.Array:
        """The values (None, int, float, bytes of text, bytes) in the column's type.

        Raises:
            ConversionError: a text is no UTF-8, or a query gave other kinds of values than when it was surveyed.
        """
        try:
            return self.build(values).cast(self.column.type)
        except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError, ValueError, UnicodeDecodeError) as error:
            raise ConversionError(
                f"Column '{self.column.name}' holds a value that is no {self.column.type}: text that is not UTF-8, or "
                "a query that does not give the same values twice.",
                code="value_out_of_range",
                http_status=400,
            ) from error


def choose(name: str, declared: tuple[str, bool], survey: Survey, warnings: Warnings) -> SqliteColumn:
    """The narrowest type that holds every value; a mixture that only text can hold is reported."""
    label, nullable = declared
    kind, build, fidelity = _choice(label.upper(), survey)
    if fidelity != "exact":
        counts = ", ".join(f"{int(getattr(survey, each + 's')):,} {each}" for each in survey.kinds)
        warnings.add("mixed_types", f"Column '{name}' mixes kinds of values ({counts}): {fidelity}.", column=name)
    source_type = label or " or ".join(survey.kinds) or None
    return SqliteColumn(Column(name, kind, nullable, source_type, fidelity), build)


def _choice(label: str, survey: Survey) -> tuple[pa.DataType, Callable[[Sequence[Any]], pa.Array], str]:
    kinds = survey.kinds or [_affinity(label)]
    if kinds == ["integer"]:
        is_flag = label.startswith("BOOL") and survey.low in {0, 1} and survey.high in {0, 1}
        return pa.bool_() if is_flag else pa.int64(), _integers, "exact"
    if kinds == ["real"] or (kinds == ["integer", "real"] and survey.fits_double):
        return pa.float64(), _doubles, "exact"
    if kinds == ["text"]:
        return _textual(label, survey), _texts, "exact"
    if kinds == ["blob"]:
        return pa.binary(), _blobs, "exact"
    if "blob" in kinds:
        return pa.string(), _literals, "written as SQL literals"
    return pa.string(), _texts, "written as text"


def _textual(label: str, survey: Survey) -> pa.DataType:
    if label == "DATE" and survey.texts and survey.dates == survey.texts:
        return pa.date32()
    if label in {"DATETIME", "TIMESTAMP"} and survey.texts and survey.timestamps == survey.texts:
        return pa.timestamp("us")
    return pa.string()


def _affinity(label: str) -> str:
    """What SQLite would make of numbers and texts in a column so declared; for columns without values."""
    if "INT" in label:
        return "integer"
    if any(part in label for part in ("CHAR", "CLOB", "TEXT")) or not label:
        return "text"
    if "BLOB" in label:
        return "blob"
    return "real" if any(part in label for part in ("REAL", "FLOA", "DOUB")) else "text"


def _integers(values: Sequence[Any]) -> pa.Array:
    return pa.array(values, pa.int64())


def _doubles(values: Sequence[Any]) -> pa.Array:
    return pa.array([None if value is None else float(value) for value in values], pa.float64())


def _blobs(values: Sequence[Any]) -> pa.Array:
    return pa.array(values, pa.binary())


def _texts(values: Sequence[Any]) -> pa.Array:
    """Texts, and numbers in the shortest form that reads back as the same number."""
    return pa.array([value if value is None or isinstance(value, bytes) else repr(value).encode() for value in values],
                    pa.binary()).cast(pa.string())  # fmt: skip


def _literals(values: Sequence[Any]) -> pa.Array:
    return pa.array([None if value is None else _literal(value) for value in values], pa.string())


class Text(bytes):
    """The bytes of a text, where they have to be told from a blob's."""


def mixes_texts_and_blobs(survey: Survey) -> bool:
    """Whether a column needs ``Text`` to tell its values apart."""
    return bool(survey.texts and survey.blobs)


def _literal(value: float | bytes) -> str:
    if isinstance(value, Text):
        return "'" + value.decode().replace("'", "''") + "'"
    return f"X'{value.hex().upper()}'" if isinstance(value, bytes) else repr(value)
