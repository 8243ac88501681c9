"""Receiving a file: multipart, a block at a time, counted and digested on its way into an unnamed temporary file."""

from __future__ import annotations

import errno
import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest

from connectors.errors import InvalidRequest, TooLarge, Unavailable

_FIELD = "file"
_ENVELOPE_BYTES = 64 * 1024  # of multipart around the file
_DRAINED_BLOCKS = 64


class Received(UploadedFile):  # type: ignore[type-arg]  # generic in its stubs alone
    """A whole file that a caller has sent."""

    sha256: str


class BoundedHandler(FileUploadHandler):
    """Django's upload handler for one file of at most ``MAX_FILE_SIZE_MB``. The temporary file has no name, so nothing
    is left of it, however the process ends."""

    chunk_size = 256 * 1024

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request)
        self._limit = int(settings.TUNDRA.MAX_FILE_SIZE_MB * 2**20)
        self._file: IO[bytes] | None = None
        self._size = 0
        self._digest = hashlib.sha256()

    def handle_raw_input(
        self,
        input_data: Any,
        META: dict[str, str],  # noqa: N803 - Django's name
        content_length: int,
        boundary: str,
        encoding: str | None = None,
    ) -> None:
        """Refuse by what is announced.

        Raises:
            TooLarge: it is over the limit.
            Unavailable: there is no room for it.
        """
        if content_length > self._limit + _ENVELOPE_BYTES:
            self._refuse_size()
        if content_length > shutil.disk_usage(settings.TEMP_DIR).free:
            self._drain()
            raise _disk_full()

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Begin.

        Raises:
            InvalidRequest: it is not the one file.
        """
        super().new_file(*args, **kwargs)
        if self.field_name != _FIELD or self._file is not None:
            self.upload_interrupted()
            sentence = f"Send one file, in the field '{_FIELD}'."
            raise InvalidRequest(sentence, errors={self.field_name or _FIELD: [sentence]})
        self._file = tempfile.TemporaryFile(dir=settings.TEMP_DIR)  # noqa: SIM115 - closed with the request

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Take a block.

        Raises:
            TooLarge: the file is over the limit.
            Unavailable: the disk is full.
        """
        assert self._file is not None  # noqa: S101 - Django calls new_file first
        self._size += len(raw_data)
        if self._size > self._limit:
            self._refuse_size()
        with self._disk_errors():
            self._file.write(raw_data)
        self._digest.update(raw_data)

    def file_complete(self, file_size: int) -> Received:
        """The file, ready to be read.

        Raises:
            Unavailable: the disk is full.
        """
        assert self._file is not None  # noqa: S101 - Django calls new_file first
        with self._disk_errors():
            self._file.seek(0)  # and write what is still in its buffer
        received = Received(self._file, self.file_name, self.content_type, self._size)
        received.sha256 = self._digest.hexdigest()
        return received

    def upload_interrupted(self) -> None:
        """Forget what came."""
        if self._file is not None:
            with suppress(OSError):  # what is still in its buffer finds no room, and is not wanted
                self._file.close()

    @contextmanager
    def _disk_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.upload_interrupted()
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            self._drain()
            raise _disk_full() from error

    def _refuse_size(self) -> None:
        self.upload_interrupted()
        self._drain()
        raise TooLarge(f"The file is over the limit of {settings.TUNDRA.MAX_FILE_SIZE_MB:g} MB (MAX_FILE_SIZE_MB).")

    def _drain(self) -> None:
        """Take the rest, within reason: a client that is still sending would see a broken pipe, not the answer."""
        assert self.request is not None  # noqa: S101 - given in __init__
        for _ in range(_DRAINED_BLOCKS):
            if not self.request.read(2**20):
                return


def _disk_full() -> Unavailable:
    return Unavailable("The disk of the portal is full.", code="storage_full")
