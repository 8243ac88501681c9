"""A database source, opened with a secret that only this process sees."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

from connectors.databases import ending
from connectors.databases.credentials import Credentials
from connectors.databases.estimate import estimate
from connectors.databases.hosts import HostPolicy
from connectors.databases.opening import open_database
from connectors.databases.request import DatabaseRequest
from connectors.errors import ConversionError, UpstreamFailed
from connectors.retries import Transient, repeat
from connectors.secrets.opening import StoreConfig, open_store
from connectors.secrets.store import SecretStore, parse_secret, use_secret
from connectors.source import Source
from conversions.pipeline.attempt import Attempt

T = TypeVar("T")
_LOST = "connection_lost"
# What a server that is being restarted may answer.
_NOT_BACK = {"connection_refused", "connection_failed", "timeout", "too_many_connections"}
_NOT_BACK_SECONDS = 5.0


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


def from_the_beginning(extract: Callable[[], T], attempt: Attempt) -> T:
    """Do all of an extract, and all of it again in a new snapshot when the connection that held the old one was lost.

    A server that is being restarted is waited for. One that was never reached is not.

    Raises:
        ConversionError: the connection is lost each time, the server does not come back, or anything else went wrong.
    """

    def try_once(number: int) -> T:
        try:
            return extract()
        except UpstreamFailed as error:
            if error.code == _LOST or (number > 1 and error.code in _NOT_BACK):
                attempt.warnings.forget()
                pause = 0.0 if error.code == _LOST else _NOT_BACK_SECONDS
                raise Transient(error.message, code=error.code, hint=error.hint, retry_after=pause) from error
            raise

    return repeat(try_once, deadline=attempt.deadline)


def estimated(attempt: Attempt) -> dict[str, int | None]:
    """What the database expects the whole request to bring; where it does not say, a warning says why."""
    secret = _store(attempt).get(attempt.assignment.request["credentials_id"])
    limits = attempt.assignment.limits
    wanted = DatabaseRequest.parse(attempt.assignment.request, limits.max_partitions)
    try:
        return asdict(estimate(wanted, _credentials(attempt, secret), limits.connect_timeout, _policy(attempt)))
    except ConversionError as error:
        attempt.warnings.add("no_estimate", f"There is no estimate: {error.message}")
        return {"rows": None, "bytes": None}


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
