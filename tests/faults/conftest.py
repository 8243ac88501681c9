"""Portals that tests may break, on the embedded default and on PostgreSQL with Redis."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.databases.servers import PostgresServer, running
from tests.faults.servers import RedisServer, database_url
from tests.portal import Portal
from tests.store import signature
from tests.store.client import ObjectStore


@pytest.fixture(scope="package")
def redis_server() -> Iterator[RedisServer]:
    """A private Redis."""
    with running(RedisServer()) as server:
        yield server


@pytest.fixture(scope="package")
def portal_database() -> Iterator[PostgresServer]:
    """A PostgreSQL server for portals to keep their jobs in, apart from those that are sources: it will break."""
    with running(PostgresServer()) as server:
        with server.connect_as_owner() as owner:  # what was committed must survive a crash
            owner.execute("ALTER SYSTEM SET synchronous_commit = 'on'")
            owner.execute("SELECT pg_reload_conf()")
        yield server


@pytest.fixture(scope="package")
def embedded(tmp_path_factory: pytest.TempPathFactory, store: ObjectStore) -> Iterator[Portal]:
    """A portal on the embedded default."""
    home = tmp_path_factory.mktemp("embedded")
    with Portal(home, store_hosts=[store.host], RATE_LIMIT_ENABLED="false", MAX_CONCURRENT_CONVERSIONS="3") as portal:
        yield portal


@pytest.fixture(scope="package")
def scaled_out(
    tmp_path_factory: pytest.TempPathFactory,
    store: ObjectStore,
    portal_database: PostgresServer,
    redis_server: RedisServer,
) -> Iterator[Portal]:
    """A portal on PostgreSQL, Redis and a bucket, for several machines: another configuration, nothing else."""
    home = tmp_path_factory.mktemp("scaled-out")
    with Portal(
        home,
        store_hosts=[store.host],
        RATE_LIMIT_ENABLED="false",
        MAX_CONCURRENT_CONVERSIONS="3",
        DATABASE_URL=database_url(portal_database, "portal"),
        REDIS_URL=redis_server.url,
        STORAGE_URL=f"s3://kept?endpoint={store.url}&region={signature.REGION}",
        AWS_ACCESS_KEY_ID=signature.ACCESS_KEY,
        AWS_SECRET_ACCESS_KEY=signature.SECRET_KEY,
        SECRET_KEY="one key for all the machines, and as long as it has to be",
    ) as portal:
        yield portal


@pytest.fixture(autouse=True)
def _no_faults_remain(store: ObjectStore) -> Iterator[None]:
    yield
    store.clear_faults()
