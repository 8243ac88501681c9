"""A database source, opened with a secret that only this process sees."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from connectors.databases.credentials import Credentials
from connectors.databases.hosts import HostPolicy
from connectors.databases.opening import open_database
from connectors.databases.request import DatabaseRequest
from connectors.secrets.opening import StoreConfig, open_store
from connectors.secrets.store import parse_secret, use_secret
from connectors.source import Source
from conversions.pipeline.attempt import Attempt


@contextmanager
def open_source(attempt: Attempt) -> Iterator[Source]:
    """Open the table or query that the request names.

    When the database refuses the password, the secret is read once more past its cache: it may just have been rotated.

    Raises:
        ConversionError: the secret or the database is not to be had.
    """
    store = open_store(StoreConfig.from_json(attempt.assignment.secret_store or {}))
    with ExitStack() as stack:
        yield use_secret(
            store,
            attempt.assignment.request["credentials_id"],
            lambda secret: stack.enter_context(_opened(attempt, secret)),
        )


@contextmanager
def _opened(attempt: Attempt, secret: str) -> Iterator[Source]:
    request, limits = attempt.assignment.request, attempt.assignment.limits
    credentials = Credentials.parse(request["connector_type"], parse_secret(secret))
    directory = limits.sqlite_directory
    policy = HostPolicy(limits.loopback_databases, Path(directory) if directory else None)
    wanted = DatabaseRequest.parse(request, limits.max_partitions)
    with open_database(wanted, credentials, attempt.context(), policy, limits.seconds) as source:
        yield source
