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
    except (*_CORRUPT, OSError, RuntimeError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise UnreadableFile(
            f"The file is {compression} compressed, but damaged or truncated, so it cannot be unpacked.",
            code="corrupt_archive",
        ) from error


@contextmanager
def _zstd(path: Path) -> Iterator[BinaryIO]:
    with pa.CompressedInputStream(pa.OSFile(str(path)), "zstd") as stream:
        yield cast("BinaryIO", stream)


@contextmanager
def _zip_member(path: Path) -> Iterator[BinaryIO]:
    with zipfile.ZipFile(path) as archive:
        members = [m for m in archive.infolist() if not m.is_dir() and not m.filename.startswith("__MACOSX/")]
        if len(members) != 1:
            names = ", ".join(member.filename for member in members[:10])
            raise UnreadableFile(
                f"The zip archive holds {len(members)} files ({names}); send one with a single file.",
                code="ambiguous_archive",
            )
        if members[0].flag_bits & 1:
            raise UnreadableFile("The zip archive is encrypted; send it without a password.", code="encrypted_file")
        with archive.open(members[0]) as member:
            yield cast("BinaryIO", member)


_OPENERS: dict[str, Callable[[Path], Any]] = {
    "gzip": partial(gzip.open, mode="rb"),
    "zstd": _zstd,
    "bzip2": partial(bz2.open, mode="rb"),
    "xz": partial(lzma.open, mode="rb"),
    "zip": _zip_member,
}
