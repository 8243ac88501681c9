"""The one place that calls ConnectorX: panics and its errors leave as ``ReadFailed`` with the server's words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import connectorx
import pyarrow as pa


class ReadFailed(Exception):
    """ConnectorX gave up: the text says why, in the server's words where they are known."""


@dataclass(frozen=True, slots=True)
class Session:
    """How ConnectorX connects.

    Attributes:
        uri: with the password inside: never shown.
        before: statements run on every connection before its query.
    """

    uri: str
    before: tuple[str, ...]

    def __repr__(self) -> str:
        return "Session(…)"


def fetch(session: Session, query: str) -> pa.Table:
    """The whole result of one bounded query. Other threads run meanwhile.

    Raises:
        ReadFailed: the server or ConnectorX failed.
    """
    try:
        table = connectorx.read_sql(
            session.uri,
            query,
            return_type="arrow",
            protocol="binary",
            pre_execution_query=list(session.before),
        )
    except BaseException as error:  # noqa: BLE001 - a Rust panic is a BaseException
        raise _failure(error) from None
    return cast("pa.Table", table)


def stream(session: Session, queries: Sequence[str], batch_rows: int) -> Iterator[pa.RecordBatch]:
    """The results of queries that run at the same time, each on a connection of its own, as they come.

    Returns once every connection has run ``session.before``. There is no back-pressure, and waiting holds the GIL.

    Raises:
        ReadFailed: now or while iterating.
    """
    try:
        reader: Any = connectorx.read_sql(
            session.uri,
            list(queries),
            return_type="arrow_stream",
            protocol="binary",
            batch_size=batch_rows,
            pre_execution_query=list(session.before),
        )
    except BaseException as error:  # noqa: BLE001 - a Rust panic is a BaseException
        raise _failure(error) from None
    return _batches(reader)


def _batches(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    while True:
        try:
            batch = reader.read_next_batch()
        except StopIteration:
            return
        except BaseException as error:  # noqa: BLE001 - a Rust panic is a BaseException
            raise _failure(error) from None
        yield batch


def _failure(error: BaseException) -> BaseException:
    """What to raise instead: a request to stop stays what it is."""
    if isinstance(error, (KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError)):
        return error
    return ReadFailed(str(error))
