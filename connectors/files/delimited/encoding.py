"""The encoding of a text file, and the file as UTF-8: strict, so that no character is ever invented or lost."""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from connectors.errors import InvalidRequest, UnreadableFile
from connectors.files.compression import copy_bounded
from connectors.files.delimited.east_asian import east_asian_encoding
from connectors.files.delimited.records import line_at
from connectors.files.delimited.single_byte import single_byte_encodings
from connectors.source import Context

_STEP = 4 << 20
_SAMPLE = 128 << 10
_WIDE_SAMPLE, _ENOUGH_ASCII, _NO_TEXT = 4 << 10, 0.05, ("Cc", "Cn", "Co")
_SURE = 0.8
_DOUBTFUL = 0.5  # a file that is valid UTF-8 is hardly ever in another encoding, whatever the caller says
# The longer marks first: UTF-32's begins like UTF-16's.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x19\x1c-\x1e]")
_NO_CHARACTER_SETS = {"charmap", "idna", "punycode", "raw_unicode_escape", "unicode_escape"}
_NAMES = {"cp932": "shift_jis", "cp949": "euc_kr", "latin_1": "latin-1", "iso8859-1": "latin-1"}


@dataclass(frozen=True, slots=True)
class Utf8Text:
    """A text file as UTF-8.

    Attributes:
        path: the file itself, or its transcoded copy.
        start: bytes of byte order mark to pass over.
        encoding: what the file is written in; ``confidence`` (0 to 1): how sure that is.
        delimiter: as the file has it, where another stands for it in the text.
    """

    path: Path
    start: int
    encoding: str
    confidence: float
    delimiter: str | None = None

    def doubt(self, asked: str | None) -> str | None:
        """What to warn of when the encoding is not sure; ``asked``: the caller's word."""
        if self.confidence >= _SURE:
            return None
        if asked:
            return f"The file was read as {self.encoding}, as encoding says, but it is valid utf-8 throughout."
        return f"The encoding was guessed to be {self.encoding}; the option encoding says it for sure."


def as_utf8(path: Path, encoding: str | None, context: Context) -> Utf8Text:
    """The file as UTF-8, transcoded into the attempt's directory when it is written in something else.

    Raises:
        InvalidRequest: an ``encoding`` was asked for that is unknown, or that the file is evidently not in.
        UnreadableFile: bytes that are invalid in the encoding, with their line and place.
    """
    mark, marked = _mark_of(path)
    chosen = _as_asked(encoding, marked, path) if encoding else unicode_encoding(path)
    mark = mark if marked == chosen else b""
    if chosen in (None, "utf-8"):
        invalid = _first_invalid(path)
        if invalid is None:
            return Utf8Text(path, len(mark), "utf-8", 1.0)
        if chosen or not _is_legacy(path, invalid):
            raise _invalid_bytes(path, invalid, "utf-8")
    confidence = 1.0 if encoding or marked else 0.9
    if encoding and not marked and chosen and not chosen.startswith("utf") and _is_utf8_beyond_ascii(path):
        confidence = _DOUBTFUL
    candidates = [(chosen, confidence)] if chosen else _guesses(path)
    return _transcoded(path, len(mark), candidates, context)


def unicode_encoding(path: Path) -> str | None:
    """The UTF that the file's mark says, or UTF-16 or UTF-32 by its bytes; None: UTF-8 without a mark, or no UTF."""
    return _mark_of(path)[1] or _wide_without_mark(path)


def _as_asked(encoding: str, marked: str | None, path: Path) -> str:
    """The codec of the encoding asked for, in the byte order that the file's mark says.

    Raises:
        InvalidRequest: it is unknown, or the file's own bytes say otherwise.
    """
    chosen = _codec(encoding)
    if chosen in ("utf-16", "utf-32"):
        found = marked or _wide_without_mark(path) or ""
        chosen = found if found.startswith(chosen) else f"{chosen}-le"
    if marked not in (None, chosen):
        raise InvalidRequest(f"encoding says {encoding}, but the file begins with the byte order mark of {marked}.")
    if chosen.startswith(("utf-16", "utf-32")) and _head_reads_otherwise(path, chosen):
        raise InvalidRequest(
            f"encoding says {encoding}, but the file is not written in it: its NUL bytes are not where they would be.",
            hint="Leave encoding out, and it is detected.",
        )
    return chosen


def _head_reads_otherwise(path: Path, wide: str) -> bool:
    """Whether ASCII characters, of which every table has some, are not where they would be in UTF-16 or UTF-32."""
    with path.open("rb") as file:
        head = file.read(_SAMPLE)
    unit = 4 if wide.startswith("utf-32") else 2
    low = 0 if wide.endswith("le") else unit - 1
    places = range(unit)
    nul = [head[at::unit].count(0) for at in places]
    return not any(nul) or nul[low] >= max(nul[at] for at in places if at != low)


def _codec(encoding: str) -> str:
    try:
        name = codecs.lookup(encoding).name
        "".encode(name)
        if name.replace("-", "_") in _NO_CHARACTER_SETS:
            raise LookupError(name)  # noqa: TRY301 - unknown like any other
    except (LookupError, UnicodeError, ValueError) as error:
        raise InvalidRequest(
            f"Unknown encoding '{encoding}'. Use a name such as utf-8, cp1252 or shift_jis.", code="unknown_encoding"
        ) from error
    return {"utf-8-sig": "utf-8", "ascii": "utf-8"}.get(name, name)


def _mark_of(path: Path) -> tuple[bytes, str | None]:
    with path.open("rb") as file:
        head = file.read(4)
    return next(((mark, name) for mark, name in _MARKS if head.startswith(mark)), (b"", None))


def _wide_without_mark(path: Path) -> str | None:
    """UTF-16 or UTF-32 when the NUL bytes of the first characters stand where theirs do.

    Among other letters than ASCII's there are few; then it is the one in which it reads best, if it is no UTF-8.
    """
    with path.open("rb") as file:
        head = file.read(_WIDE_SAMPLE)
    head = head[: len(head) // 4 * 4]
    if b"\x00" not in head or len(head) < 4:
        return None
    return _wide_by_places(head[:256]) or (None if _is_text_but_for_nuls(head) else _wide_by_reading(head))


def _wide_by_places(head: bytes) -> str | None:
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


def _is_text_but_for_nuls(head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")("strict").decode(head)
    except UnicodeDecodeError:
        return False
    return _CONTROLS.search(head.translate(None, b"\x00")) is None


def _wide_by_reading(head: bytes) -> str | None:
    shares = {name: _ascii_share(head, name) for name in ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")}
    best = max(shares, key=shares.__getitem__)
    return best if shares[best] >= _ENOUGH_ASCII else None


def _ascii_share(head: bytes, encoding: str) -> float:
    """How much of a text is delimiters, digits and the like; 0 if it is no text in this encoding."""
    try:
        text = codecs.getincrementaldecoder(encoding)("strict").decode(head)
    except UnicodeDecodeError:
        return 0.0
    if not text or any(unicodedata.category(character) in _NO_TEXT and character not in "\t\r\n" for character in text):
        return 0.0
    return sum(map(str.isascii, text)) / len(text)


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


def _is_utf8_beyond_ascii(path: Path) -> bool:
    return not all(map(bytes.isascii, _chunks(path))) and _first_invalid(path) is None


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
    return [*([east_asian] if east_asian else []), *single_byte_encodings(sample), ("latin-1", 0.3)]


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
