"""A JSON file as UTF-8: where its text begins, transcoded beforehand when it is something else."""

from __future__ import annotations

import codecs
from pathlib import Path

from connectors.errors import InvalidRequest, UnreadableFile

_CHUNK = 1 << 20
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Where the zero bytes of the first ASCII characters stand tells a UTF without a mark.
_ZEROS: dict[tuple[bool, ...], str] = {
    (False, True, True, True): "utf-32-le",
    (True, True, True, False): "utf-32-be",
    (False, True, False, True): "utf-16-le",
    (True, False, True, False): "utf-16-be",
}


def as_utf8(path: Path, encoding: str | None, temp_dir: Path) -> tuple[Path, int, str]:
    """The file to read, the offset where its text begins, and the name of the original's encoding.

    Args:
        path: the file.
        encoding: what the caller says it is in; None: a UTF, told by its first bytes.
        temp_dir: where a transcoded copy goes.

    Raises:
        InvalidRequest: no such encoding.
        UnreadableFile: the bytes are not in that encoding.
    """
    with path.open("rb") as file:
        head = file.read(4)
    mark, detected = next(((mark, name) for mark, name in _MARKS if head.startswith(mark)), (b"", None))
    name = _known(encoding or detected or _ZEROS.get(tuple(byte == 0 for byte in head), "utf-8"))
    if name in {"utf-8", "utf-8-sig", "ascii"}:
        return path, len(mark) if detected == "utf-8" else 0, "utf-8"
    return _transcoded(path, name, temp_dir / "transcoded.json"), 0, name


def _known(encoding: str) -> str:
    try:
        return codecs.lookup(encoding).name
    except LookupError as error:
        raise InvalidRequest(f"Unknown encoding '{encoding}'.", code="unknown_encoding") from error


def _transcoded(path: Path, encoding: str, target: Path) -> Path:
    decoder = codecs.getincrementaldecoder(encoding)()
    read = 0
    with path.open("rb") as source, target.open("wb") as copy:
        while data := source.read(_CHUNK):
            copy.write(_decoded(decoder, data, encoding, read).removeprefix("\ufeff" if not read else "").encode())
            read += len(data)
        copy.write(_decoded(decoder, b"", encoding, read).encode())
    return target


def _decoded(decoder: codecs.IncrementalDecoder, data: bytes, encoding: str, read: int) -> str:
    try:
        text = decoder.decode(data, final=not data)
        text.encode()
    except UnicodeError as error:
        raise UnreadableFile(
            f"The file is not valid {encoding} near byte {read + getattr(error, 'start', 0)}.",
            code="invalid_encoding",
        ) from error
    return text
