"""Values as JSON."""

from __future__ import annotations

import base64
import math
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

_MAX_EXACT_JSON_INTEGER = 2**53


def json_value(value: Any) -> Any:
    """A value as JSON that any client reads back exactly.

    Integers past 2^53, decimals and non-finite floats are strings of their digits or name; dates and times are ISO
    8601; durations are seconds as a string; binary is base64.
    """
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return value if abs(value) <= _MAX_EXACT_JSON_INTEGER else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, dict):
        return {str(key): json_value(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(inner) for inner in value]
    return _json_scalar(value)


def _json_scalar(value: Any) -> str:
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(Decimal(value // timedelta(microseconds=1)).scaleb(-6))
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return str(value)
