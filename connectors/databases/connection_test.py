"""The connection test: connect once, ask one question, say what was found."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pymysql

from connectors.databases.connecting import Endpoint, connect_mysql, connect_postgresql, find_endpoint, is_encrypted
from connectors.databases.credentials import Credentials
from connectors.databases.failures import connection_lost
from connectors.databases.hosts import HostPolicy
from connectors.databases.sqlite import file as sqlite_file

_POSTGRESQL = "SELECT current_setting('server_version'), current_setting('transaction_read_only') = 'on'"
_MYSQL = "SELECT VERSION(), @@GLOBAL.read_only"


@dataclass(frozen=True, slots=True)
class ConnectionFacts:
    """What a successful test found.

    Attributes:
        rows_returned: of the test's own question: 1.
        ssl: whether the connection is encrypted.
        latency_ms: from resolving the name to the answer.
        read_only: whether the server refuses writes by itself (a replica, or set so). The portal never writes anyway.
    """

    database_type: str
    rows_returned: int
    server_version: str
    ssl: bool
    latency_ms: float
    read_only: bool


def test_connection(credentials: Credentials, timeout: float, policy: HostPolicy) -> ConnectionFacts:
    """Connect with these credentials and ask the server who it is.

    Args:
        credentials: to be tested.
        timeout: seconds for each of: the resolver, the connection, the answer.
        policy: where connections may go.

    Raises:
        ConversionError: with the contract's code; ``failures.SUGGESTIONS`` has what may help.
    """
    started = time.monotonic()
    if credentials.connector_type == "sqlite":
        kind, version, encrypted, read_only = "SQLite", sqlite_file.check(credentials, policy, timeout), False, True
    else:
        with tempfile.TemporaryDirectory(prefix="tundra-test-") as directory:
            endpoint = find_endpoint(credentials, policy, timeout, Path(directory))
            ask = _ask_postgresql if credentials.connector_type == "postgresql" else _ask_mysql
            kind, version, encrypted, read_only = ask(endpoint, timeout)
    return ConnectionFacts(kind, 1, version, encrypted, round((time.monotonic() - started) * 1000, 1), read_only)


# Its name is the contract's; pytest must not take it for a test of its own.
test_connection.__test__ = False  # type: ignore[attr-defined]


def _ask_postgresql(endpoint: Endpoint, timeout: float) -> tuple[str, str, bool, bool]:
    with connect_postgresql(endpoint, timeout) as connection, _answer_expected():
        connection.execute(f"SET statement_timeout = {int(timeout * 1000)}")
        row: Any = connection.execute(_POSTGRESQL).fetchone()
        return "PostgreSQL", row[0], connection.pgconn.ssl_in_use, row[1]


def _ask_mysql(endpoint: Endpoint, timeout: float) -> tuple[str, str, bool, bool]:
    with closing(connect_mysql(endpoint, timeout)) as connection, connection.cursor() as cursor, _answer_expected():
        cursor.execute(_MYSQL)
        row: Any = cursor.fetchone()
        kind = "MariaDB" if "mariadb" in row[0].lower() else "MySQL"
        return kind, row[0], is_encrypted(connection), bool(row[1])


@contextmanager
def _answer_expected() -> Iterator[None]:
    try:
        yield
    except (psycopg.Error, pymysql.err.Error) as error:
        raise connection_lost(str(error)) from error
