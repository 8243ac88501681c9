"""A database source, opened with a secret that only this process sees."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from connectors.databases import ending
from connectors.databases.credentials import Credentials
from connectors.databases.hosts import HostPolicy
from connectors.databases.opening import open_database
from connectors.databases.request import DatabaseRequest
from connectors.secrets.opening import StoreConfig, open_store
from connectors.secrets.store import SecretStore, parse_secret, use_secret
from connectors.source import Source
from conversions.pipeline.attempt import Attempt


@contextmanager
def open_source(attempt: Attempt) -> Iterator[Source]:
    """Open the table or query that the request names.

    When the database refuses the password, the secret is read once more past its cache: it may just have been rotated.

    Raises:
        ConversionError: the secret or the database is not to be had.
    """
    if attempt.assignment.number > 1:
        end_sessions(attempt)
    with ExitStack() as stack:
        yield use_secret(
            _store(attempt),
            attempt.assignment.request["credentials_id"],
            lambda secret: stack.enter_context(_opened(attempt, secret)),
        )


def end_sessions(attempt: Attempt) -> None:
    """End what an earlier process of this job left running on the database server.

    Raises:
        ConversionError: the secret or the database is not to be had.
    """
    secret = _store(attempt).get(attempt.assignment.request["credentials_id"])
    credentials = _credentials(attempt, secret)
    ending.end_sessions(credentials, attempt.context(), _policy(attempt))


@contextmanager
def _opened(attempt: Attempt, secret: str) -> Iterator[Source]:
    request, limits = attempt.assignment.request, attempt.assignment.limits
    credentials = _credentials(attempt, secret)
    wanted = DatabaseRequest.parse(request, limits.max_partitions)
    with open_database(wanted, credentials, attempt.context(), _policy(attempt), limits.seconds) as source:
        yield source


def _store(attempt: Attempt) -> SecretStore:
    return open_store(StoreConfig.from_json(attempt.assignment.secret_store or {}))


def _credentials(attempt: Attempt, secret: str) -> Credentials:
    return Credentials.parse(attempt.assignment.request["connector_type"], parse_secret(secret))


def _policy(attempt: Attempt) -> HostPolicy:
    limits = attempt.assignment.limits
    return HostPolicy(limits.loopback_databases, Path(limits.sqlite_directory) if limits.sqlite_directory else None)
