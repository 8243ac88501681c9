"""The embedded store: encrypted files in the portal's own data directory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from connectors.secrets.files import EncryptedFiles, Sealed
from connectors.secrets.store import (
    SecretNotFound,
    SecretStoreUnavailable,
    SecretUnreadable,
    check_id,
    check_payload,
)


class LocalStore:
    """A ``SecretStore`` in a directory.

    Args:
        directory: made when the first secret is put.
        keys: master keys, the current one first; the others are those it replaced.
    """

    def __init__(self, directory: Path, keys: Sequence[str]) -> None:
        self._files = EncryptedFiles(directory, keys)

    def get(self, secret_id: str) -> str:
        """See ``SecretStore``.

        Raises:
            SecretUnreadable: it was encrypted with a key that is gone.
        """
        try:
            secret = self._files.read(check_id(secret_id))
        except Sealed as error:
            raise _unreadable(error) from error
        except OSError as error:
            raise _unavailable(error) from error
        if secret is None:
            raise SecretNotFound(secret_id)
        return secret

    get_fresh = get

    def put(self, secret_id: str, payload: str) -> None:
        """See ``SecretStore``."""
        check_payload(payload)
        try:
            self._files.write(check_id(secret_id), payload)
        except OSError as error:
            raise _unavailable(error) from error

    def delete(self, secret_id: str) -> None:
        """See ``SecretStore``."""
        try:
            self._files.remove(check_id(secret_id))
        except OSError as error:
            raise _unavailable(error) from error

    def check(self) -> None:
        """See ``SecretStore``: the directory can be read, and not all that is in it was encrypted with another key."""
        try:
            names = self._files.names()
            if names and not any(self._opens(name) for name in names):
                raise _unreadable(Sealed(names[0]))
        except OSError as error:
            raise _unavailable(error) from error

    def change_key(self) -> int:
        """Encrypt every secret with the first of the keys; return how many there are.

        Raises:
            SecretUnreadable: one that none of the keys opens.
        """
        try:
            return self._files.encrypt_again()
        except Sealed as error:
            raise _unreadable(error) from error
        except OSError as error:
            raise _unavailable(error) from error

    def _opens(self, name: str) -> bool:
        try:
            return self._files.read(name) is not None
        except Sealed:
            return False


def _unreadable(error: Sealed) -> SecretUnreadable:
    return SecretUnreadable(
        f"The stored credentials '{error}' cannot be decrypted: they were encrypted with another SECRET_KEY.",
        hint="Put the former key into SECRET_KEY_FALLBACKS, or store the credentials again.",
    )


def _unavailable(error: OSError) -> SecretStoreUnavailable:
    return SecretStoreUnavailable(f"The secret directory cannot be used: {error.strerror or type(error).__name__}.")
