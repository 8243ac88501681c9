"""A cache in front of a slow store, shared by all processes of a machine and encrypted at rest."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from connectors.secrets.files import EncryptedFiles, Sealed
from connectors.secrets.store import SecretStore, check_id

logger = logging.getLogger(__name__)


class CachedStore:
    """A ``SecretStore`` that remembers what another one said.

    The cache is a convenience: whatever is wrong with it, the store behind is asked.

    Args:
        store: the store behind.
        directory: one per store: names in it are secret ids.
        keys: master keys, as for the local store.
        seconds: how long an answer stays good; 0: not at all.
    """

    def __init__(self, store: SecretStore, directory: Path, keys: Sequence[str], seconds: int) -> None:
        self._store = store
        self._files = EncryptedFiles(directory, keys)
        self._seconds = seconds

    def get(self, secret_id: str) -> str:
        """See ``SecretStore``."""
        remembered = self._remembered(check_id(secret_id))
        return self.get_fresh(secret_id) if remembered is None else remembered

    def get_fresh(self, secret_id: str) -> str:
        """See ``SecretStore``. What was remembered is forgotten even if the store does not answer."""
        self._forget(check_id(secret_id))
        secret = self._store.get_fresh(secret_id)
        self._remember(secret_id, secret)
        return secret

    def put(self, secret_id: str, payload: str) -> None:
        """See ``SecretStore``."""
        self._forget(check_id(secret_id))
        self._store.put(secret_id, payload)
        self._remember(secret_id, payload)

    def delete(self, secret_id: str) -> None:
        """See ``SecretStore``."""
        self._forget(check_id(secret_id))
        self._store.delete(secret_id)

    def check(self) -> None:
        """See ``SecretStore``: the store behind is what counts."""
        self._store.check()

    def _remembered(self, secret_id: str) -> str | None:
        if not self._seconds:
            return None
        try:
            return self._files.read(secret_id, max_age=self._seconds)
        except Sealed:
            return None
        except OSError as error:
            logger.warning("the secret cache cannot be read: %s", error.strerror)
            return None

    def _remember(self, secret_id: str, secret: str) -> None:
        if not self._seconds:
            return
        try:
            self._files.write(secret_id, secret)
        except OSError as error:
            logger.warning("the secret cache cannot be written: %s", error.strerror)

    def _forget(self, secret_id: str) -> None:
        try:
            self._files.remove(secret_id)
        except OSError as error:
            logger.warning("the secret cache cannot be cleared: %s", error.strerror)
