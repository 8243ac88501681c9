"""The stores that the tests of secrets share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User

from connectors.secrets.cache import CachedStore
from connectors.secrets.google import GoogleStore
from connectors.secrets.local import LocalStore
from tests.databases.fixtures import maria, postgres
from tests.databases.servers import PostgresServer
from tests.secrets.standin import SecretManagerStandIn

__all__ = ["maria", "postgres"]
KEY = "the portal's key"
PLANTED = "planted needle %5f1c/é"


@pytest.fixture(scope="session")
def secret_manager() -> Iterator[SecretManagerStandIn]:
    """A Secret Manager that speaks the real protocol."""
    with SecretManagerStandIn() as running:
        yield running


@pytest.fixture
def google_store(secret_manager: SecretManagerStandIn, request: pytest.FixtureRequest) -> GoogleStore:
    """A store in a project of the test's own."""
    return GoogleStore(f"project-{abs(hash(request.node.nodeid))}", secret_manager.endpoint)


@pytest.fixture
def local_store(tmp_path: Path) -> LocalStore:
    """An encrypted store in an empty directory."""
    return LocalStore(tmp_path / "stored", [KEY])


@pytest.fixture
def cached_store(google_store: GoogleStore, tmp_path: Path) -> CachedStore:
    """The Secret Manager store behind an hour's cache."""
    return CachedStore(google_store, tmp_path / "cached", [KEY], 3600)


@pytest.fixture
def portal_data(settings: LazySettings, tmp_path: Path) -> Path:
    """An embedded portal's data directory of the test's own."""
    settings.DATA_DIR = tmp_path
    return tmp_path


@pytest.fixture
def operator(db: None) -> User:
    """Who may do anything."""
    return User.objects.create_superuser("operator")


@pytest.fixture(scope="session")
def planted_account(postgres: PostgresServer) -> dict[str, object]:
    """Credentials that work, with a password that is easily found wherever it leaks."""
    with postgres.connect_as_owner() as owner:
        owner.execute(f"CREATE ROLE planted LOGIN PASSWORD '{PLANTED}'")
    return postgres.credentials(username="planted", password=PLANTED)
