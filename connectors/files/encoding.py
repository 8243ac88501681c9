"""The encoding of a text file, and the file as UTF-8: strict, so that no character is ever invented or lost."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import charset_normalizer

from connectors.errors import InvalidRequest, UnreadableFile
from connectors.files.compression import copy_bounded
from connectors.files.east_asian import east_asian_encoding
from connectors.files.records import line_at
from connectors.files.western import WESTERN, western_encodings
from connectors.source import Context

_STEP = 4 << 20
_SAMPLE = 128 << 10
# The longer marks first: UTF-32's begins like UTF-16's.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SINGLE_BYTE = ["cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "koi8_r", "cp866"]
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x19\x1c-\x1e]")
_NAMES = {"cp932": "shift_jis", "cp949": "euc_kr", "latin_1": "latin-1", "iso8859-1": "latin-1"}


@dataclass(frozen=True, slots=True)
class Utf8Text:
    """A text file as UTF-8.

    Attributes:
        path: the file itself, or its transcoded copy.
        start: bytes of byte order mark to pass over.
        encoding: what the file is written in; ``confidence`` (0 to 1): how sure that is.
    """

    path: Path
    start: int
    encoding: str
    confidence: float


def as_utf8(path: Path, encoding: str | None, context: Context) -> Utf8Text:
    """The file as UTF-8, transcoded into the attempt's directory when it is written in something else.

    Raises:
        InvalidRequest: an unknown ``encoding`` was asked for.
        UnreadableFile: bytes that are invalid in the encoding, with their line and place.
    """
    mark, marked = _mark_of(path)
    chosen = _codec(encoding) if encoding else marked or _wide_without_mark(path)
    mark = mark if marked == chosen else b""
    if chosen in (None, "utf-8"):
        invalid = _first_invalid(path)
        if invalid is None:
            return Utf8Text(path, len(mark), "utf-8", 1.0)
        if chosen or not _is_legacy(path, invalid):
            raise _invalid_bytes(path, invalid, "utf-8")
    confidence = 1.0 if encoding or marked else 0.9
    candidates = [(chosen, confidence)] if chosen else _guesses(path)
    return _transcoded(path, len(mark), candidates, context)


def _codec(encoding: str) -> str:
    try:
        name = codecs.lookup(encoding).name
        "".encode(name)
    except (LookupError, UnicodeError, ValueError) as error:
        raise InvalidRequest(
            f"Unknown encoding '{encoding}'. Use a name such as utf-8, cp1252 or shift_jis."
        ) from error
    return {"utf-8-sig": "utf-8", "ascii": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}.get(name, name)


def _mark_of(path: Path) -> tuple[bytes, str | None]:
    with path.open("rb") as file:
        head = file.read(4)
    return next(((mark, name) for mark, name in _MARKS if head.startswith(mark)), (b"", None))


def _wide_without_mark(path: Path) -> str | None:
    """UTF-16 or UTF-32 when the NUL bytes of the first characters stand where theirs do."""
    with path.open("rb") as file:
        head = file.read(256)
    head = head[: len(head) // 4 * 4]
    if b"\x00" not in head or len(head) < 4:
        return None
    nul = [sum(byte == 0 for byte in head[at::4]) / (len(head) / 4) for at in range(4)]
    for name, places in (
        ("utf-32-le", (1, 2, 3)),
        ("utf-32-be", (0, 1, 2)),
        ("utf-16-le", (1, 3)),
        ("utf-16-be", (0, 2)),
    ):
        if all((nul[at] > 0.6) == (at in places) for at in range(4)):
            return name
    return None


def _chunks(path: Path, start: int = 0) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        while chunk := file.read(_STEP):
            yield chunk


def _first_invalid(path: Path) -> int | None:
    """The place of the first byte that is not UTF-8, or None."""
    decoder, position = codecs.getincrementaldecoder("utf-8")("strict"), 0
    for chunk in _chunks(path):
        kept = len(decoder.getstate()[0])
        if kept or not chunk.isascii():
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError as error:
                return position - kept + error.start
        position += len(chunk)
    left = len(decoder.getstate()[0])
    return position - left if left else None


def _sample(path: Path, around: int) -> bytes:
    """Text from around a place, from the start of a line where there is one."""
    with path.open("rb") as file:
        start = max(around - _SAMPLE // 2, 0)
        file.seek(start)
        data = file.read(_SAMPLE)
    return data[data.find(b"\n") + 1 :] if start else data


def _is_legacy(path: Path, invalid: int) -> bool:
    """Whether the file is in another encoding, rather than UTF-8 with damaged bytes in it."""
    text = _sample(path, invalid).decode("utf-8", "replace")
    damaged = text.count("\ufffd")
    return sum(character > "\x7f" for character in text) - damaged < 3 * damaged


def _guesses(path: Path) -> list[tuple[str, float]]:
    """Legacy encodings the file may be in, most likely first, with how sure each is.

    Raises:
        UnreadableFile: control characters say that it is no text.
    """
    sample = _sample(path, _first_invalid(path) or 0)
    if _CONTROLS.search(sample):
        raise UnreadableFile(
            "The file is no text: it holds control characters and bytes that are not UTF-8.",
            code="wrong_format",
            hint="If it is text, say with the option encoding what it is written in.",
        )
    east_asian = east_asian_encoding(sample)
    return [*([east_asian] if east_asian else []), *_single_byte_guesses(sample), ("cp1252", 0.4), ("latin-1", 0.3)]


def _single_byte_guesses(sample: bytes) -> list[tuple[str, float]]:
    matches = charset_normalizer.from_bytes(sample, cp_isolation=_SINGLE_BYTE)
    found = [
        (match.encoding, round(max(0.5, 0.95 - match.chaos - (match.coherence == 0) * 0.2), 2)) for match in matches
    ]
    if found and found[0][0] in WESTERN:
        return [(encoding, found[0][1]) for encoding in western_encodings(sample)] + found
    return found


def _transcoded(path: Path, start: int, candidates: list[tuple[str, float]], context: Context) -> Utf8Text:
    target = context.temp_dir / f"{path.name}.utf8"
    for number, (encoding, confidence) in enumerate(candidates):
        try:
            _transcode(path, start, encoding, target, context)
        except UnicodeDecodeError as error:
            if number < len(candidates) - 1:
                continue
            raise _invalid_bytes(path, error.start, encoding) from error
        return Utf8Text(target, 0, _NAMES.get(encoding, encoding), confidence)
    raise AssertionError("there is always a candidate")


def _transcode(path: Path, start: int, encoding: str, target: Path, context: Context) -> None:
    decoder, position = codecs.getincrementaldecoder(encoding)("strict"), start
    chunks = _chunks(path, start)
    ended = False

    def read() -> bytes:
        nonlocal position, ended
        while not ended:
            chunk = next(chunks, b"")
            ended = not chunk
            kept = len(decoder.getstate()[0])
            try:
                text = decoder.decode(chunk, final=ended)
            except UnicodeDecodeError as error:
                error.start += position - kept
                raise
            position += len(chunk)
            if text:
                return text.encode()
        return b""

    with target.open("wb") as sink:
        unlimited = Context(temp_dir=context.temp_dir)  # the limit is on the file as sent
        copy_bounded(read, sink, unlimited)


def _invalid_bytes(path: Path, place: int, encoding: str) -> UnreadableFile:
    with path.open("rb") as file:
        file.seek(place)
        byte = file.read(1)
    where = f"byte 0x{byte[0]:02X} at position {place}" if byte else "its last character is cut off"
    return UnreadableFile(
        f"The text is not valid {encoding}: line {line_at(path, place)}, {where}.",
        code="invalid_encoding",
        hint="Say with the option encoding what the file is written in.",
    )
