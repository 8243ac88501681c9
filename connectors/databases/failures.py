"""What can go wrong with a database server, in the contract's codes and in words that help."""

from __future__ import annotations

from connectors.errors import ConversionError, Denied, InvalidRequest, NotFound, UpstreamFailed

SUGGESTIONS: dict[str, tuple[str, ...]] = {
    "authentication_failed": (
        "Check the user name and the password.",
        "Check that the server lets this account in from the portal's address.",
    ),
    "host_not_found": ("Check the spelling of the host name.", "Check that the portal's network can resolve it."),
    "connection_refused": (
        "Check the port, and that the server is running and listens on its network address.",
        "Check that no firewall stands between the portal and the server.",
    ),
    "timeout": (
        "Check the host, the port and the firewall: packets may be dropped on the way.",
        "Check that the server is not overloaded.",
    ),
    "ssl_required": (
        "Set ssl_mode to require, verify-ca or verify-full if the server insists on TLS.",
        "Switch TLS on at the server, or set ssl_mode to prefer, if the server has none.",
    ),
    "ssl_verification_failed": (
        "Give the authority that signed the server's certificate in ssl_root_cert.",
        "Use the host name that the certificate was made for, or ssl_mode verify-ca.",
    ),
    "database_not_found": ("Check the spelling of the database name, upper and lower case included.",),
    "host_not_allowed": ("Use an address of the database that the portal may connect to.",),
    "too_many_connections": ("Try again later, use a smaller partition_num, or allow more connections.",),
    "connection_failed": ("Read the server's log: it says why it ended the connection.",),
}


class Undecodable(Exception):
    """ConnectorX met a value that its own types cannot carry: only the careful form can."""


def connection_failed(code: str, message: str) -> ConversionError:
    """A connection that could not be made (502; 400 where the address itself is not allowed)."""
    kind = InvalidRequest if code == "host_not_allowed" else UpstreamFailed
    return kind(message, code=code, retryable=code == "too_many_connections", hint=" ".join(SUGGESTIONS[code]))


def query_refused(server_says: str) -> ConversionError:
    """The server refused the statement; its own sentence says why."""
    return InvalidRequest(f"The database refused the query: {_one_line(server_says)}", code="query_failed")


def table_not_found(server_says: str) -> ConversionError:
    """The table is not there, or the account may not know of it."""
    return NotFound(
        f"Table not found: {_one_line(server_says)}",
        code="table_not_found",
        hint="Check the spelling, upper and lower case included, and give the schema: schema.table.",
    )


def permission_denied(server_says: str) -> ConversionError:
    """The account may not read what was asked for."""
    return Denied(
        f"The database account may not do this: {_one_line(server_says)}",
        code="permission_denied",
        hint="Grant it SELECT on the table; the documentation shows a least-privilege role.",
    )


def query_timed_out(server_says: str) -> ConversionError:
    """The server ended the statement because it took too long."""
    return UpstreamFailed(
        f"The query took longer than the database or the portal allows: {_one_line(server_says)}",
        code="query_timeout",
        hint="Make the query cheaper, add an index, or extract in parts.",
    )


def connection_lost(server_says: str) -> ConversionError:
    """The connection broke in the middle of the work; another attempt may succeed."""
    return UpstreamFailed(
        f"The connection to the database was lost: {_one_line(server_says)}", code="connection_lost", retryable=True
    )


def data_changed(how: str) -> ConversionError:
    """What was read cannot be of one moment; another attempt may succeed."""
    return UpstreamFailed(
        f"The data changed while it was read: {how}.",
        code="source_changed",
        retryable=True,
        hint="Try again when nobody writes, or cast the columns in a query.",
    )


def _one_line(text: str) -> str:
    """At most 500 characters of what a server says, on one line, with one full stop."""
    return " ".join(text.split()).rstrip(".")[:500] + "."
