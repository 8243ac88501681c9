"""Downloads: streamed to disk, counted, and never shorter than the store said."""

from __future__ import annotations

import errno
import hashlib
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from urllib3.response import HTTPResponse

from connectors.errors import TooLarge, Unavailable, UpstreamFailed
from connectors.http import TransientFailure, exchange, raise_if_transient, refusal, repeat
from connectors.urls import SignedUrl

_CHUNK_BYTES = 1024 * 1024
_MD5 = re.compile(r'"?([0-9a-f]{32})"?')
_XML_ERROR = re.compile(rb"\A(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*\?>\s*)?<Error>", re.IGNORECASE)
_STORE_CODE = re.compile(rb"<Code>([A-Za-z0-9]{1,64})</Code>")


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a download brought: bytes on disk, and the store's word on type and content."""

    bytes: int
    content_type: str
    etag: str | None


def download(
    url: SignedUrl,
    to: Path,
    *,
    max_bytes: int | None,
    deadline: float,
    progress: Callable[[int, int | None], None],
) -> Fetched:
    """Stream a URL to a file. Transient faults are repeated from the start.

    Args:
        url: a checked URL.
        to: the file to write.
        max_bytes: the most it may hold.
        deadline: monotonic seconds after which it is over.
        progress: called with bytes so far and the total, if the store said it.

    Raises:
        TooLarge: the object is over ``max_bytes``.
        UpstreamFailed: the store refused, or kept failing.
        Unavailable: no disk space.
    """
    return repeat(lambda _try: _download_once(url, to, max_bytes, deadline, progress), deadline=deadline)


def _download_once(
    url: SignedUrl,
    to: Path,
    max_bytes: int | None,
    deadline: float,
    progress: Callable[[int, int | None], None],
) -> Fetched:
    with exchange("GET", url, deadline=deadline) as answer:
        raise_if_transient(url, answer, "source_unavailable")
        if answer.status != 200:
            raise refusal(url, answer, "source_refused")
        expected = _content_length(answer)
        _check_size(expected, max_bytes)
        _check_space(expected, to)
        received, md5 = _stream(answer, to, max_bytes, lambda count: progress(count, expected))
        etag = answer.headers.get("ETag")
        content_type = answer.headers.get("Content-Type", "")
    if expected is not None and received != expected:
        raise TransientFailure(_truncated(url, received, expected))
    if (
        etag
        and (match := _MD5.fullmatch(etag))
        and match[1] != md5
        and "x-amz-server-side-encryption" not in answer.headers
    ):
        raise TransientFailure(
            UpstreamFailed(f"What {url.host} sent does not match its own checksum (ETag).", code="source_corrupt")
        )
    return Fetched(received, content_type, etag)


def _stream(answer: HTTPResponse, to: Path, max_bytes: int | None, progress: Callable[[int], None]) -> tuple[int, str]:
    digest = hashlib.md5(usedforsecurity=False)
    received = 0
    try:
        with to.open("wb") as file:
            for chunk in answer.stream(_CHUNK_BYTES, decode_content=False):
                received += len(chunk)
                _check_size(received, max_bytes)
                digest.update(chunk)
                file.write(chunk)
                progress(received)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise _disk_full() from error
        raise
    return received, digest.hexdigest()


def _content_length(answer: HTTPResponse) -> int | None:
    value = answer.headers.get("Content-Length", "")
    return int(value) if value.isdigit() else None


def _check_size(size: int | None, max_bytes: int | None) -> None:
    if size is not None and max_bytes is not None and size > max_bytes:
        raise TooLarge(f"The file is over the limit of {max_bytes / 2**20:g} MB (MAX_FILE_SIZE_MB).")


def _check_space(expected: int | None, to: Path) -> None:
    if expected is not None and expected > shutil.disk_usage(to.parent).free:
        raise _disk_full()


def _disk_full() -> Unavailable:
    return Unavailable(
        "The portal has not enough disk space for this file.",
        code="storage_full",
        hint="Free space under TUNDRA_DATA_DIR, then retry.",
    )


def _truncated(url: SignedUrl, received: int, expected: int) -> UpstreamFailed:
    return UpstreamFailed(
        f"{url.host} ended the file after {received:,} of {expected:,} bytes.", code="source_truncated"
    )


def error_page_reason(path: Path) -> str | None:
    """Why a download that came with status 200 is a store's error message and no file, or None."""
    with path.open("rb") as file:
        head = file.read(4096)
    if not _XML_ERROR.match(head):
        return None
    found = _STORE_CODE.search(head)
    code = f" ({found[1].decode()})" if found else ""
    return f"source_url answered with the store's error message{code} instead of a file."
