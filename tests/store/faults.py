"""Faults that a test asks for: which requests they hit, how often, and what they do."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from typing import Any

STATUS_CODES = {
    400: "InvalidRequest",
    403: "AccessDenied",
    404: "NoSuchKey",
    412: "PreconditionFailed",
    429: "TooManyRequests",
    500: "InternalError",
    501: "NotImplemented",
    502: "BadGateway",
    503: "SlowDown",
    504: "GatewayTimeout",
}
KINDS = {
    *map(str, STATUS_CODES),
    "reset",  # the connection is reset: GET after `after` bytes of the body, PUT after reading that many
    "truncate",  # GET: a clean end after `after` bytes (default half), whatever Content-Length said
    "slow",  # `piece` bytes, then `seconds` of silence, again and again
    "slow_head",  # the answer's head, a byte every `seconds`
    "hang",  # nothing for `seconds`
    "wrong_etag",  # an ETag that is the MD5 of something else
    "multipart_etag",  # an ETag that is no MD5, as multipart uploads have
    "kms_etag",  # an ETag that only looks like an MD5, and says so, as objects under KMS have
    "no_etag",
    "corrupt",  # GET: one byte changed on the way; PUT: one byte changed before storing
    "error_page_200",  # S3's error XML with status 200
    "html_200",  # a page for people with status 200
    "redirect",  # 307 to `location`
    "no_length",  # GET: neither Content-Length nor chunks
    "chunked",  # GET: in chunks; with `after`, ends inside them
    "gzip_header",  # GET: the stored bytes with Content-Encoding: gzip
    "ignore_range",  # GET: the whole object, whatever range was asked for
    "store_then_reset",  # PUT: the object is stored, the answer is lost
    "refuse_early",  # PUT: 403 without reading the body, and the connection closed
    "garbage",  # an answer that is not HTTP
}


@dataclass(slots=True)
class Fault:
    """One kind of fault for matching requests.

    Attributes:
        fault: one of ``KINDS``.
        method, key: which requests; ``*`` matches any.
        times: how many more requests it hits; -1: all.
        code: the error code in place of the status's usual one.
        retry_after: value of a Retry-After header beside a status.
    """

    fault: str
    method: str = "*"
    key: str = "*"
    times: int = 1
    after: int | None = None
    piece: int = 1
    seconds: float = 0.2
    location: str = "/elsewhere"
    code: str | None = None
    retry_after: str | None = None

    def __post_init__(self) -> None:
        if self.fault not in KINDS:
            raise ValueError(f"Unknown fault {self.fault!r}; known are {sorted(KINDS)}")


class Faults:
    """The faults still to come; each request takes the first one that matches it."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self.hits: Counter[str] = Counter()
        self._lock = threading.Lock()

    def add(self, **values: Any) -> None:
        """Add a fault."""
        fault = Fault(**values)
        with self._lock:
            self._waiting.append(fault)

    def clear(self) -> None:
        """Forget all that are still to come."""
        with self._lock:
            self._waiting.clear()

    def take(self, method: str, key: str) -> Fault | None:
        """The fault for this request, used up by one."""
        with self._lock:
            for fault in self._waiting:
                if fault.method in {"*", method} and fault.key in {"*", key}:
                    fault.times -= 1
                    self.hits[key] += 1
                    if fault.times == 0:
                        self._waiting.remove(fault)
                    return fault
        return None
