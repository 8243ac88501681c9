"""Delivery: one streaming PUT whose arrival is proven, or a local file that is there whole or not at all."""

from __future__ import annotations

import base64
import errno
import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from connectors.answers import HEAD_BYTES, content_md5, error_page, require_success
from connectors.errors import ConversionError, InvalidRequest, Unavailable, UpstreamFailed, WorkerFailed
from connectors.http import Answer, exchange
from connectors.retries import Transient, repeat
from connectors.urls import SignedUrl

_SENT_BYTES = 64 * 1024  # a peer that takes longer than the silence allowed for this much is stuck
_COPY_BYTES = 1024 * 1024
_SUCCESS = {200, 201, 204}


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof of delivery.

    Attributes:
        bytes, sha256: of the file as it was sent.
        etag: the store's name for what it holds.
        attempts: how many times it was sent.
        verified: ``md5`` when the store's checksum is that of the file, ``status`` when the store confirms but gives no
            such checksum (encrypted with keys other than its own), ``sha256`` for a local file that was read back.
    """

    bytes: int
    sha256: str
    etag: str | None
    attempts: int
    verified: Literal["md5", "status", "sha256"]


def upload(path: Path, url: SignedUrl, *, deadline: float, progress: Callable[[int], None]) -> Receipt:
    """PUT a file to a signed URL. Transient faults and wrong checksums are answered by sending it again, whole.

    Args:
        path: the file to send.
        url: a checked URL that is signed for PUT.
        deadline: monotonic seconds after which it is over.
        progress: called with the bytes sent so far by the present attempt.

    Raises:
        UpstreamFailed: the store refused, kept failing, or holds something else than was sent.
        LimitReached: the deadline has passed.
    """
    content = _Content.of(path)
    return repeat(lambda number: _upload_once(content, url, number, deadline, progress), deadline=deadline)


@dataclass(frozen=True, slots=True)
class _Content:
    """A file to send and its digests."""

    path: Path
    size: int
    md5: bytes
    sha256: str

    @classmethod
    def of(cls, path: Path) -> _Content:
        """The file, read once."""
        md5, sha256, size = hashlib.md5(usedforsecurity=False), hashlib.sha256(), 0
        with path.open("rb") as file:
            while block := file.read(_COPY_BYTES):
                md5.update(block)
                sha256.update(block)
                size += len(block)
        return cls(path, size, md5.digest(), sha256.hexdigest())

    def blocks(self, progress: Callable[[int], None]) -> Iterator[bytes]:
        """The file from its beginning; ``progress`` is told how much has been sent."""
        sent = 0
        with self.path.open("rb") as file:
            while block := file.read(_SENT_BYTES):
                yield block
                sent += len(block)
                progress(sent)


def _upload_once(
    content: _Content, url: SignedUrl, number: int, deadline: float, progress: Callable[[int], None]
) -> Receipt:
    _refuse_expired(url)
    headers = _headers(url, content)
    with exchange("PUT", url, deadline=deadline, headers=headers, body=content.blocks(progress)) as answer:
        require_success(url, answer, _SUCCESS, refused="upload_refused", unavailable="storage_unavailable")
        _refuse_error_page(url, answer)
        verified = _verify(url, answer, content)
        return Receipt(content.size, content.sha256, answer.headers.get("ETag"), number, verified)


def _refuse_expired(url: SignedUrl) -> None:
    if url.may_expire_within(0):
        raise UpstreamFailed(
            f"{url.field_name} expired at {url.expires_at:%Y-%m-%d %H:%M:%S} UTC, before the file could be delivered.",
            code="url_expired",
            hint="Sign the URL for a longer time.",
        )


def _headers(url: SignedUrl, content: _Content) -> dict[str, str]:
    """Content-Length, because stores take no chunks; Content-MD5, so that wrong bytes are refused before they replace
    anything; and what the signature covers where only one value is likely. Older signatures (version 2) name no headers
    but cover Content-MD5 and Content-Type: with those nothing is added."""
    headers = {"Content-Length": str(content.size)}
    if not url.signed_headers:
        return headers
    likely = {"content-type": "application/octet-stream", "x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
    demanded = {name: value for name, value in likely.items() if name in url.signed_headers}
    return {**headers, "Content-MD5": base64.b64encode(content.md5).decode(), **demanded}


def _refuse_error_page(url: SignedUrl, answer: Answer) -> None:
    """A success that carries an error, as a gateway in between may send."""
    if kind := error_page(answer.read(HEAD_BYTES)):
        raise Transient(
            f"{url.host} answered {url.field_name} with {kind} in place of a receipt.", code="upload_refused"
        )


def _verify(url: SignedUrl, answer: Answer, content: _Content) -> Literal["md5", "status"]:
    held = content_md5(answer)
    if held is None:
        return "status"
    if held != content.md5.hex():
        raise Transient(
            f"{url.host} holds something else than was sent to {url.field_name}: its checksum differs.",
            code="delivery_mismatch",
        )
    return "md5"


def deliver_to_path(path: Path, destination: Path) -> Receipt:
    """Put a file at a local path in one step, so that no reader ever sees a part of it.

    Raises:
        InvalidRequest: the destination cannot be written.
        Unavailable: its disk is full.
    """
    try:
        return _place(path, destination.resolve())
    except OSError as error:
        raise _not_written(destination, error) from error
    except RuntimeError:  # what Path.resolve() makes of ELOOP
        raise _not_written(destination, OSError(errno.ELOOP, os.strerror(errno.ELOOP))) from None


def _place(path: Path, destination: Path) -> Receipt:
    if destination.exists() and not destination.is_file():
        raise InvalidRequest(f"{destination} is not a file and is not replaced.", code="destination_not_writable")
    # In the same directory, because only within a file system one file takes another's place in one step.
    temporary = destination.parent / f".tundra-{secrets.token_hex(8)}.part"
    try:
        size, sha256 = _copy(path, temporary)
        _require_content(temporary, sha256)
        temporary.replace(destination)
    except BaseException:
        with suppress(FileNotFoundError):
            temporary.unlink()
        raise
    _sync_directory(destination.parent)
    return Receipt(size, sha256, None, 1, "sha256")


def _copy(path: Path, to: Path) -> tuple[int, str]:
    """Copy to a new file and to its disk; return the number of bytes and their SHA-256."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as source, to.open("xb") as file:
        while block := source.read(_COPY_BYTES):
            file.write(block)
            digest.update(block)
            size += len(block)
        file.flush()
        os.fsync(file.fileno())
    return size, digest.hexdigest()


def _require_content(path: Path, sha256: str) -> None:
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            raise WorkerFailed(f"{path.parent} holds other bytes than were written to it.", code="delivery_mismatch")


def _sync_directory(directory: Path) -> None:
    """Make the new name last through a power failure."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _not_written(destination: Path, error: OSError) -> ConversionError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Unavailable(f"The disk of {destination} is full.", code="storage_full")
    return InvalidRequest(f"{destination} cannot be written: {error.strerror}.", code="destination_not_writable")
