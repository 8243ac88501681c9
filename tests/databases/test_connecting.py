"""Connections: what goes wrong has its own code, and ssl_mode means what it says, for both readers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import connectorx
import pytest

from connectors.databases.connecting import (
    connect_mysql,
    connect_postgresql,
    find_endpoint,
    is_encrypted,
    mysql_url,
    postgresql_url,
)
from connectors.databases.connection_test import ConnectionFacts, test_connection
from connectors.databases.credentials import Credentials
from connectors.databases.failures import SUGGESTIONS
from connectors.databases.hosts import HostPolicy
from connectors.errors import ConversionError, UpstreamFailed
from tests.databases.certificates import Authority
from tests.databases.servers import MariaServer, PostgresServer, Server, free_port, running

HERE = HostPolicy(allow_loopback=True)
KINDS = {"postgresql": "postgres", "mysql": "maria"}
IS_ENCRYPTED = {
    "postgresql": "SELECT ssl::int AS tls FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
    "mysql": "SELECT CAST(variable_value <> '' AS SIGNED) AS tls FROM information_schema.session_status "
    "WHERE variable_name = 'ssl_cipher'",
}
AUTHORITY = Authority("the right authority")
STRANGER = Authority("somebody else")


@pytest.fixture(params=list(KINDS))
def server(request: pytest.FixtureRequest) -> tuple[str, Server]:
    """Each of the two kinds of server, without TLS."""
    return request.param, request.getfixturevalue(KINDS[request.param])


@pytest.fixture(scope="module")
def tls_postgres() -> Iterator[PostgresServer]:
    with running(PostgresServer()) as started:
        started.use_certificate(*AUTHORITY.issue("localhost"))
        yield started


@pytest.fixture(scope="module")
def tls_maria() -> Iterator[MariaServer]:
    with running(MariaServer(certificate=AUTHORITY.issue("localhost"))) as started:
        yield started


@pytest.fixture(params=list(KINDS))
def tls_server(request: pytest.FixtureRequest) -> tuple[str, Server]:
    """Each of the two kinds of server, with a certificate for ``localhost``."""
    return request.param, request.getfixturevalue(f"tls_{KINDS[request.param]}")


def attempt(server: tuple[str, Server], **changes: Any) -> ConnectionFacts:
    kind, started = server
    return test_connection(Credentials.parse(kind, started.credentials(**changes)), 3, HERE)


def failure(server: tuple[str, Server], **changes: Any) -> ConversionError:
    with pytest.raises(ConversionError) as caught:
        attempt(server, **changes)
    return caught.value


def read_through_both(server: tuple[str, Server], directory: Path, **changes: Any) -> tuple[bool, int]:
    """Whether the driver's connection is encrypted, and what ConnectorX finds its own to be."""
    kind, started = server
    endpoint = find_endpoint(Credentials.parse(kind, started.credentials(**changes)), HERE, 3, directory)
    if kind == "postgresql":
        with connect_postgresql(endpoint, 3) as driver:
            tls, url = driver.pgconn.ssl_in_use, postgresql_url(endpoint, driver, "test")
    else:
        with closing(connect_mysql(endpoint, 3)) as driver:
            tls, url = is_encrypted(driver), mysql_url(endpoint, driver)
    table = connectorx.read_sql(url, IS_ENCRYPTED[kind], return_type="arrow")
    return tls, table.column(0)[0].as_py()


def test_a_good_connection_says_what_it_found(server: tuple[str, Server]) -> None:
    facts = attempt(server)
    assert facts.database_type == {"postgresql": "PostgreSQL", "mysql": "MariaDB"}[server[0]]
    assert facts.server_version[0].isdigit()
    assert (facts.rows_returned, facts.ssl, facts.read_only) == (1, False, False)
    assert facts.latency_ms > 0


def test_the_password_may_hold_any_character_for_connectorx_too(server: tuple[str, Server], tmp_path: Path) -> None:
    assert read_through_both(server, tmp_path) == (False, 0)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"password": "wrong"}, "authentication_failed"),
        ({"username": "nobody"}, "authentication_failed"),
        ({"database": "no_such_place"}, "database_not_found"),
        ({"host": "no-such-host.invalid"}, "host_not_found"),
        ({"ssl_mode": "require"}, "ssl_required"),
        ({"ssl_mode": "verify-full"}, "ssl_required"),
    ],
)
def test_each_failure_has_its_own_code(server: tuple[str, Server], changes: dict[str, str], code: str) -> None:
    error = failure(server, **changes)
    assert (error.code, error.http_status, error.retryable) == (code, 502, False)
    assert SUGGESTIONS[code]
    assert server[1].password not in error.message + str(error.hint)


def test_a_closed_port_is_refused(server: tuple[str, Server]) -> None:
    assert failure(server, port=free_port()).code == "connection_refused"


def test_a_server_that_never_answers_is_a_timeout(server: tuple[str, Server]) -> None:
    with answering(b"") as port:
        assert failure(server, port=port).code == "timeout"


@pytest.mark.parametrize("greeting", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00" * 64, b"\xff" * 64])
def test_something_that_is_no_database_is_an_error_of_ours(server: tuple[str, Server], greeting: bytes) -> None:
    with answering(greeting) as port:
        error = failure(server, port=port)
    assert isinstance(error, UpstreamFailed)


@contextmanager
def answering(greeting: bytes) -> Iterator[int]:
    """The port of something that answers every connection with the same bytes, and with silence then."""
    connections = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                connections.append(connection)
                if greeting:
                    connection.sendall(greeting)
                    connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()
    for connection in connections:
        connection.close()


def test_too_many_connections_may_be_tried_again(postgres: PostgresServer) -> None:
    with postgres.connect_as_owner() as owner:
        owner.execute("ALTER ROLE tundra CONNECTION LIMIT 0")
        try:
            error = failure(("postgresql", postgres))
        finally:
            owner.execute("ALTER ROLE tundra CONNECTION LIMIT -1")
    assert (error.code, error.retryable) == ("too_many_connections", True)


@pytest.mark.parametrize("mode", ["prefer", "require", "verify-ca", "verify-full"])
def test_a_right_certificate_is_accepted(tls_server: tuple[str, Server], mode: str, tmp_path: Path) -> None:
    changes = {"host": "localhost", "ssl_mode": mode, "ssl_root_cert": AUTHORITY.pem}
    assert attempt(tls_server, **changes).ssl
    assert read_through_both(tls_server, tmp_path, **changes) == (True, 1)


def test_disable_never_encrypts(tls_server: tuple[str, Server], tmp_path: Path) -> None:
    assert read_through_both(tls_server, tmp_path, ssl_mode="disable") == (False, 0)


@pytest.mark.parametrize("mode", ["prefer", "require"])
def test_no_certificate_is_needed_to_encrypt(tls_server: tuple[str, Server], mode: str, tmp_path: Path) -> None:
    assert read_through_both(tls_server, tmp_path, ssl_mode=mode) == (True, 1)


def test_a_certificate_for_another_host_passes_verify_ca_only(tls_server: tuple[str, Server], tmp_path: Path) -> None:
    trusting = {"host": "127.0.0.1", "ssl_root_cert": AUTHORITY.pem}
    assert read_through_both(tls_server, tmp_path, ssl_mode="verify-ca", **trusting) == (True, 1)
    assert failure(tls_server, ssl_mode="verify-full", **trusting).code == "ssl_verification_failed"


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
@pytest.mark.parametrize("trusted", [STRANGER.pem, None])
def test_an_unknown_authority_is_refused(tls_server: tuple[str, Server], mode: str, trusted: str | None) -> None:
    error = failure(tls_server, host="localhost", ssl_mode=mode, ssl_root_cert=trusted)
    assert error.code == "ssl_verification_failed"


def test_connectorx_itself_refuses_an_unknown_authority(
    tls_postgres: PostgresServer, tls_maria: MariaServer, tmp_path: Path
) -> None:
    """Both at once, because ConnectorX tries again for half a minute."""
    urls = [
        url_trusting_another("postgresql", tls_postgres, tmp_path),
        url_trusting_another("mysql", tls_maria, tmp_path),
    ]
    with ThreadPoolExecutor() as threads:
        for error in threads.map(reading_error, urls):
            assert "certificate" in str(error)


def url_trusting_another(kind: str, server: Server, directory: Path) -> str:
    """A URL made with the right authority, whose file then has the certificate of another."""
    directory = directory / kind
    directory.mkdir()
    wanted = server.credentials(host="localhost", ssl_mode="verify-full", ssl_root_cert=AUTHORITY.pem)
    endpoint = find_endpoint(Credentials.parse(kind, wanted), HERE, 3, directory)
    if kind == "postgresql":
        with connect_postgresql(endpoint, 3) as driver:
            url = postgresql_url(endpoint, driver, "test")
    else:
        with closing(connect_mysql(endpoint, 3)) as driver:
            url = mysql_url(endpoint, driver)
    endpoint.root_cert.write_text(STRANGER.pem)
    return url


def reading_error(url: str) -> RuntimeError:
    with pytest.raises(RuntimeError) as caught:
        connectorx.read_sql(url, "SELECT 1 AS one", return_type="arrow")
    return caught.value
