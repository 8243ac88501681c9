"""The body of a PUT as a file to read from: exactly Content-Length bytes, checked, with the faults of its way here."""

from __future__ import annotations

import base64
import hashlib
import time
from io import BufferedIOBase
from typing import BinaryIO, cast

from tests.store.faults import Fault


class WrongDigest(Exception):
    """The body is not what Content-MD5 promised."""


class Body:
    """Reads like a file; raises EOFError when the sender stops early."""

    def __init__(self, wire: BufferedIOBase, length: int, content_md5: str | None, fault: Fault | None) -> None:
        self._wire = wire
        self._left = length
        self._content_md5 = content_md5
        self._fault = fault
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._read = 0

    def read(self, size: int) -> bytes:
        """The next bytes, at most ``size``; empty at the end."""
        if self._left == 0:
            self._check_digest()
            return b""
        piece = self._wire.read(min(size, self._left, self._piece()))
        if not piece:
            raise EOFError
        self._left -= len(piece)
        self._read += len(piece)
        self._md5.update(piece)
        return changed(piece) if self._left == 0 and self._is("corrupt") else piece

    def as_file(self) -> BinaryIO:
        """This, for who asks for a file."""
        return cast("BinaryIO", self)

    def _piece(self) -> int:
        """How much to read at once, having waited or broken off as the fault says."""
        if self._fault is not None and self._is("slow"):
            time.sleep(self._fault.seconds)
            return self._fault.piece
        if self._fault is not None and self._is("reset"):
            left = (self._fault.after or 0) - self._read
            if left <= 0:
                raise ConnectionAbortedError
            return left
        return self._left

    def _check_digest(self) -> None:
        if self._content_md5 and base64.b64decode(self._content_md5) != self._md5.digest():
            raise WrongDigest

    def _is(self, fault: str) -> bool:
        return self._fault is not None and self._fault.fault == fault


def changed(piece: bytes) -> bytes:
    """The same bytes but for the last."""
    return piece[:-1] + bytes([piece[-1] ^ 0xFF])
