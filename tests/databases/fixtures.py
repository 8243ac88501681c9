"""The servers as fixtures, started once for a test session. Other test folders import them from here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.databases.servers import MariaServer, PostgresServer, running


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A private PostgreSQL server."""
    with running(PostgresServer()) as server:
        yield server


@pytest.fixture(scope="session")
def maria() -> Iterator[MariaServer]:
    """A private MariaDB server."""
    with running(MariaServer()) as server:
        yield server
