"""Delivery: one streaming PUT whose arrival is proven, or a local file that exists whole or not at all."""

from __future__ import annotations

import base64
import errno
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from connectors.errors import InvalidRequest, Unavailable, UpstreamFailed
from connectors.http import TransientFailure, exchange, raise_if_transient, refusal, repeat
from connectors.urls import SignedUrl

_CHUNK_BYTES = 1024 * 1024
_MD5_ETAG = re.compile(r'(?:W/)?"?([0-9a-fA-F]{32})"?')
_SUCCESS = (200, 201, 204)


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof of delivery.

    Attributes:
        bytes, sha256: of the file as it was sent.
        etag: the store's name for what it holds.
        attempts: how many PUTs it took.
        verified: ``md5`` when the store's ETag is the file's MD5, ``status`` when the store gives no such ETag
            (encrypted with its own keys), ``copy`` for a local file.
    """

    bytes: int
    sha256: str
    etag: str | None
    attempts: int
    verified: str


@dataclass(frozen=True, slots=True)
class _Digests:
    size: int
    md5: bytes
    sha256: str


def upload(path: Path, url: SignedUrl, *, deadline: float, progress: Callable[[int], None]) -> Receipt:
    """PUT a file to a signed URL. Transient faults and wrong checksums are repeated with the whole file.

    Args:
        path: the file to send.
        url: a checked URL that is signed for PUT.
        deadline: monotonic seconds after which it is over.
        progress: called with the bytes sent so far.

    Raises:
        UpstreamFailed: the store refused, kept failing, or holds something else than was sent.
        InvalidRequest: the URL has expired meanwhile.
    """
    digests = _digests(path)
    return repeat(lambda number: _upload_once(path, url, digests, number, deadline, progress), deadline=deadline)


def _upload_once(
    path: Path,
    url: SignedUrl,
    digests: _Digests,
    number: int,
    deadline: float,
    progress: Callable[[int], None],
) -> Receipt:
    if url.may_expire_within(0):
        raise InvalidRequest(
            "output_url expired before the file was ready.",
            code="url_expired",
            hint="Sign it for a longer time.",
        )
    headers = {"Content-Length": str(digests.size), **_checksum_header(url, digests)}
    with (
        path.open("rb") as file,
        exchange("PUT", url, deadline=deadline, headers=headers, body=_Counted(file, progress)) as answer,
    ):
        raise_if_transient(url, answer, "storage_unavailable")
        if answer.status not in _SUCCESS:
            raise refusal(url, answer, "upload_refused")
        etag = answer.headers.get("ETag")
        is_encrypted = (
            "x-amz-server-side-encryption-customer-algorithm" in answer.headers
            or answer.headers.get("x-amz-server-side-encryption", "AES256") != "AES256"
        )
    return Receipt(digests.size, digests.sha256, etag, number, _verify(url, etag, digests, is_encrypted=is_encrypted))


def _checksum_header(url: SignedUrl, digests: _Digests) -> dict[str, str]:
    """Lets the store check what arrives. Signatures of version 2 cover this header, so there it cannot be added."""
    if "-signature=" not in url.target.lower():
        return {}
    return {"Content-MD5": base64.b64encode(digests.md5).decode()}


def _verify(url: SignedUrl, etag: str | None, digests: _Digests, *, is_encrypted: bool) -> str:
    match = _MD5_ETAG.fullmatch(etag or "")
    if match is None or is_encrypted:
        return "status"
    if match[1].lower() != digests.md5.hex():
        raise TransientFailure(
            UpstreamFailed(
                f"{url.host} holds something else than was sent: its checksum (ETag) differs.",
                code="delivery_mismatch",
            )
        )
    return "md5"


def deliver_to_path(path: Path, destination: Path) -> Receipt:
    """Put a file at a local path in one step, so that no reader ever sees a part of it.

    Raises:
        InvalidRequest: the destination cannot be written.
        Unavailable: its disk is full.
    """
    digests = _digests(path)
    temporary: Path | None = None
    try:
        with tempfile.NamedTemporaryFile(dir=destination.parent, prefix=f".{destination.name}.", delete=False) as file:
            temporary = Path(file.name)
            with path.open("rb") as source:
                shutil.copyfileobj(source, file, _CHUNK_BYTES)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(destination)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise _not_written(destination, error) from error
    return Receipt(digests.size, digests.sha256, None, 1, "copy")


def _not_written(destination: Path, error: OSError) -> InvalidRequest | Unavailable:
    if error.errno == errno.ENOSPC:
        return Unavailable(f"The disk of {destination} is full.", code="storage_full")
    return InvalidRequest(f"{destination} cannot be written: {error.strerror}.", code="destination_not_writable")


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def _digests(path: Path) -> _Digests:
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    size = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            size += len(chunk)
            md5.update(chunk)
            sha256.update(chunk)
    return _Digests(size, md5.digest(), sha256.hexdigest())


class _Counted:
    """A file to send that tells how much has been read from it."""

    def __init__(self, file: IO[bytes], progress: Callable[[int], None]) -> None:
        self._file = file
        self._progress = progress
        self._sent = 0

    def read(self, size: int = -1) -> bytes:
        """Read and count."""
        chunk = self._file.read(size)
        self._sent += len(chunk)
        self._progress(self._sent)
        return chunk
