"""Whether a number's text survives as a number: the proofs behind floats and decimals."""

from __future__ import annotations

import math
from decimal import Decimal, InvalidOperation

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connectors.types import MAX_DECIMAL_DIGITS

# Fifteen characters hold at most fifteen digits, and a double gives back any fifteen digits of a normal number.
_SURE_LENGTH = 15
_SURE_RANGE = (1e-290, 1e290)
_PLAIN = r"^-?((0|[1-9]\d*)(\.\d*)?|\.\d+)$"
_MINUS_ZERO = r"^-[0.]+$"
_FLOAT_OR_WORD = r"(?i)^-?(((0|[1-9]\d*)(\.\d*)?|\.\d+)(e[+-]?\d+)?|nan|inf|infinity)$"


def holds_any(text: pa.Array, characters: bytes) -> bool:
    """Whether one of these ASCII characters is anywhere in the texts: one look at their bytes."""
    if not len(text) or text.buffers()[2] is None:
        return False
    offsets = np.frombuffer(text.buffers()[1], np.int32)
    start, end = offsets[text.offset], offsets[text.offset + len(text)]
    written = np.frombuffer(text.buffers()[2], np.uint8)[start:end]
    return any(bool((written == character).any()) for character in characters)


def is_whole_and_plain(text: pa.Array) -> bool:
    """Whether texts that were read as integers show just their digits: no leading zero, minus zero or ``0x``."""
    if holds_any(text, b"xX") or (holds_any(text, b"-") and pc.any(pc.starts_with(text, "-0")).as_py()):
        return False
    zeros = text.filter(pc.starts_with(text, "0"))
    return not len(zeros) or pc.max(pc.binary_length(zeros)).as_py() == 1


def is_written_plainly(text: pa.Array) -> bool:
    """Whether all texts are digits with at most one point: no leading zero, plus, exponent or minus zero."""
    plain = pc.all(pc.match_substring_regex(text, _PLAIN)).as_py() is not False
    return plain and not (holds_any(text, b"-") and pc.any(pc.match_substring_regex(text, _MINUS_ZERO)).as_py())


def unusual_ones(text: pa.Array) -> pa.Array:
    """Those texts of numbers that do not begin with a digit from 1 to 9."""
    return text.filter(pc.less(text, "1"))  # a zero, a point and the signs stand before the other digits


def measure_digits(text: pa.Array) -> tuple[int, int]:
    """The most digits before and after the point of plainly written numbers."""
    unsigned = pc.utf8_ltrim(text, "-")
    point, length = pc.find_substring(unsigned, "."), pc.binary_length(unsigned)
    pointed = pc.greater_equal(point, 0)
    before = pc.if_else(pointed, point, length)
    after = pc.if_else(pointed, pc.subtract(pc.subtract(length, point), 1), 0)
    return int(pc.max(before).as_py() or 0), int(pc.max(after).as_py() or 0)


def read_decimals(text: pa.Array, kind: pa.DataType) -> pa.Array:
    """Texts of numbers as decimals. Arrow's own cast wraps around silently where digits and scale exceed 38.

    Raises:
        pa.ArrowInvalid: a text is no number, or has more digits than the type.
    """
    room = MAX_DECIMAL_DIGITS - kind.scale
    suspects = text.filter(pc.greater(pc.binary_length(text), room))
    if len(suspects) and not pc.all(pc.match_substring_regex(suspects, rf"^[+-]?0*\d{{0,{room}}}(\.\d*)?$")).as_py():
        raise pa.ArrowInvalid("a number has more digits than the type")
    if holds_any(text, b"eE") and any(_digits_before_point(value) > room for value in text.drop_null().to_pylist()):
        raise pa.ArrowInvalid("a number has more digits than the type")
    return text.cast(kind)


def _digits_before_point(text: str) -> int:
    try:
        return Decimal(text).adjusted() + 1
    except InvalidOperation:
        return 0  # no number at all: the cast says so


def keeps_zeros(text: pa.Array) -> bool:
    """Whether a text has zeros at the end of its fraction that a double would drop (``12.50``; but not ``12.0``)."""
    ending = text.filter(pc.ends_with(text, "0"))
    return bool(pc.any(pc.match_substring_regex(ending, r"^[^eE]*\.\d+0$")).as_py())


def float_text_is_exact(text: pa.Array, values: pa.Array) -> bool:
    """Whether each double, shown as shortly as possible, is the number its text shows."""
    if holds_any(text, b"+") and pc.any(pc.starts_with(text, "+")).as_py():
        return False
    if pc.all(pc.match_substring_regex(unusual_ones(text), _FLOAT_OR_WORD)).as_py() is False:
        return False
    size = pc.abs(values)
    in_range = pc.and_(pc.greater(size, _SURE_RANGE[0]), pc.less(size, _SURE_RANGE[1]))
    sure = pc.and_(in_range, pc.less_equal(pc.binary_length(text), _SURE_LENGTH))
    if pc.all(sure).as_py() is not False:
        return True
    unsure = pc.invert(sure)
    return _shown_alike(text.filter(unsure), values.filter(unsure))


def _shown_alike(text: pa.Array, values: pa.Array) -> bool:
    """The slow proof: the shortest text of each double against its own text, as text and then as a number."""
    pointed = pc.match_substring(text, ".")
    trimmed = pc.if_else(pointed, pc.utf8_rtrim(pc.utf8_rtrim(text, "0"), "."), text)
    different = pc.not_equal(values.cast(pa.string()), trimmed)
    left = text.filter(different)
    rest = zip(left.to_pylist(), values.filter(different).to_pylist(), strict=True)
    return all(_same_number(written, value) for written, value in rest)


def _same_number(written: str, value: float) -> bool:
    if not math.isfinite(value):
        return written.lower() in ("nan", "inf", "-inf", "infinity", "-infinity")
    return Decimal(written) == Decimal(repr(value))
