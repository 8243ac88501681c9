"""Byte ranges (RFC 9110): one range of a file whose ETag is known, or all of it."""

from __future__ import annotations

import re

from django.http import HttpRequest

from connectors.errors import ConversionError

_RANGE = re.compile(r"bytes=(?P<first>\d{0,18})-(?P<last>\d{0,18})")


def asked_for(request: HttpRequest, size: int, etag: str) -> tuple[int, int] | None:
    """Where the wanted part starts and how long it is; None: all of it.

    A list of ranges is answered with all, as is a Range that If-Range says is of another version.

    Raises:
        ConversionError: no byte of it is in the file (416).
    """
    found = _RANGE.fullmatch(request.headers.get("Range", "").replace(" ", ""))
    if found is None or request.headers.get("If-Range", etag) != etag or not (found["first"] or found["last"]):
        return None
    first = int(found["first"]) if found["first"] else max(size - int(found["last"]), 0)
    last = min(int(found["last"]), size - 1) if found["first"] and found["last"] else size - 1
    if found["first"] and found["last"] and int(found["last"]) < first:
        return None  # malformed, which is to be ignored
    if first > last:
        raise ConversionError(
            f"The file has {size} bytes: none of them is in the range.", code="range_not_satisfiable", http_status=416
        )
    return first, last - first + 1
