"""A portal whose lines and figures belong to one module of tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.portal import Portal
from tests.store.client import ObjectStore

METRICS_TOKEN = "a-token-for-the-scraper"


@pytest.fixture(scope="package")
def observed(tmp_path_factory: pytest.TempPathFactory, store: ObjectStore) -> Iterator[Portal]:
    """A portal as on Google Cloud: its project is known, Prometheus has a token, and memory is short."""
    with Portal(
        tmp_path_factory.mktemp("observed"),
        store_hosts=[store.host],
        RATE_LIMIT_ENABLED="false",
        MAX_CONCURRENT_CONVERSIONS="2",
        MAX_MEMORY_USAGE_GB="0.15",
        GCP_PROJECT_ID="tundra-test",
        SECRET_STORE="local",
        METRICS_TOKEN=METRICS_TOKEN,
    ) as running:
        yield running
