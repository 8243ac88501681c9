"""A directory of encrypted files, one per name: written whole or not at all, readable by the portal's account only."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

# No name starts with a dot.
_TEMPORARY, _LOCK = ".writing-", ".lock"


class Sealed(Exception):
    """A file is there, but no key opens it, or it is too old."""


class EncryptedFiles:
    """Encrypted values by name.

    Each file also seals its own name, so a file that somebody moved to another name does not open.

    Args:
        directory: made when first written to.
        keys: master keys; the first one encrypts, each of them decrypts.
    """

    def __init__(self, directory: Path, keys: Sequence[str]) -> None:
        self.directory = directory
        self._fernet = MultiFernet([Fernet(_derive(key)) for key in keys])

    def read(self, name: str, *, max_age: int | None = None) -> str | None:
        """The value; None when there is none.

        Raises:
            Sealed: it cannot be decrypted, or it was written more than ``max_age`` seconds ago.
            OSError: the file system failed.
        """
        try:
            token = (self.directory / name).read_bytes()
        except FileNotFoundError:
            return None
        try:
            opened = json.loads(self._fernet.decrypt(token, ttl=max_age))
        except InvalidToken as error:
            raise Sealed(name) from error
        if opened["name"] != name:
            raise Sealed(name)
        return str(opened["value"])

    def write(self, name: str, value: str) -> None:
        """Write or replace a value.

        Raises:
            OSError: the file system failed; what was there is still there.
        """
        with self._alone():
            self._replace(name, self._fernet.encrypt(json.dumps({"name": name, "value": value}).encode()))

    def remove(self, name: str) -> None:
        """Remove a value if there is one.

        Raises:
            OSError: the file system failed.
        """
        try:
            self.directory.stat()
        except FileNotFoundError:
            return
        with self._alone():
            (self.directory / name).unlink(missing_ok=True)

    def names(self) -> list[str]:
        """Every name there is."""
        if not self.directory.is_dir():
            return []
        return sorted(path.name for path in self.directory.iterdir() if not path.name.startswith("."))

    def encrypt_again(self) -> int:
        """Encrypt everything with the first key, so that the others can be thrown away; return how many.

        Raises:
            Sealed: a file that no key opens; those before it are done.
        """
        with self._alone():
            names = self.names()
            for name in names:
                try:
                    self._replace(name, self._fernet.rotate((self.directory / name).read_bytes()))
                except InvalidToken as error:
                    raise Sealed(name) from error
        return len(names)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One writer at a time, so that a change of key neither undoes a write nor brings back what was removed."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.directory / _LOCK).open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _replace(self, name: str, content: bytes) -> None:
        descriptor, temporary = tempfile.mkstemp(prefix=_TEMPORARY, dir=self.directory)  # 0600
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(self.directory / name)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


def _derive(key: str) -> bytes:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"tundra secrets").derive(key.encode())
    return base64.urlsafe_b64encode(derived)
