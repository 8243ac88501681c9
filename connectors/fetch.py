"""Downloads: streamed to disk, counted, resumed where they broke off, and never shorter than the store said."""

from __future__ import annotations

import errno
import hashlib
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from connectors.answers import HEAD_BYTES, content_md5, error_message, require_success
from connectors.errors import TooLarge, Unavailable, UpstreamFailed
from connectors.http import Answer, exchange
from connectors.retries import Transient, repeat
from connectors.urls import SignedUrl

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


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
    """Stream a URL to a file, as the bytes that the store holds. Transient faults are mended by further requests.

    Args:
        url: a checked URL that is signed for GET.
        to: the file to write; it is removed again if the download fails.
        max_bytes: the most it may hold; None: no limit.
        deadline: monotonic seconds after which it is over.
        progress: called with bytes so far and the total, if the store said it.

    Raises:
        TooLarge: the object is over ``max_bytes``.
        UpstreamFailed: the store refused, or kept failing.
        Unavailable: no disk space.
        LimitReached: the deadline has passed.
    """
    try:
        with _disk_errors(), to.open("wb") as file:
            task = _Download(url, file, max_bytes, progress)
            return repeat(lambda _number: task.attempt(deadline), deadline=deadline)
    except BaseException:
        to.unlink(missing_ok=True)
        raise


def error_page_reason(path: Path) -> str | None:
    """Why a download that came with status 200 is the store's error message and no file, or None.

    An HTML page is left to the formats to refuse: it may be what the caller stored.
    """
    with path.open("rb") as file:
        kind = error_message(file.read(HEAD_BYTES))
    return f"source_url answered with {kind} instead of a file." if kind else None


class _Download:
    """The state of a download across its requests."""

    def __init__(
        self, url: SignedUrl, file: BinaryIO, max_bytes: int | None, progress: Callable[[int, int | None], None]
    ) -> None:
        self._url = url
        self._file = file
        self._max_bytes = max_bytes
        self._progress = progress
        self._start_over()

    def attempt(self, deadline: float) -> Fetched:
        """One request: for the whole, or for what is missing of the same object."""
        with exchange("GET", self._url, deadline=deadline, headers=self._resumption()) as answer:
            self._begin(answer)
            for block in answer.blocks():
                self._take(block)
            self._check_complete(answer)
            return Fetched(self._received, answer.headers.get("Content-Type", ""), answer.headers.get("ETag"))

    def _start_over(self) -> None:
        if self._file.tell():
            self._file.seek(0)
            self._file.truncate()
        self._received = 0
        self._total: int | None = None
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._object_md5: str | None = None
        self._etag = ""

    def _resumption(self) -> dict[str, str]:
        """Headers that ask for the rest, if the object can be named and so cannot have changed meanwhile."""
        if not self._received or not self._etag.startswith('"'):
            return {}
        return {"Range": f"bytes={self._received}-", "If-Match": self._etag}

    def _begin(self, answer: Answer) -> None:
        """Take up the answer where it fits what is there, else from the beginning."""
        if answer.status == 206 and self._is_continued_by(answer):
            return
        is_changed = answer.status in (206, 412, 416) and self._received > 0
        self._start_over()
        if is_changed:
            raise Transient(f"{self._url.field_name} changed while it was read.", code="source_changed")
        require_success(self._url, answer, {200}, refused="source_refused", unavailable="source_unavailable")
        self._total = answer.length
        self._object_md5 = content_md5(answer)
        self._etag = answer.headers.get("ETag", "")
        if self._total is None and not answer.is_chunked and self._object_md5 is None:
            raise UpstreamFailed(
                f"{self._url.host} does not say how long {self._url.field_name} is: nobody can know if all of it came.",
                code="source_length_unknown",
            )
        self._check_room()

    def _is_continued_by(self, answer: Answer) -> bool:
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", answer.headers.get("Content-Range", ""))
        if found is None or not int(found[1]) == self._received > 0 or self._total not in (None, int(found[2])):
            return False
        self._total = int(found[2])
        return True

    def _check_room(self) -> None:
        if self._total is None:
            return
        self._check_size(self._total)
        if self._total > shutil.disk_usage(Path(self._file.name).parent).free:
            raise _storage_full()

    def _take(self, block: bytes) -> None:
        self._check_size(self._received + len(block))
        self._file.write(block)
        self._md5.update(block)
        self._received += len(block)
        self._progress(self._received, self._total)

    def _check_size(self, size: int) -> None:
        if self._max_bytes is not None and size > self._max_bytes:
            limit = f"{self._max_bytes / 2**20:g} MB"
            raise TooLarge(f"{self._url.field_name} is over the limit of {limit} (MAX_FILE_SIZE_MB).")

    def _check_complete(self, answer: Answer) -> None:
        if self._total is not None and self._received < self._total:
            raise Transient(
                f"{self._url.host} ended {self._url.field_name} after {self._received:,} of {self._total:,} bytes.",
                code="source_truncated",
            )
        if self._object_md5 not in (None, self._md5.hexdigest()):
            self._start_over()
            raise Transient(
                f"What {self._url.host} sent for {self._url.field_name} does not match its own checksum.",
                code="source_corrupt",
            )


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise _storage_full() from error
        raise


def _storage_full() -> Unavailable:
    return Unavailable(
        "The portal has not enough disk space for this file.",
        code="storage_full",
        hint="Free space under TUNDRA_DATA_DIR, then retry.",
    )
