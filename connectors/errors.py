"""The one error tree. Native errors become a ConversionError once, at the edge where they arise."""

from __future__ import annotations

from collections.abc import Mapping


class ConversionError(Exception):
    """An expected refusal or failure, in words a caller can act on.

    Args:
        message: one sentence; it names the field, value, column, line or flag that helps, and never a secret.
        code: stable and machine readable, e.g. ``storage_unavailable``.
        http_status: what the HTTP contract answers for it.
        retryable: whether the same attempt may succeed later without anybody changing anything.
        hint: what to do about it, when the message alone does not say.
        errors: messages by field, for requests that are malformed.
    """

    code = "conversion_failed"
    http_status = 500
    retryable = False

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        http_status: int | None = None,
        retryable: bool | None = None,
        hint: str | None = None,
        errors: Mapping[str, list[str]] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.http_status = http_status or self.http_status
        self.retryable = self.retryable if retryable is None else retryable
        self.hint = hint
        self.errors = dict(errors or {})


class InvalidRequest(ConversionError):
    """The caller asked for something malformed, unknown or contradictory (400)."""

    code = "invalid_request"
    http_status = 400


class UnreadableFile(ConversionError):
    """The file is not what it should be, and converting it would lose or invent data (400)."""

    code = "unreadable_file"
    http_status = 400


class TooLarge(ConversionError):
    """The input is over a configured limit (413)."""

    code = "file_too_large"
    http_status = 413


class NotFound(ConversionError):
    """A secret, table or job does not exist, or the caller may not know of it (404)."""

    code = "not_found"
    http_status = 404


class Denied(ConversionError):
    """The caller, or the portal on the caller's behalf, has no permission (403)."""

    code = "denied"
    http_status = 403


class UpstreamFailed(ConversionError):
    """A database or a store failed or refused (502). Not retried unless the raiser says so."""

    code = "upstream_failed"
    http_status = 502


class LimitReached(ConversionError):
    """One of the portal's own limits ended the work: time or memory (504)."""

    code = "limit_reached"
    http_status = 504


class Unavailable(ConversionError):
    """A part the portal needs is down: the queue, the disk (503)."""

    code = "unavailable"
    http_status = 503
    retryable = True


class WorkerFailed(ConversionError):
    """A bug of ours, a panic or a killed process: the traceback is kept for staff (500)."""

    code = "internal_error"
    http_status = 500
