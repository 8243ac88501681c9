"""The way in: a checked request and credentials become a Source."""

from __future__ import annotations

from contextlib import AbstractContextManager

from connectors.databases.credentials import Credentials
from connectors.databases.hosts import HostPolicy
from connectors.databases.mysql.source import open_mysql
from connectors.databases.postgresql.source import open_postgresql
from connectors.databases.request import DatabaseRequest
from connectors.databases.sqlite.source import open_sqlite
from connectors.errors import InvalidRequest
from connectors.source import Context, Source

_OPENERS = {"postgresql": open_postgresql, "mysql": open_mysql, "sqlite": open_sqlite}


def open_database(
    request: DatabaseRequest,
    credentials: Credentials,
    context: Context,
    policy: HostPolicy,
    seconds: float = 600.0,
) -> AbstractContextManager[Source]:
    """Open a table or query for reading.

    Args:
        request: what to read.
        credentials: of the same connector type.
        context: its ``connect_timeout`` bounds the lookup and the connection, each.
        policy: where connections may go.
        seconds: after which the server itself ends a statement.

    Raises:
        InvalidRequest: the credentials are for another connector.
        ConversionError: also when entering: the connection fails, or the server refuses the query.
    """
    if request.connector_type != credentials.connector_type:
        raise InvalidRequest(
            f"These credentials are for {credentials.connector_type}, not for {request.connector_type}.",
            code="wrong_connector",
        )
    return _OPENERS[request.connector_type](request, credentials, context, policy, seconds)
