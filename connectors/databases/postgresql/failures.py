"""PostgreSQL's errors in the portal's words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from connectors.databases.failures import (
    Undecodable,
    connection_lost,
    permission_denied,
    query_refused,
    query_timed_out,
    table_not_found,
)
from connectors.errors import ConversionError, InvalidRequest

_UNDECODABLE = (
    "deserializing",
    "too large to decode",
    "cannot convert",
    "not implemented",
    "called `option::unwrap()`",
)
_LOST = (
    "connection closed", "terminating connection", "communicating with the server", "connection refused", "timed out",
    "server closed the connection", "connection reset", "broken pipe", "shutting down", "starting up", "recovery mode",
    "too many clients", "remaining connection slots", "too many connections", "import the requested snapshot",
    "invalid snapshot identifier",
)  # fmt: skip
_MESSAGE = re.compile(r'\bmessage: "((?:[^"\\]|\\.)*)"')


@contextmanager
def mapped() -> Iterator[None]:
    """psycopg's errors become ConversionErrors."""
    try:
        yield
    except psycopg.Error as error:
        raise _described(error) from error


def _described(error: psycopg.Error) -> ConversionError:
    says = error.diag.message_primary or str(error)
    state = error.sqlstate or ""
    if state in {"42P01", "3F000", "0A000"}:
        return table_not_found(says) if state != "0A000" or "cross-database" in says else query_refused(says)
    if state == "42501":
        return permission_denied(says)
    if state in {"57014", "55P03"}:
        return query_timed_out(says)
    if isinstance(error, psycopg.OperationalError) and (not state or state[:2] in {"08", "57", "53"}):
        return connection_lost(says)
    return query_refused(says)


def read_failure(text: str) -> Exception:
    """What ConnectorX said, as the error to raise: Undecodable where the careful form may do better."""
    lower = text.lower()
    says = _server_sentence(text)
    if "statement timeout" in lower or "lock timeout" in lower:
        return query_timed_out(says)
    if any(sign in lower for sign in _LOST):
        return connection_lost(says)
    if any(sign in lower for sign in _UNDECODABLE):
        return Undecodable(text)
    if "permission denied" in lower:
        return permission_denied(says)
    if "utf8" in lower or "utf-8" in lower:
        return InvalidRequest(
            f"The database holds text that is not valid in its own encoding: {says}.",
            code="invalid_text",
            hint="Read the column as bytea, with convert_to() or encode(), in a query.",
        )
    return query_refused(says)


def _server_sentence(text: str) -> str:
    """The server's message, out of what ConnectorX prints of its whole error."""
    if quoted := _MESSAGE.search(text):
        return quoted[1].replace('\\"', '"')
    return text.partition("ERROR: ")[2] or text
