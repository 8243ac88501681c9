"""Reading a source as the portal does, through a Parquet file and back with another reader."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from connectors.databases.credentials import Credentials
from connectors.databases.hosts import HostPolicy
from connectors.databases.opening import open_database
from connectors.databases.request import DatabaseRequest
from connectors.source import Column, Context, Notice, SchemaChanged, Source, schema_of
from tests.databases.servers import MariaServer, PostgresServer

AnyServer = PostgresServer | MariaServer
ALLOW_LOOPBACK = HostPolicy(allow_loopback=True)


@dataclass(frozen=True)
class Extract:
    """What came out: the table as another reader sees it, and the account of it."""

    table: pa.Table
    columns: dict[str, Column]
    facts: dict[str, Any]
    warnings: list[Notice]

    def values(self, column: str | int = 0) -> list[Any]:
        return list(self.table.column(column).to_pylist())


@contextmanager
def opened(server: AnyServer, **fields: Any) -> Iterator[Source]:
    """A source as a job opens it."""
    kind = connector_type(server)
    credentials = Credentials.parse(kind, server.credentials())
    request = DatabaseRequest.parse({"connector_type": kind, **fields})
    with (
        tempfile.TemporaryDirectory() as directory,
        open_database(request, credentials, Context(temp_dir=Path(directory)), ALLOW_LOOPBACK, 60.0) as source,
    ):
        yield source


def extract(server: AnyServer, seconds: float = 60.0, database: str = "tundra", **fields: Any) -> Extract:
    """Read everything a request asks for, with so much time for each statement."""
    kind = connector_type(server)
    credentials = Credentials.parse(kind, server.credentials(database=database))
    request = DatabaseRequest.parse({"connector_type": kind, **fields})
    with tempfile.TemporaryDirectory() as directory:
        context = Context(temp_dir=Path(directory))
        with open_database(request, credentials, context, ALLOW_LOOPBACK, seconds) as source:
            path = Path(directory) / "out.parquet"
            pq.write_table(_all_rows(source), path)
            columns = {column.name: column for column in source.columns}
            return Extract(pq.read_table(path), columns, dict(source.facts), list(context.warnings.items))


def connector_type(server: AnyServer) -> str:
    return "postgresql" if isinstance(server, PostgresServer) else "mysql"


def _all_rows(source: Source) -> pa.Table:
    try:
        batches = list(source.batches())
    except SchemaChanged:
        batches = list(source.batches())
    return pa.Table.from_batches(batches, schema_of(source.columns))
