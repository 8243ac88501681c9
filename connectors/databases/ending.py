"""End what a reader left behind on a server: a process that was killed cannot do it itself."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import psycopg
import pymysql
from pymysql.constants import ER

from connectors.databases.connecting import connect_mysql, connect_postgresql, find_endpoint
from connectors.databases.credentials import Credentials
from connectors.databases.hosts import HostPolicy
from connectors.source import Context

_POSTGRESQL = """
    SELECT pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity
    WHERE application_name = %s AND pid <> pg_backend_pid()
"""


def end_sessions(credentials: Credentials, context: Context, policy: HostPolicy) -> None:
    """End every session on the server that was opened under ``context.session``.

    Raises:
        ConversionError: the server cannot be connected to.
    """
    if credentials.connector_type == "sqlite":
        return  # read in the process itself, and ended with it
    endpoint = find_endpoint(credentials, policy, context.connect_timeout, context.temp_dir)
    if credentials.connector_type == "postgresql":
        with closing(connect_postgresql(endpoint, context.connect_timeout)) as connection:
            end_postgresql_sessions(connection, context.session)
    else:
        with closing(connect_mysql(endpoint, context.connect_timeout)) as connection:
            end_mysql_sessions(connection, context.session)


def end_postgresql_sessions(connection: psycopg.Connection[Any], session: str) -> None:
    """End the sessions whose application is called ``session``, this connection's own excepted."""
    connection.execute(_POSTGRESQL, [session])


def end_mysql_sessions(connection: pymysql.Connection[Any], session: str) -> None:
    """End the connections that hold the lock ``<session>-<their id>``: MySQL has no names for connections."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM information_schema.processlist")
        for (number,) in cursor.fetchall():
            cursor.execute("SELECT IS_USED_LOCK(%s)", (f"{session}-{number}",))
            if cursor.fetchone() == (number,):
                _kill(cursor, number)


def _kill(cursor: Any, number: int) -> None:
    """End a connection, which may end by itself at this very moment."""
    try:
        cursor.execute(f"KILL {number:d}")
    except pymysql.err.OperationalError as error:
        if error.args[0] != ER.NO_SUCH_THREAD:
            raise
