"""A private Redis server, and the environment of a portal that is configured to use it with PostgreSQL."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import redis

from tests.databases.servers import PostgresServer, Server


class RedisServer(Server):
    """Redis without persistence: when it goes down, all it held is lost."""

    account = "redis"

    def __init__(self) -> None:
        super().__init__()
        self._start(
            "redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
            "--dir", str(self.directory),
        )  # fmt: skip
        self._wait_until_ready()

    @property
    def url(self) -> str:
        """Where it is, as ``REDIS_URL``."""
        return f"redis://127.0.0.1:{self.port}/0"

    def connect_as_owner(self) -> Any:
        """A client that has been answered."""
        client = redis.Redis(port=self.port)
        try:
            client.ping()
        except redis.RedisError as error:
            client.close()
            raise OSError(str(error)) from error
        return client


def database_url(server: PostgresServer, name: str) -> str:
    """A new, empty database on a server, as ``DATABASE_URL``."""
    with server.connect_as_owner() as owner:
        owner.execute(f'CREATE DATABASE "{name}" OWNER tundra')
    return f"postgres://tundra:{quote(server.password, safe='')}@127.0.0.1:{server.port}/{name}"
