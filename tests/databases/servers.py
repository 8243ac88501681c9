"""Private PostgreSQL and MariaDB servers: own data directory, free port, gone when the test session ends.

Both refuse to run as root, so a test session that is root drops to the accounts their packages made.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import psycopg.sql
import pymysql

S = TypeVar("S", bound="Server")
PASSWORD = "p@ss/w:rd#? %&é'\"\\"
_POSTGRES_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "60",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "autovacuum": "off",
    "password_encryption": "scram-sha-256",
    "timezone": "Europe/Berlin",
}


class Server:
    """A server process of one kind. ``account`` is who it runs as when the session is root."""

    account: str

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="tundra-server-"))
        self.port = free_port()
        self.host = "127.0.0.1"
        self.database = "tundra"
        self.username = "tundra"
        self.password = PASSWORD
        self._log = (self.directory / "log").open("wb")
        self._process: subprocess.Popen[bytes] | None = None
        self._hand_over(self.directory)

    def credentials(self, **changes: Any) -> dict[str, Any]:
        """What a caller would store, with changes; a change to None leaves the field out."""
        fields = {
            "host": self.host,
            "port": self.port,
            "database": self.database,
            "username": self.username,
            "password": self.password,
            **changes,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def stop(self) -> None:
        """End the server and remove its data."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._log.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def freeze(self) -> None:
        """Be there and say nothing, until it goes down."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_down(self) -> None:
        """End at once, as a crash does; the data stay for ``come_back``."""
        assert self._process is not None
        self._process.send_signal(signal.SIGQUIT if isinstance(self, PostgresServer) else signal.SIGKILL)
        self._process.wait()

    def come_back(self) -> None:
        """Start again, on the same port and with the same data."""
        self._start(*self._command)
        self._wait_until_ready()

    def _start(self, *command: str) -> None:
        self._command = command
        self._process = subprocess.Popen(command, stdout=self._log, stderr=self._log, **self._drop_root())

    def _run(self, *command: str) -> None:
        subprocess.run(command, check=True, stdout=self._log, stderr=self._log, **self._drop_root())

    def _drop_root(self) -> dict[str, Any]:
        if os.geteuid() != 0:
            return {"cwd": self.directory}
        account = pwd.getpwnam(self.account)
        return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": [], "cwd": self.directory}

    def _hand_over(self, path: Path) -> None:
        if os.geteuid() == 0:
            account = pwd.getpwnam(self.account)
            os.chown(path, account.pw_uid, account.pw_gid)

    def place(self, name: str, content: bytes) -> Path:
        """Write a file that only the server may read."""
        path = self.directory / name
        path.write_bytes(content)
        path.chmod(0o600)
        self._hand_over(path)
        return path

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + 30
        while True:
            try:
                self.connect_as_owner().close()
            except (psycopg.OperationalError, pymysql.err.OperationalError, OSError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return

    def connect_as_owner(self) -> Any:
        """An administrator's connection, autocommitting."""
        raise NotImplementedError


class PostgresServer(Server):
    """PostgreSQL with the role ``tundra`` (password, SCRAM) that owns the database ``tundra``."""

    account = "postgres"

    def __init__(self) -> None:
        super().__init__()
        data = self.directory / "data"
        self._run(
            postgres_binary("initdb"), "-D", str(data), "-U", "postgres", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8",
            "-A", "trust", "--no-instructions",
        )  # fmt: skip
        (data / "pg_hba.conf").write_text("local all postgres trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
        settings = {**_POSTGRES_SETTINGS, "port": str(self.port), "unix_socket_directories": str(self.directory)}
        with (data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        self._start(postgres_binary("postgres"), "-D", str(data))
        self._wait_until_ready()
        with self.connect_as_owner() as owner:
            password = psycopg.sql.Literal(self.password).as_string(owner)
            owner.execute(f"CREATE ROLE tundra LOGIN PASSWORD {password}")
            owner.execute("CREATE DATABASE tundra OWNER tundra")

    def connect_as_owner(self, database: str = "postgres") -> psycopg.Connection[Any]:
        return psycopg.connect(
            host=str(self.directory), port=self.port, user="postgres", dbname=database, autocommit=True
        )

    def connect(self) -> psycopg.Connection[Any]:
        """A connection as the role that the portal uses, autocommitting."""
        return psycopg.connect(
            host=self.host, port=self.port, user=self.username, password=self.password, dbname=self.database,
            autocommit=True,
        )  # fmt: skip

    def execute(self, *statements: str) -> None:
        """Run statements as the portal's role."""
        with self.connect() as connection:
            for statement in statements:
                connection.execute(statement)

    def use_certificate(self, certificate: bytes, key: bytes) -> None:
        """Serve TLS with this certificate from the next connection on."""
        for name, path in (
            ("ssl_cert_file", self.place("server.crt", certificate)),
            ("ssl_key_file", self.place("server.key", key)),
            ("ssl", "on"),
        ):
            self._set(name, str(path))

    def _set(self, name: str, value: str) -> None:
        with self.connect_as_owner() as owner:
            owner.execute(f"ALTER SYSTEM SET {name} = '{value}'")
            owner.execute("SELECT pg_reload_conf()")
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with self.connect_as_owner() as owner:
                if owner.execute(f"SHOW {name}").fetchone() == (value,):
                    return
            time.sleep(0.02)


class MariaServer(Server):
    """MariaDB with the account ``tundra`` that may do anything in the database ``tundra``."""

    account = "mysql"

    def __init__(self, certificate: tuple[bytes, bytes] | None = None) -> None:
        super().__init__()
        tls = []
        if certificate is not None:
            paths = [self.place(name, pem) for name, pem in zip(("server.crt", "server.key"), certificate, strict=True)]
            tls = [f"--ssl-cert={paths[0]}", f"--ssl-key={paths[1]}"]
        data, socket_path = self.directory / "data", self.directory / "socket"
        own = f"--tmpdir={self.directory}"  # a server that starts deletes the temporary tables of others in its tmpdir
        self._socket = str(socket_path)
        self._run(
            "mariadb-install-db", "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal",
            "--skip-test-db", own,
        )  # fmt: skip
        self._start(
            mariadb_binary(), "--no-defaults", f"--datadir={data}", f"--socket={socket_path}", f"--port={self.port}",
            "--bind-address=127.0.0.1", "--innodb-buffer-pool-size=256M", "--innodb-flush-log-at-trx-commit=0",
            "--innodb-flush-method=nosync", "--innodb-doublewrite=0", "--character-set-server=utf8mb4",
            "--skip-name-resolve", own, *tls,
        )  # fmt: skip
        self._wait_until_ready()
        with self.connect_as_owner() as owner, owner.cursor() as cursor:
            cursor.execute("CREATE DATABASE tundra")
            cursor.execute("CREATE USER tundra@'%%' IDENTIFIED BY %s", (self.password,))
            cursor.execute("GRANT ALL ON tundra.* TO tundra@'%'")

    def connect_as_owner(self) -> pymysql.Connection[Any]:
        connection: pymysql.Connection[Any] = pymysql.Connection(user="root", autocommit=True, defer_connect=True)
        local = socket.socket(socket.AF_UNIX)
        try:
            local.connect(self._socket)
        except OSError:
            local.close()
            raise
        connection.connect(local)
        return connection

    def connect(self) -> pymysql.Connection[Any]:
        """A connection as the account that the portal uses, autocommitting."""
        return pymysql.connect(
            host=self.host, port=self.port, user=self.username, password=self.password.encode(),
            database=self.database, autocommit=True, charset="utf8mb4",
        )  # fmt: skip

    def execute(self, *statements: str) -> None:
        """Run statements as the portal's account, without the strictness that would refuse zero dates."""
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute("SET SESSION sql_mode = 'ALLOW_INVALID_DATES'")
            for statement in statements:
                cursor.execute(statement)


def postgres_binary(name: str) -> str:
    """The path of a PostgreSQL program; Debian keeps them off the PATH."""
    found = shutil.which(name) or next(iter(sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))), None)
    assert found, f"{name} is not installed: apt-get install postgresql"
    return str(found)


def mariadb_binary() -> str:
    """The path of the MariaDB server."""
    found = shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin:/usr/libexec")
    assert found, "mariadbd is not installed: apt-get install mariadb-server"
    return found


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(server: S) -> Iterator[S]:
    """A server for the length of a ``with`` block."""
    try:
        yield server
    finally:
        server.stop()
