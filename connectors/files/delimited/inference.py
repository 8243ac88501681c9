"""Which kind a column is: the first in order of preference that takes all its values, not only a sample's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from connectors.files.dates import MONTH_NAMES, MONTHS, Layout, layout_of
from connectors.files.delimited.kinds import (
    Boolean,
    Decimals,
    Float,
    Integer,
    Kind,
    Mixed,
    Nothing,
    Patterned,
    Text,
    longest,
    without_empty_texts,
)
from connectors.files.delimited.rewritten import Padded, WithComma
from connectors.files.delimited.temporal_kinds import AmbiguousDate, Arranged, Date, Time, Timestamp

_NO_PARTS = re.compile(r"\D*\d*[.,]?\d*\D*")  # no date and no time, which have two numbers and more beside a mark
_LONGEST_VALUE = 100  # characters; anything longer is text
_FEW, _MANY = 8, 256


_HOUR, _HALF_DAY_HOUR = r"(?P<hour>\d{1,2})", r"(?P<hour>0?[1-9]|1[0-2])"
_MINUTE, _SECOND = r":(?P<minute>\d{2})", r":(?P<second>\d{2})"
_FRACTION, _HALF = r"[.,](?P<fraction>\d{1,6})", r" ?(?P<half>(?i:[ap]\.?m\.?))"
_CLOCKS = tuple(
    hour + _MINUTE + second + half
    for hour, half in ((_HOUR, ""), (_HALF_DAY_HOUR, _HALF))
    for second in ("", _SECOND, _SECOND + _FRACTION)
)
_MONTH_NAME = "(?P<name>(?i:" + "|".join([*MONTH_NAMES, *MONTHS]) + "))"


def _arranged(pattern: str, name: str) -> Arranged:
    return Arranged(Layout(f"^{pattern}$", frozenset(re.findall(r"\?P<(\w+)>", pattern))), name, has_parts=True)


def _orders() -> list[Kind]:
    """Dates and timestamps in other orders than ISO's; then times in other forms."""
    year, month, day = r"(?P<year>\d{4})", r"(?P<month>\d{1,2})", r"(?P<day>\d{1,2})"
    kinds: list[Kind] = []
    for end in ("", *(f",?[ T]{clock}" for clock in _CLOCKS)):
        for joint in ("/", r"\.", "-"):
            first = _arranged(joint.join((day, month, year)) + end, "day-first date")
            second = _arranged(joint.join((month, day, year)) + end, "month-first date")
            year_first = _arranged(joint.join((year, month, day)) + end, "year-first date")
            kinds += [year_first, AmbiguousDate(first, second), first, second]
        kinds.append(
            _arranged(rf"{day}[- /.]{{1,2}}{_MONTH_NAME}[- /.,]{{1,2}}{year}{end}", "date with a month's name")
        )
        kinds.append(_arranged(rf"{_MONTH_NAME}\.? {day},? {year}{end}", "date with a month's name"))
    return [*kinds, *(_arranged(clock, "time") for clock in _CLOCKS)]


_PLAIN, _DIGITS = r"((0|[1-9]\d*)(\.\d*)?|\.\d+)", r"(\d+(\.\d*)?|\.\d+)"
_NUMBERS_LADDER: tuple[Kind, ...] = (Float(), Decimals(), Float(plain=False))
_DATES_LADDER: tuple[Kind, ...] = (
    Date(),
    Timestamp(),
    Timestamp("ns"),
    Timestamp(zoned=True),
    Timestamp("ns", zoned=True),
    Time(),
    *_orders(),
)
_TEXTS_LADDER: tuple[Kind, ...] = (
    Patterned("number of more digits than a type holds", rf"^-?{_PLAIN}$", r"\d{16}", "over_long_numbers"),
    Patterned(
        "number that no double holds",
        rf"^-?{_PLAIN}([eE][+-]?\d+)?$",
        r"[eE]|\d{16}",
        "over_long_numbers",
    ),
    Patterned("number with leading zeros", rf"^-?{_DIGITS}$", r"^-?0\d", "leading_zeros"),
    Patterned("number with a plus", rf"^[+-]?{_DIGITS}$", r"^\+", "plus_signs"),
    Patterned(
        "number with thousands separators",
        "^[+-]?(\\d{1,3}(,\\d{2,3})*,\\d{3}|\\d{1,3}([. '\u00a0\u202f]\\d{3})*)(\\.\\d+)?$",
        r"[^\d.+-]|\..*\.",
        "thousands_separators",
    ),
    Patterned(
        "number with a decimal comma",
        "^[+-]?(\\d+|\\d{1,3}([. '\u00a0\u202f]\\d{3})+)(,\\d+)?$",
        ",",
        "decimal_commas",
    ),
    Patterned(
        "number with separators",
        "^[+-]?\\d{1,3}([., '\u00a0\u202f]\\d{3})*([.,]\\d+)?$",
        r"[^\d.+-]|\..*\.",
        "thousands_separators",
    ),
    Patterned(
        "date with a year of two digits",
        r"^\d{1,2}[-/. ](\d{1,2}|[A-Za-z]{3})[-/. ]\d{2}([ T]\d{1,2}:\d{2}(:\d{2})?( ?[AaPp][Mm])?)?$",
        r"\d",
        "ambiguous_dates",
    ),
    Patterned(
        "number with a sign of money or percent",
        "^[-+(]?[$€£¥₹]? ?[-+]?\\d+([.,' \u00a0]\\d{2,3})*([.,]\\d+)?[ \u00a0]?([$€£¥₹%]|EUR|USD|GBP|CHF)?\\)?$",
        r"[^\d.,+-]",
        "units_in_numbers",
    ),
    Patterned(
        "date or time among others",
        r"^((\d{4}-\d{2}-\d{2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4})([T ][\d:.+Z-]+)?|\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?)$",
        r"\d",
        "mixed_dates",
    ),
    Text(),
)
TEXT = Text()
# Beside numbers with decimal commas a point before three digits is none of decimals.
_GROUPED_BY_POINTS = Patterned(
    "number with thousands separators", r"^[+-]?([1-9]\d{0,2}(\.\d{3})*|0)$", r"\.", "thousands_separators"
)
_NUMBERS = rf"^[+-]?{_DIGITS}([eE][+-]?\d+)?$"
_DATES = r"^\d{4}-\d{2}-\d{2}([T ][\d:.+Z-]+)?$"


def ladder(*, decimal_comma: bool, date_format: str | None) -> tuple[Kind, ...]:
    """The kinds in order of preference, with what the caller says of decimals and dates.

    Raises:
        InvalidRequest: a ``date_format`` that cannot be understood.
    """
    asked = (Arranged(layout_of(date_format), dates_as(date_format)),) if date_format else ()
    numbers = tuple(map(WithComma, _NUMBERS_LADDER)) if decimal_comma else _NUMBERS_LADDER
    values = (Boolean(), *asked, Integer(), *numbers, *_DATES_LADDER)
    return (Nothing(), *values, *map(Padded, values), *_TEXTS_LADDER)


def dates_as(date_format: str | None) -> str:
    """What the kind of dates is called whose format the caller gave."""
    return f"date as {date_format}"


def choose(kinds: Sequence[Kind], text: pa.Array) -> Kind:
    """The first of the kinds that takes all these texts; the last one always does."""
    if longest(text) > _LONGEST_VALUE:
        return kinds[-1]
    kind = next(_fitted(kinds, text, without_empty_texts(text)))
    return text_or_mixed(text) if isinstance(kind, Text) else kind


def beside_decimal_commas(kind: Kind, text: pa.Array) -> Kind:
    """What a column of these texts is where other columns have decimal commas."""
    has_fractions = pa.types.is_floating(kind.type) or pa.types.is_decimal(kind.type)
    is_grouped = has_fractions and _GROUPED_BY_POINTS.convert(text) is not None
    return _GROUPED_BY_POINTS if is_grouped else kind


def text_or_mixed(text: pa.Array) -> Kind:
    """``Text``, or ``Mixed`` when half of these texts look like numbers or like dates."""
    for values, pattern in (("numbers", _NUMBERS), ("dates", _DATES)):
        if (pc.mean(pc.match_substring_regex(text, pattern)).as_py() or 0) >= 0.5:
            return Mixed(values, pattern)
    return TEXT


def surprising(kind: Kind, text: pa.Array) -> pa.Array | None:
    """Which of the texts a warning of the kind's issue is about; None if there is nothing to warn of."""
    if isinstance(kind, Patterned):
        return pc.match_substring_regex(text, kind.telling)
    if isinstance(kind, Mixed):
        return pc.invert(pc.match_substring_regex(text, kind.pattern))
    return pc.is_valid(text) if kind.issue else None


def narrow(candidates: Sequence[Kind], text: pa.Array) -> tuple[Kind, ...]:
    """The candidates that take these texts as well, in the same order; the last one always does."""
    if longest(text) > _LONGEST_VALUE:
        return (candidates[-1],)
    if text.null_count == len(text):
        return tuple(candidates)
    if longest(text) == 0:  # it rules out no kind of values, and there are many to ask
        return tuple(
            kind for kind in candidates if not pa.types.is_string(kind.type) or any(_fitted([kind], text, text))
        )
    return tuple(_fitted(candidates, text, without_empty_texts(text)))


def _fitted(kinds: Sequence[Kind], text: pa.Array, values: pa.Array) -> Iterator[Kind]:
    """Those of the kinds that take these texts, wide enough; ``values`` are those without the empty ones.

    Most kinds are out after a look at the first few texts.
    """
    of_text = _Look(_filled(text))
    of_values = of_text if values is text else _Look(_filled(values))
    for kind in kinds:
        if kind.has_parts and not of_values.may_have_parts:
            continue
        look = of_text if of_values is of_text or pa.types.is_string(kind.type) else of_values
        if look.allows(kind) and (fitted := kind.fitted(look.all)) is not None:
            yield fitted


def _filled(text: pa.Array) -> pa.Array:
    return text.drop_null() if text.null_count else text


class _Look:
    """Texts without nulls, and the first few of them where all are many more."""

    def __init__(self, text: pa.Array) -> None:
        few = text.slice(0, _FEW)
        self.all, self._first = text, few[0].as_py() if len(few) else None
        self._few = few if len(text) > _MANY else None
        self.may_have_parts = self._first is None or _NO_PARTS.fullmatch(self._first) is None

    def allows(self, kind: Kind) -> bool:
        """Whether the first few are of the kind: False only if all together are not."""
        if self._first is None:
            return True
        return kind.could_be(self._first) and (self._few is None or kind.fitted(self._few) is not None)
