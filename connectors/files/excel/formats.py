"""What a number format makes of a cell's number: a date or a time, a duration, or just a number.

calamine tells this too, but of .xls it skips formats by their number, and of Excel 5 and 95 it reads them wrongly.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

ANY_NUMBER, ANY_DATE, ANY_DURATION = 0, 14, 46  # formats that calamine knows by number, one for each
# Every East Asian spreadsheet knows these by number alone, and calamine does not.
EAST_ASIAN_DATES = frozenset({*range(27, 37), *range(50, 59)})
_DATES = EAST_ASIAN_DATES | {*range(14, 23), 45, 47}
_NOT_SHOWN = re.compile(r'"[^"]*"?|[\\_*].?|\[(?!(?:h+|m+|s+)\])[^\]]*\]?', re.IGNORECASE | re.DOTALL)
_ELAPSED = re.compile(r"\[[hms]+\]", re.IGNORECASE)
_DATE_PART = re.compile(r"[dmyhs]", re.IGNORECASE)


def plain_format(number: int, codes: Mapping[int, str]) -> int:
    """The format that calamine knows and that makes the same of a number.

    Args:
        number: the number of the cell's format.
        codes: the formats that the workbook itself describes, by their numbers.
    """
    code = codes.get(number)
    if code is None:
        return ANY_DURATION if number == ANY_DURATION else ANY_DATE if number in _DATES else ANY_NUMBER
    shown = _NOT_SHOWN.sub("", code).partition(";")[0]
    if _ELAPSED.search(shown):
        return ANY_DURATION
    return ANY_DATE if _DATE_PART.search(shown) else ANY_NUMBER
