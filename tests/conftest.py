"""The real parts that tests share: one portal, one object store, each a process of its own."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

from tests.portal import Answer, Portal
from tests.store.client import ObjectStore

# An example may take as long as a busy machine makes it.
settings.register_profile("patient", settings.default, deadline=None)
settings.load_profile("patient")


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """An object store that verifies signatures."""
    with ObjectStore(tmp_path_factory.mktemp("store")) as running:
        yield running


@pytest.fixture(scope="session")
def portal(tmp_path_factory: pytest.TempPathFactory, store: ObjectStore) -> Iterator[Portal]:
    """A warm portal on the embedded default, without rate limits (they have tests of their own)."""
    home = tmp_path_factory.mktemp("portal")
    with Portal(home, store_hosts=[store.host], RATE_LIMIT_ENABLED="false", MAX_FILE_SIZE_MB="20") as running:
        yield running


# Packages whose tests share portals of their own, the longest first: whatever is left at the end is short.
TOGETHER = ("faults", "e2e", "browser", "api", "webhooks")


class TogetherScheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Hands out packages that share portals as a whole, and otherwise the tests of a file."""

    def _split_scope(self, nodeid: str) -> str:
        file = Path(nodeid.split("::", maxsplit=1)[0])
        return file.parent.name if file.parent.name in TOGETHER else str(file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> TogetherScheduling:
    """How several test processes share the work."""
    return TogetherScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long packages first."""

    def place(item: pytest.Item) -> int:
        package = item.path.parent.name
        return TOGETHER.index(package) if package in TOGETHER else len(TOGETHER)

    items.sort(key=place)


pytest_plugins = ["tests.databases.fixtures"]


class Converter:
    """Puts a file into the store, converts it through the API and reads the Parquet back."""

    def __init__(self, portal: Portal, store: ObjectStore, name: str) -> None:
        self.portal = portal
        self.store = store
        self.source = f"{name}/source"
        self.output = f"{name}/output.parquet"

    def request(self, content: bytes, kind: str, **fields: Any) -> dict[str, Any]:
        """The body of ``POST /convert/file`` for this content."""
        self.store.put(self.source, content)
        return {
            "source_url": self.store.presign("GET", self.source),
            "output_url": self.store.presign("PUT", self.output),
            "format": kind,
            **fields,
        }

    def try_(self, content: bytes, kind: str, **fields: Any) -> Answer:
        """Convert and return whatever is answered."""
        return self.portal.request("POST", "/convert/file", self.request(content, kind, **fields))

    def convert(self, content: bytes, kind: str, **fields: Any) -> tuple[dict[str, Any], pa.Table]:
        """Convert; the answer's metadata, and the table as pyarrow reads it. DuckDB has to agree on the rows."""
        metadata = self.portal.post("/convert/file", self.request(content, kind, **fields))["metadata"]
        delivered = self.store.get(self.output)
        table = pq.read_table(io.BytesIO(delivered))
        assert rows_by_duckdb(self.store, self.output) == table.num_rows == metadata["rows"]
        return metadata, table


def rows_by_duckdb(store: ObjectStore, key: str) -> int:
    """A second reader's count of the delivered rows."""
    with NamedTemporaryFile(suffix=".parquet") as file, duckdb.connect() as connection:
        file.write(store.get(key))
        file.flush()
        found = connection.execute("SELECT count(*) FROM read_parquet(?)", [file.name]).fetchone()
    assert found is not None
    return int(found[0])


@pytest.fixture
def converter(portal: Portal, store: ObjectStore, request: pytest.FixtureRequest) -> Converter:
    """A converter with names of its own in the store."""
    return Converter(portal, store, request.node.name.replace("/", "_").replace("[", "-").replace("]", ""))


@pytest.fixture
def wait_for(portal: Portal) -> Callable[[str], dict[str, Any]]:
    """Wait until a job has ended and return it."""

    def wait(job_id: str) -> dict[str, Any]:
        import time

        for _ in range(600):
            job = portal.request("GET", f"/jobs/{job_id}").body
            if job["status"] in ("succeeded", "failed", "cancelled"):
                return dict(job)
            time.sleep(0.05)
        raise AssertionError(f"job {job_id} did not end: {job}")

    return wait
