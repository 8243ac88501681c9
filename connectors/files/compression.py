"""Compressed input: unpacked while streaming, and counted, so that a bomb is only ever a number."""

from __future__ import annotations

import bz2
import errno
import gzip
import lzma
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, cast

import pyarrow as pa

from connectors.errors import TooLarge, Unavailable, UnreadableFile
from connectors.source import Context

_CHUNK = 1 << 20
_KEEP_FREE = 64 << 20
_CORRUPT = (
    EOFError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    pa.ArrowInvalid,
    ValueError,
)


def decompress(path: Path, compression: str, context: Context) -> Path:
    """Unpack a file into the attempt's own directory and return where it is.

    Raises:
        TooLarge: it becomes larger than ``context.max_bytes``.
        Unavailable: the disk is full.
        UnreadableFile: it is damaged, truncated, encrypted or holds several files.
    """
    target = context.temp_dir / f"{path.name}.unpacked"
    while target.exists():
        target = target.with_name(target.name + "_")
    opened = _OPENERS[compression]
    with _corruption_named(compression), opened(path) as source, target.open("wb") as sink:
        copy_bounded(lambda: source.read(_CHUNK), sink, context)
    return target


def copy_bounded(read: Callable[[], bytes], sink: BinaryIO, context: Context) -> int:
    """Write all chunks that ``read`` returns until an empty one; returns the bytes written.

    Raises:
        TooLarge: more than ``context.max_bytes``.
        Unavailable: the disk is full, or would be nearly so.
    """
    written = 0
    while chunk := read():
        if written % (_KEEP_FREE // 2) < len(chunk):
            _check_space(context.temp_dir)
        written += len(chunk)
        check_size(written, context)
        try:
            sink.write(chunk)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise _storage_full() from error
    return written


def check_size(size: int, context: Context) -> None:
    """Refuse what is larger than the limit.

    Raises:
        TooLarge: ``size`` is over ``context.max_bytes``.
    """
    if context.max_bytes is not None and size > context.max_bytes:
        raise TooLarge(f"The file is larger than the limit of {context.max_bytes / 2**20:g} MB (counted decompressed).")


def _check_space(directory: Path) -> None:
    if shutil.disk_usage(directory).free < _KEEP_FREE:
        raise _storage_full()


def _storage_full() -> Unavailable:
    return Unavailable(
        "The portal's disk has no room for the unpacked file.",
        code="storage_full",
        hint="Free space, then retry.",
    )


@contextmanager
def _corruption_named(compression: str) -> Iterator[None]:
    try:
        yield
    except NotImplementedError as error:
        raise UnreadableFile(
            f"The {compression} archive is packed by a method that the portal cannot unpack ({error}); use Deflate.",
            code="corrupt_archive",
        ) from error
    except (*_CORRUPT, OSError, RuntimeError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise UnreadableFile(
            f"The file is {compression} compressed, but damaged or truncated, so it cannot be unpacked.",
            code="corrupt_archive",
            hint="Nothing may be missing at its end, and nothing else may follow.",
        ) from error


class _Streams:
    """Compressed streams one after another. What follows and is none is an error: it may be a damaged stream."""

    def __init__(self, file: BinaryIO, new: Callable[[], bz2.BZ2Decompressor | lzma.LZMADecompressor]) -> None:
        self._file, self._new, self._stream = file, new, new()

    def read(self, size: int) -> bytes:
        data = b""
        while not data:
            packed = b""
            if self._stream.eof:
                packed = self._stream.unused_data.lstrip(b"\0")
                while not packed:
                    if not (more := self._file.read(_CHUNK)):
                        return b""
                    packed = more.lstrip(b"\0")
                self._stream = self._new()
            elif self._stream.needs_input and not (packed := self._file.read(_CHUNK)):
                raise EOFError
            data = self._stream.decompress(packed, size)
        return data


@contextmanager
def _streams(path: Path, new: Callable[[], bz2.BZ2Decompressor | lzma.LZMADecompressor]) -> Iterator[_Streams]:
    with path.open("rb") as file:
        yield _Streams(file, new)


@contextmanager
def _zstd(path: Path) -> Iterator[BinaryIO]:
    with pa.CompressedInputStream(pa.OSFile(str(path)), "zstd") as stream:
        yield cast("BinaryIO", stream)


@contextmanager
def _zip_member(path: Path) -> Iterator[BinaryIO]:
    with zipfile.ZipFile(path) as archive:
        members = [member for member in archive.infolist() if not member.is_dir() and not _is_hidden(member.filename)]
        if len(members) != 1:
            names = ", ".join(_shown(member.filename) for member in members[:10])
            what = f"{len(members)} files ({names}{', ...' if len(members) > 10 else ''})" if members else "no file"
            raise UnreadableFile(
                f"The zip archive holds {what}; send one with a single file.",
                code="ambiguous_archive",
            )
        if members[0].flag_bits & 1:
            raise UnreadableFile("The zip archive is encrypted; send it without a password.", code="encrypted_file")
        with archive.open(members[0]) as member:
            yield cast("BinaryIO", member)


def _shown(name: str) -> str:
    """A name that somebody else chose, fit for a sentence."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in name[:40])


def _is_hidden(name: str) -> bool:
    """What operating systems put beside the files of a folder."""
    return name.startswith("__MACOSX/") or name.rpartition("/")[2].startswith(".")


_OPENERS: dict[str, Callable[[Path], Any]] = {
    "gzip": partial(gzip.open, mode="rb"),
    "zstd": _zstd,
    "bzip2": partial(_streams, new=bz2.BZ2Decompressor),
    "xz": partial(_streams, new=partial(lzma.LZMADecompressor, lzma.FORMAT_XZ)),
    "zip": _zip_member,
}
