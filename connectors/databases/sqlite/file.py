"""The way to a SQLite file: in the one directory that the operator allows, opened so that nothing can be written."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from connectors.databases.credentials import Credentials
from connectors.databases.failures import connection_failed, query_refused, query_timed_out, table_not_found
from connectors.databases.hosts import HostPolicy
from connectors.errors import ConversionError, InvalidRequest, UpstreamFailed

_BUSY_SECONDS = 5.0
_STEPS_BETWEEN_LOOKS_AT_THE_CLOCK = 100_000


def check(credentials: Credentials, policy: HostPolicy, seconds: float) -> str:
    """SQLite's version, once the file has proved to be a database.

    Raises:
        ConversionError: the connector is off, the file is missing, elsewhere or no database.
    """
    with opened(path_of(credentials, policy), seconds) as connection:
        connection.execute("SELECT count(*) FROM sqlite_master")
    return sqlite3.sqlite_version


@contextmanager
def opened(path: Path, seconds: float) -> Iterator[sqlite3.Connection]:
    """A connection that only reads, whose texts are bytes, and whose statements end when the time is over."""
    with mapped(path), closing(_connect(path)) as connection:
        _limit(connection, seconds)
        yield connection


def path_of(credentials: Credentials, policy: HostPolicy) -> Path:
    """The file that credentials name.

    Raises:
        ConversionError: the connector is off, or the file is missing or elsewhere.
    """
    if policy.sqlite_directory is None:
        raise InvalidRequest("The SQLite connector is off: no directory is allowed.", code="connector_off")
    allowed = policy.sqlite_directory.resolve()
    try:
        path = (allowed / credentials.database).resolve()
        is_file = path.is_file()
    except (OSError, RuntimeError):  # a name that is too long, links that lead in circles
        raise _no_file(credentials) from None
    if not path.is_relative_to(allowed):
        raise InvalidRequest("The SQLite file lies outside the allowed directory.", code="host_not_allowed")
    if not is_file:
        raise _no_file(credentials)
    return path


def _no_file(credentials: Credentials) -> ConversionError:
    return connection_failed("database_not_found", f"There is no SQLite file '{credentials.database[:200]}'.")


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode=ro", uri=True, timeout=_BUSY_SECONDS, isolation_level=None
    )
    # Bytes, because a text may hold what is no UTF-8; the columns decode them.
    connection.text_factory = bytes
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def _limit(connection: sqlite3.Connection, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    connection.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS_BETWEEN_LOOKS_AT_THE_CLOCK)


@contextmanager
def mapped(path: Path) -> Iterator[None]:
    """sqlite3's errors become ConversionErrors."""
    try:
        yield
    except sqlite3.Error as error:
        raise _described(error, path) from error


def _described(error: sqlite3.Error, path: Path) -> ConversionError:
    says = str(error)
    if "no such table" in says:
        return table_not_found(says)
    if says == "interrupted":
        return query_timed_out("the time is over")
    if "not authorized" in says or "prohibited" in says:
        return InvalidRequest(f"The query does more than read: {says}.", code="query_not_allowed")
    if "locked" in says or "busy" in says:
        return UpstreamFailed("The SQLite file is locked by a writer.", code="connection_lost", retryable=True)
    if isinstance(error, sqlite3.OperationalError) and "unable to open" not in says:
        return query_refused(says)
    return connection_failed("connection_failed", f"The SQLite file '{path.name}' cannot be read: {says}.")
