"""The stores that the tests of secrets share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.secrets.cache import CachedStore
from connectors.secrets.google import GoogleStore
from connectors.secrets.local import LocalStore
from tests.secrets.standin import SecretManagerStandIn

KEY = "the portal's key"


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
