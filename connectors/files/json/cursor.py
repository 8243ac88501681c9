"""A place in a UTF-8 JSON file, reading on from there value by value with little of the file in memory."""

from __future__ import annotations

import re
from json import JSONDecodeError
from pathlib import Path
from types import TracebackType
from typing import Any

from connectors.errors import UnreadableFile
from connectors.files.json.decode import Decoder

_CHUNK = 1 << 20
LARGEST_VALUE = 128 << 20  # bytes: one record is held in memory
_UNFINISHED = 16  # characters: an error this near the end of the text may be a token that goes on
_BLANK = re.compile(r"[ \t\n\r]*")


class Cursor:
    """Reads values exactly. Every method first skips blanks.

    Raises:
        UnreadableFile: whatever is not JSON or not UTF-8, with line and column.
    """

    def __init__(self, path: Path, offset: int, decoder: Decoder) -> None:
        self._path = path
        self._file = path.open("rb", buffering=0)
        self._file.seek(offset)
        self._size = path.stat().st_size
        self._decoder = decoder
        self._text = ""
        self._position = 0
        self._passed = 0
        self._measured = 0  # characters of the text, and the offset behind them
        self._measured_offset = offset
        self._unread = b""

    def __enter__(self) -> Cursor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    @property
    def offset(self) -> int:
        """The place in bytes from the file's beginning."""
        self._measured_offset += len(self._text[self._measured : self._position].encode())
        self._measured = self._position
        return self._measured_offset

    @property
    def passed(self) -> int:
        """How many characters have been read from here on: cheaper than ``offset``."""
        return self._passed + self._position

    def peek(self) -> str:
        """The next character that is not blank, or the empty string at the end."""
        while True:
            self._position = _BLANK.match(self._text, self._position).end()  # type: ignore[union-attr]  # always matches
            if self._position < len(self._text):
                return self._text[self._position]
            if not self._read_on(_CHUNK):
                return ""

    def take(self, wanted: str) -> str:
        """The next character, which must be one of ``wanted``."""
        found = self.peek()
        if not found or found not in wanted:
            named = " or ".join(f"'{character}'" for character in wanted)
            raise self.refusal(f"expected {named}, found {_shown(found)}")
        self._position += 1
        return found

    def value(self) -> Any:
        """The next value, as ``Decoder`` gives it."""
        more = _CHUNK
        while True:
            self.peek()
            value, end, problem = self._scanned()
            complete = problem is None and (end < len(self._text) or self._at_end)
            if not complete and self._may_go_on(problem, end) and self._read_on(min(more, self._room)):
                more *= 2
                continue
            if problem is not None:
                raise self.refusal(problem, end)
            self._position = end
            return value

    def value_of_key(self) -> Any:
        """The next value and the colon behind it."""
        key = self.value()
        self.take(":")
        return key

    def end(self) -> None:
        """Nothing but blanks may follow."""
        if found := self.peek():
            raise self.refusal(f"the document ended, but {_shown(found)} follows")

    def refusal(self, reason: str, position: int | None = None) -> UnreadableFile:
        """The error for what stands here, or at another position of the text in memory."""
        place = self._position if position is None else min(position, len(self._text))
        behind = len(self._text[self._position : place].encode(errors="replace"))
        return refusal_at(self._path, self.offset + behind, reason)

    @property
    def _at_end(self) -> bool:
        return not self._unread and self._file.tell() >= self._size

    @property
    def _room(self) -> int:
        """How much may be read until a value would be too large; 0 or less: one is."""
        return LARGEST_VALUE + 1 - (len(self._text) - self._position)

    def _scanned(self) -> tuple[Any, int, str | None]:
        try:
            value, end = self._decoder.scan(self._text, self._position)
        except StopIteration as error:
            found = self._text[error.value : error.value + 1]
            return None, error.value, f"expected a value, found {_shown(found)}"
        except JSONDecodeError as error:
            return None, error.pos, error.msg[0].lower() + error.msg[1:]
        except RecursionError as error:
            raise self.refusal("arrays and objects are nested too deeply") from error
        return value, end, None

    def _may_go_on(self, problem: str | None, end: int) -> bool:
        unfinished = problem is None or problem.startswith("unterminated") or end >= len(self._text) - _UNFINISHED
        if unfinished and not self._at_end and self._room <= 0:
            raise self.refusal(f"one value is larger than {LARGEST_VALUE >> 20} MiB, or never ends")
        return unfinished

    def _read_on(self, size: int) -> bool:
        """Forget the text before the position and read more behind it; False at the end of the file."""
        if self._at_end:
            return False
        self._measured_offset, self._measured = self.offset, 0
        data = self._unread + self._file.read(size)
        text, self._unread = self._decoded(data)
        self._passed += self._position
        self._text = self._text[self._position :] + text
        self._position = 0
        return True

    def _decoded(self, data: bytes) -> tuple[str, bytes]:
        try:
            return data.decode(), b""
        except UnicodeDecodeError as error:
            cut_off = error.reason == "unexpected end of data" and self._file.tell() < self._size
            if cut_off and len(data) - error.start < 4:
                return data[: error.start].decode(), data[error.start :]
            before = self._file.tell() - len(data) + error.start
            raise not_utf8(self._path, before, data[error.start]) from error


def refusal_at(path: Path, offset: int, reason: str) -> UnreadableFile:
    """The error for a place in the file, given in bytes."""
    line, column = _line_and_column(path, offset)
    if offset >= path.stat().st_size:
        reason += " (the file ends there: it may be truncated)"
    return UnreadableFile(f"Not valid JSON at line {line}, column {column}: {reason}.", code="invalid_json")


def not_utf8(path: Path, offset: int, byte: int) -> UnreadableFile:
    """The error for a byte that is not UTF-8."""
    line, _ = _line_and_column(path, offset)
    return UnreadableFile(
        f"The byte 0x{byte:02x} in line {line} (offset {offset}) is not valid UTF-8.",
        code="invalid_encoding",
        hint="Name the file's encoding in options.encoding.",
    )


def _line_and_column(path: Path, offset: int) -> tuple[int, int]:
    line, last_start, read = 1, 0, 0
    with path.open("rb") as file:
        while read < offset and (data := file.read(min(_CHUNK, offset - read))):
            line += data.count(b"\n")
            if (found := data.rfind(b"\n")) >= 0:
                last_start = read + found + 1
            read += len(data)
        file.seek(last_start)
        start_of_line = file.read(min(offset - last_start, _CHUNK))
    return line, len(start_of_line.decode(errors="replace")) + 1


def _shown(character: str) -> str:
    return (
        f"'{character}'" if character.isprintable() and character else "the end" if not character else repr(character)
    )
