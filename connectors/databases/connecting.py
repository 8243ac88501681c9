"""Connections to database servers: one attempt, one checked address, TLS as asked for, failures with the right code.

The ordinary drivers connect first, because they are quick and say exactly what is wrong. ConnectorX then goes to the
same address. It cannot check a PostgreSQL server's host name itself: with ``verify-full`` the driver has proved it at
this very address, and ConnectorX still demands a certificate of the same authorities. For MySQL it checks the name.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote, urlencode

import certifi
import psycopg
import pymysql

from connectors.databases.credentials import Credentials
from connectors.databases.failures import connection_failed
from connectors.databases.hosts import HostPolicy, resolve
from connectors.errors import ConversionError

_MYSQL_TLS = {"verify-ca": "VERIFY_CA", "verify-full": "VERIFY_IDENTITY"}
_POSTGRESQL_SIGNS = (
    ("ssl_verification_failed", ("certificate verify failed", "does not match host name", "tlsv1 alert unknown ca")),
    ("ssl_required", ("does not support SSL", "SSL off", "no encryption", "requires SSL")),
    ("database_not_found", ('database "', "permission denied for database")),
    ("too_many_connections", ("too many clients", "remaining connection slots", "too many connections")),
    ("authentication_failed", ("authentication failed", "no pg_hba.conf entry", 'role "', "no password supplied",
                               "not permitted to log in", "pg_hba.conf rejects", "authentication method")),
    ("connection_refused", ("Connection refused", "No route to host", "Network is unreachable")),
    ("timeout", ("timeout expired", "timed out")),
)  # fmt: skip
_MYSQL_CODES = {
    1040: "too_many_connections",
    1044: "database_not_found",
    1045: "authentication_failed",
    1049: "database_not_found",
    1130: "authentication_failed",
    1203: "too_many_connections",
    1226: "too_many_connections",
    1251: "authentication_failed",
    1524: "authentication_failed",
    1698: "authentication_failed",
    1820: "authentication_failed",
    1862: "authentication_failed",
    2026: "ssl_required",
    3118: "authentication_failed",
    3159: "ssl_required",
    4151: "authentication_failed",
}
_NOT_MYSQL = (struct.error, ValueError, IndexError, AssertionError, TypeError, RuntimeError)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server's checked addresses, and whom to trust there.

    Attributes:
        addresses: the only ones that are connected to; the first that accepts is used.
        root_cert: PEM file of the authorities that may have signed the server's certificate.
    """

    credentials: Credentials
    addresses: tuple[str, ...]
    root_cert: Path

    def __str__(self) -> str:
        return f"{self.credentials.host}:{self.credentials.port}"


def find_endpoint(credentials: Credentials, policy: HostPolicy, timeout: float, directory: Path) -> Endpoint:
    """Resolve and check the host; keep the trusted certificates in ``directory``, for drivers that want a file.

    Raises:
        ConversionError: ``host_not_found``, ``timeout`` or ``host_not_allowed``.
    """
    addresses = resolve(credentials.host, credentials.port, policy, timeout)
    root_cert = Path(certifi.where())
    if credentials.ssl_root_cert is not None:
        root_cert = directory / "database-root.pem"
        root_cert.write_text(credentials.ssl_root_cert, encoding="utf-8")
    return Endpoint(credentials, tuple(addresses), root_cert)


def connect_postgresql(endpoint: Endpoint, timeout: float, name: str = "tundra") -> psycopg.Connection[Any]:
    """An autocommitting connection.

    Args:
        endpoint: where to.
        timeout: seconds until the attempt is given up; libpq rounds to whole seconds, at least 2.
        name: what the server's lists of connections call it.

    Raises:
        ConversionError: with one of the contract's codes.
    """
    wanted = endpoint.credentials
    verifies = wanted.ssl_mode.startswith("verify") or wanted.ssl_root_cert is not None
    try:
        return psycopg.connect(
            host=",".join([wanted.host] * len(endpoint.addresses)),
            hostaddr=",".join(endpoint.addresses),
            port=wanted.port,
            dbname=wanted.database,
            user=wanted.username,
            password=wanted.password,
            sslmode=wanted.ssl_mode,
            sslrootcert=str(endpoint.root_cert) if verifies else "",
            gssencmode="disable",
            passfile="",
            client_encoding="UTF8",
            application_name=name,
            connect_timeout=max(2, int(timeout)),
            autocommit=True,
        )
    except psycopg.Error as error:
        raise _postgresql_failure(endpoint, error, timeout) from error


def connect_mysql(endpoint: Endpoint, timeout: float) -> pymysql.Connection[Any]:
    """An autocommitting connection; its reads have no time limit once it stands.

    Raises:
        ConversionError: with one of the contract's codes.
    """
    wanted = endpoint.credentials
    connection: Any = pymysql.Connection(
        host=wanted.host,
        port=wanted.port,
        user=wanted.username,
        # PyMySQL would encode text as Latin-1.
        password=wanted.password.encode(),
        database=wanted.database,
        charset="utf8mb4",
        autocommit=True,
        connect_timeout=timeout,
        read_timeout=timeout,
        defer_connect=True,
        **_mysql_tls(endpoint),
    )
    try:
        connection.connect(_first_to_accept(endpoint, timeout))
    except (pymysql.err.Error, OSError, *_NOT_MYSQL) as error:
        raise _mysql_failure(endpoint, error, timeout) from error
    connection._read_timeout = None
    return cast("pymysql.Connection[Any]", connection)


def is_encrypted(connection: pymysql.Connection[Any]) -> bool:
    """Whether a MySQL connection runs over TLS."""
    return bool(cast("Any", connection)._secure)


def postgresql_url(endpoint: Endpoint, connection: psycopg.Connection[Any], name: str) -> str:
    """What ConnectorX connects with: the address and the encryption of the driver's connection.

    Args:
        endpoint: where to.
        connection: the driver's.
        name: what the server's lists of connections call it.
    """
    options = {
        "application_name": name,
        "sslmode": "require" if connection.pgconn.ssl_in_use else "disable",
        "cxprotocol": "binary",
    }
    if endpoint.credentials.ssl_mode.startswith("verify"):
        options["sslrootcert"] = str(endpoint.root_cert)
    return _url(endpoint, connection.info.hostaddr, options)


def mysql_url(endpoint: Endpoint, connection: pymysql.Connection[Any]) -> str:
    """As ``postgresql_url``. With ``verify-full`` it names the host, so that ConnectorX can check the certificate."""
    mode = endpoint.credentials.ssl_mode
    # Without the last one a connection to this machine would move to the server's Unix socket, away from TLS.
    options = {"cxprotocol": "binary", "prefer_socket": "false"}
    if is_encrypted(connection):
        options["ssl-mode"] = _MYSQL_TLS.get(mode, "REQUIRED")
    if mode in _MYSQL_TLS:
        options["ssl-ca"] = str(endpoint.root_cert)
    address = cast("Any", connection)._sock.getpeername()[0]
    return _url(endpoint, endpoint.credentials.host if mode == "verify-full" else address, options)


def _url(endpoint: Endpoint, host: str, options: dict[str, str]) -> str:
    wanted = endpoint.credentials
    user, password, database = (quote(part, safe="") for part in (wanted.username, wanted.password, wanted.database))
    shown = f"[{host}]" if ":" in host else host
    return f"{wanted.connector_type}://{user}:{password}@{shown}:{wanted.port}/{database}?{urlencode(options)}"


def _first_to_accept(endpoint: Endpoint, timeout: float) -> socket.socket:
    """A connected socket; the last address has the last word."""
    *others, last = endpoint.addresses
    for address in others:
        with contextlib.suppress(OSError):
            return _connected(address, endpoint.credentials.port, timeout)
    return _connected(last, endpoint.credentials.port, timeout)


def _connected(address: str, port: int, timeout: float) -> socket.socket:
    connected = socket.create_connection((address, port), timeout)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return connected


def _mysql_tls(endpoint: Endpoint) -> dict[str, Any]:
    mode = endpoint.credentials.ssl_mode
    if mode == "disable":
        return {"ssl_disabled": True}
    if mode == "prefer":
        return {}
    trust = ssl.create_default_context(cafile=str(endpoint.root_cert))
    # The certificates that servers make for themselves are no strict X.509.
    trust.verify_flags &= ~ssl.VERIFY_X509_STRICT
    trust.check_hostname = mode == "verify-full"
    if mode == "require":
        trust.verify_mode = ssl.CERT_NONE
    return {"ssl": trust}


def _postgresql_failure(endpoint: Endpoint, error: psycopg.Error, timeout: float) -> ConversionError:
    text = str(error)
    if isinstance(error, psycopg.errors.ConnectionTimeout):
        return _failure("timeout", endpoint, f"no answer within {timeout:g} seconds")
    for code, signs in _POSTGRESQL_SIGNS:
        if any(sign in text for sign in signs):
            return _failure(code, endpoint, text)
    return _failure("connection_failed", endpoint, text)


def _mysql_failure(endpoint: Endpoint, error: Exception, timeout: float) -> ConversionError:
    cause = getattr(error, "original_exception", error)
    if isinstance(cause, TimeoutError) or "timed out" in str(error):
        return _failure("timeout", endpoint, f"no answer within {timeout:g} seconds")
    if isinstance(cause, ssl.SSLError):
        return _failure("ssl_verification_failed", endpoint, str(cause))
    if isinstance(cause, _NOT_MYSQL):
        return _failure("connection_failed", endpoint, "what answers there is not a MySQL or MariaDB server")
    if isinstance(cause, OSError):
        return _failure("connection_refused", endpoint, cause.strerror or str(cause))
    number, text = cause.args[0], str(cause.args[-1])
    return _failure(_MYSQL_CODES.get(number, "connection_failed"), endpoint, text)


def _failure(code: str, endpoint: Endpoint, server_says: str) -> ConversionError:
    last = server_says.strip().splitlines()[-1] if server_says.strip() else "the server ended the connection"
    reason = last.rpartition("FATAL:")[2].strip().rstrip(".")[:300]
    return connection_failed(code, f"The connection to {endpoint} failed: {reason}.")
