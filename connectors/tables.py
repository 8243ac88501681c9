"""What credentials lead to: tables and columns. API and console enter here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from django.conf import settings

from connectors import services
from connectors.databases.credentials import Credentials
from connectors.databases.hosts import HostPolicy
from connectors.databases.request import parse_table_name
from connectors.secrets.store import SecretNotFound, check_id, parse_secret, use_secret

if TYPE_CHECKING:
    from connectors.databases.browsing import Table, TableColumn

Found = TypeVar("Found")
MOST_TABLES = 1000


def list_tables(credentials_id: str, caller: services.Caller, search: str = "") -> list[Table]:
    """The first ``MOST_TABLES`` tables and views that the account may read and whose ``schema.name`` contains a text.

    Raises:
        ConversionError: the caller may not use the credentials, or why there is no connection.
    """
    from connectors.databases import browsing  # noqa: PLC0415 - drivers only where they connect

    def ask(credentials: Credentials, timeout: float, policy: HostPolicy) -> list[Table]:
        return browsing.list_tables(credentials, timeout, policy, search, MOST_TABLES)

    return _ask(credentials_id, caller, ask)


def list_columns(credentials_id: str, caller: services.Caller, table_name: str) -> list[TableColumn]:
    """The columns of a table, as it declares them.

    Raises:
        ConversionError: the caller may not use the credentials, there is no such table, or no connection.
    """
    from connectors.databases import browsing  # noqa: PLC0415 - drivers only where they connect

    table = parse_table_name(table_name)

    def ask(credentials: Credentials, timeout: float, policy: HostPolicy) -> list[TableColumn]:
        return browsing.list_columns(credentials, timeout, policy, table)

    return _ask(credentials_id, caller, ask)


def _ask(credentials_id: str, caller: services.Caller, ask: Callable[[Credentials, float, HostPolicy], Found]) -> Found:
    """What a question to the database brings, for a caller who may use credentials that the portal knows."""
    credential = services.usable_by(caller).filter(pk=check_id(credentials_id)).first()
    if credential is None:
        raise SecretNotFound(credentials_id)

    def connect(secret: str) -> Found:
        credentials = Credentials.parse(credential.connector_type, parse_secret(secret))
        return ask(credentials, settings.TUNDRA.DB_CONNECT_TIMEOUT_SECONDS, services.host_policy())

    return use_secret(services.secret_store(), credentials_id, connect)
