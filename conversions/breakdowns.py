"""Why an attempt ended without a result, in words for callers."""

from __future__ import annotations

import errno
from typing import Any

from django.conf import settings

from connectors.errors import ConversionError, LimitReached, Unavailable, WorkerFailed
from conversions.engine.client import Exit


def told(described: dict[str, Any]) -> ConversionError:
    """Its process said why."""
    return ConversionError(described.pop("message"), **described)


def crashed(end: Exit | None) -> WorkerFailed:
    """Its process died, or never began."""
    return WorkerFailed(
        f"The conversion's process ended without an answer ({end or 'before it began'}).",
        code="worker_crashed",
        retryable=True,
        hint="If it happens again with the same input, the input crashes the reader: please report it.",
    )


def took_too_long() -> LimitReached:
    """Its time was over."""
    minutes = settings.TUNDRA.MAX_PROCESSING_TIME_MINUTES
    return LimitReached(
        f"The conversion was stopped after {minutes:g} minutes, the most it may take.",
        code="processing_time_exceeded",
        hint="Convert less at once, or raise MAX_PROCESSING_TIME_MINUTES.",
    )


def took_too_much_memory() -> LimitReached:
    """It went over its memory."""
    gigabytes = settings.TUNDRA.MAX_MEMORY_USAGE_GB
    return LimitReached(
        f"The conversion was stopped because it needed more than {gigabytes:g} GB of memory.",
        code="memory_limit_exceeded",
        hint="Convert less at once, choose a smaller row_group_size, or raise MAX_MEMORY_USAGE_GB.",
    )


def broke(error: Exception) -> ConversionError:
    """The portal itself failed."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Unavailable("The disk of the portal is full.", code="storage_full")
    return WorkerFailed("The portal failed unexpectedly while it ran this job.", hint="Its log says why.")
