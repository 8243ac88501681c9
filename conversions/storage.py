"""The portal's own store, for uploads and kept outputs: a local directory, or a bucket on S3 or Google Cloud."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.files import File
from django.core.files.storage import Storage, storages

from connectors.answers import require_success
from connectors.errors import NotFound, Unavailable
from connectors.http import exchange
from connectors.urls import UrlPolicy, parse_signed_url

_BLOCK_BYTES = 256 * 1024
_DOWNLOAD_SECONDS = 24 * 3600


class Content:
    """Bytes of a stored file, in blocks; ``close`` when no more are wanted."""

    def __init__(self, blocks: Iterator[bytes], close: Callable[[], None]) -> None:
        self._blocks = blocks
        self.close = close

    def __iter__(self) -> Iterator[bytes]:
        return self._blocks


def is_local() -> bool:
    """Whether it is a directory of this machine."""
    return not settings.TUNDRA.STORAGE_URL


def local_path(name: str) -> Path:
    """The path of a file in the local store; its directory is there."""
    path = Path(_storage().path(name))
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def signed_url(method: str, name: str, seconds: int, filename: str = "") -> str:
    """A URL of the bucket that allows one method on one file; browsers save what they get as ``filename``."""
    disposition = f'attachment; filename="{filename}"' if filename else None
    with _failures():
        if urlsplit(settings.TUNDRA.STORAGE_URL).scheme == "gs":
            return _signed_by_google(method, name, seconds, disposition)
        shown = {"ResponseContentDisposition": disposition} if disposition else {}
        return str(_storage().url(name, shown, expire=seconds, http_method=method))  # type: ignore[call-arg]


def url_policy(url: str) -> UrlPolicy:
    """A policy that allows the host of the bucket's own signed URL. An endpoint that the operator has named may be
    inside, and without TLS."""
    parts = urlsplit(url)
    if "endpoint=" in urlsplit(settings.TUNDRA.STORAGE_URL).query:
        return UrlPolicy((), dev_hosts=(parts.netloc,))
    return UrlPolicy((parts.netloc,))


def save(name: str, file: File[bytes]) -> None:
    """Store a new file.

    Raises:
        Unavailable: the store does not take it.
    """
    with _failures():
        try:
            _storage().save(name, file)
        except OSError:
            if is_local():  # a part of it lies there, and may fill the disk
                _storage().delete(name)
            raise


def delete(name: str) -> None:
    """Remove a file. Harmless when it is gone.

    Raises:
        Unavailable: the store does not answer.
    """
    with _failures():
        _storage().delete(name)


def delete_directory(name: str) -> None:
    """Remove a directory of files. Harmless when it is gone.

    Raises:
        Unavailable: the store does not answer.
    """
    delete_files(name, lambda _file: True)
    if is_local():
        delete(name)


def delete_files(directory: str, is_unwanted: Callable[[str], bool]) -> None:
    """Remove some files of a directory. Harmless when they are gone.

    Raises:
        Unavailable: the store does not answer.
    """
    with _failures():
        try:
            files = _storage().listdir(directory)[1]
        except FileNotFoundError:
            return
        for file in filter(is_unwanted, files):
            _storage().delete(f"{directory}/{file}")


def read(name: str, start: int = 0, length: int | None = None) -> Content:
    """Bytes of a file, all or so many, from the store at once.

    Raises:
        NotFound: it is not there.
        UpstreamFailed, Unavailable: the store does not give it.
    """
    if is_local():
        return _read_path(Path(_storage().path(name)), start, length)
    with ExitStack() as stack:
        text = signed_url("GET", name, 60)
        url = parse_signed_url(text, url_policy(text), field="the portal's own store")
        headers = {"Range": f"bytes={start}-{start + length - 1}"} if length else {}  # of nothing there is no range
        deadline = time.monotonic() + _DOWNLOAD_SECONDS
        answer = stack.enter_context(exchange("GET", url, deadline=deadline, headers=headers))
        if answer.status == 404:
            raise _lost()
        require_success(url, answer, {200, 206}, refused="storage_refused", unavailable="storage_unavailable")
        return Content(answer.blocks(), stack.pop_all().close)


def _lost() -> NotFound:
    return NotFound("The file is not in the portal's own store any more.")


def _read_path(path: Path, start: int, length: int | None) -> Content:
    try:
        file = path.open("rb")
    except FileNotFoundError as error:
        raise _lost() from error
    file.seek(start)
    return Content(_blocks(file.read, path.stat().st_size if length is None else length), file.close)


def _blocks(read_some: Callable[[int], bytes], length: int) -> Iterator[bytes]:
    while length and (block := read_some(min(length, _BLOCK_BYTES))):
        length -= len(block)
        yield block


def _signed_by_google(method: str, name: str, seconds: int, disposition: str | None) -> str:
    said: dict[str, Any] = {"method": method, "expiration": timedelta(seconds=seconds)}
    if disposition:
        said["response_disposition"] = disposition
    return str(_storage().url(name, said))  # type: ignore[call-arg]


def _storage() -> Storage:
    return storages["kept"]


@contextmanager
def _failures() -> Iterator[None]:
    """Native errors in our words; their own texts may hold what the store sent."""
    try:
        yield
    except _native_errors() as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Unavailable("The disk of the portal's own store is full.", code="storage_full") from error
        raise Unavailable(
            f"The portal's own store failed ({type(error).__name__}).",
            code="storage_unavailable",
            hint="Try again; if it happens again, the portal's operator has to look at STORAGE_URL and its log.",
        ) from error


def _native_errors() -> tuple[type[Exception], ...]:
    """What the configured store's library raises; only that one is imported."""
    if is_local():
        return (OSError,)
    if urlsplit(settings.TUNDRA.STORAGE_URL).scheme == "s3":
        from boto3.exceptions import Boto3Error  # noqa: PLC0415
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        return (Boto3Error, BotoCoreError, ClientError)
    from google.api_core.exceptions import GoogleAPIError  # noqa: PLC0415
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415
    from requests.exceptions import RequestException  # noqa: PLC0415

    return (GoogleAPIError, GoogleAuthError, RequestException)
