"""What every secret store is, and how it fails."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from connectors.errors import ConversionError, Denied, InvalidRequest, NotFound, UpstreamFailed

Result = TypeVar("Result")
MAX_SECRET_BYTES = 65_536  # Secret Manager's own limit
ID_PATTERN = r"^[A-Za-z0-9_-]{1,255}$"


class SecretStore(Protocol):
    """Secrets by id. Every method may raise a ConversionError of this module and nothing else that is expected."""

    def get(self, secret_id: str) -> str:
        """The latest version of a secret: JSON as it was put.

        Raises:
            SecretNotFound, SecretAccessDenied, SecretStoreUnavailable: why there is none.
        """
        ...

    def get_fresh(self, secret_id: str) -> str:
        """The same, asking the store itself even where a cache knows an answer."""
        ...

    def put(self, secret_id: str, payload: str) -> None:
        """Store a secret, or a new version of it."""
        ...

    def delete(self, secret_id: str) -> None:
        """Remove a secret with all its versions; nothing happens when there is none."""
        ...

    def check(self) -> None:
        """Return when the store answers.

        Raises:
            ConversionError: why it does not.
        """
        ...


class SecretNotFound(NotFound):
    """The store has no such secret (404)."""

    code = "secret_not_found"

    def __init__(self, secret_id: str) -> None:
        super().__init__(f"There are no credentials '{secret_id}', or you may not use them.")


class SecretAccessDenied(Denied):
    """The store knows who the portal is and refuses it (403)."""

    code = "secret_access_denied"


class SecretStoreUnavailable(UpstreamFailed):
    """The store does not answer, or not in time (502)."""

    code = "secret_manager_unavailable"
    retryable = True


class SecretUnreadable(UpstreamFailed):
    """The store holds something that cannot be opened (502)."""

    code = "secret_unreadable"


def check_id(secret_id: str) -> str:
    """The id itself, when it is one.

    Raises:
        InvalidRequest: it has other characters or is too long.
    """
    if not re.fullmatch(ID_PATTERN, secret_id):
        raise InvalidRequest(
            f"'{secret_id[:80]}' cannot be a credentials_id: use 1 to 255 letters, digits, hyphens and underscores.",
            code="invalid_credentials_id",
        )
    return secret_id


def check_payload(payload: str) -> bytes:
    """The payload as the bytes that are stored.

    Raises:
        InvalidRequest: it is empty or too large for a secret.
    """
    try:
        encoded = payload.encode()
    except UnicodeEncodeError as error:
        raise InvalidRequest(
            "Credentials have to be text that UTF-8 can hold; these have half of a surrogate pair.",
            code="invalid_credentials",
        ) from error
    if not 0 < len(encoded) <= MAX_SECRET_BYTES:
        raise InvalidRequest(
            f"Credentials have to be 1 to {MAX_SECRET_BYTES:,} bytes of JSON; these are {len(encoded):,}.",
            code="invalid_credentials",
        )
    return encoded


def parse_secret(payload: str) -> dict[str, Any]:
    """A secret's JSON as a mapping. What is in it is for ``Credentials.parse`` to judge.

    Raises:
        InvalidRequest: it is no JSON object. The text is not quoted: it may be a password.
    """
    try:
        values = json.loads(payload)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise InvalidRequest("The credentials are not a JSON object.", code="invalid_credentials")
    return values


def use_secret(store: SecretStore, secret_id: str, use: Callable[[str], Result]) -> Result:
    """What ``use`` makes of the secret; once more with a fresh one when the database refuses the password.

    A password that was changed behind the cache's back thus costs one attempt, not an hour.

    Raises:
        ConversionError: from the store or from ``use``.
    """
    known = store.get(secret_id)
    try:
        return use(known)
    except ConversionError as refused:
        if refused.code != "authentication_failed":
            raise
        fresh = store.get_fresh(secret_id)
        if fresh == known:
            raise
    return use(fresh)
