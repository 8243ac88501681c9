"""A store for the tests of the store itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.store.client import ObjectStore

CONTENT = bytes(range(256)) * 40


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    with ObjectStore(tmp_path_factory.mktemp("store")) as running:
        yield running


@pytest.fixture
def key(store: ObjectStore, request: pytest.FixtureRequest) -> Iterator[str]:
    """An object of the test's own; faults that it leaves behind are cleared."""
    name = f"folder/{request.node.name}.bin"
    store.put(name, CONTENT)
    yield name
    store.clear_faults()
