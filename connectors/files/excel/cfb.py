"""The container of an xls workbook (a compound file), checked before calamine may touch it.

calamine takes memory for what the header claims and follows chains of sectors wherever they lead, in circles too.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from connectors.errors import UnreadableFile

_ENTRY = 128  # bytes of an entry of the directory
_LAST_SECTOR = 0xFFFFFFFA  # numbers above this are marks
_MINI_SECTOR, _MINI_SHIFT = 64, 6
_SIZES = {9: 512, 12: 4096}  # of sectors, by the power of two
_NAMES = ("workbook", "book")


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream of the container: its bytes, and where in the file each of its sectors begins."""

    data: bytes
    sectors: Sequence[int]
    sector_size: int

    def place(self, at: int) -> int:
        """Where in the file a byte of the stream is."""
        return self.sectors[at // self.sector_size] + at % self.sector_size


def workbook_stream(path: Path) -> Stream:
    """The stream of records that is the workbook.

    Raises:
        UnreadableFile: there is none, or the container is damaged.
    """
    try:
        return _Container(path.read_bytes()).workbook()
    except (struct.error, ValueError, IndexError) as error:
        raise UnreadableFile(f"The workbook is corrupt or truncated: {error}.") from error


class _Container:
    def __init__(self, data: bytes) -> None:
        self._data = data
        shift, mini_shift = struct.unpack_from("<HH", data, 30)
        if shift not in _SIZES or mini_shift != _MINI_SHIFT:
            raise ValueError("its sectors are of no known size")
        self._size = _SIZES[shift]
        numbers = struct.unpack_from("<9I", data, 40)
        directories, fats, self._directory, _, self._mini_cutoff, self._mini_fat, mini_fats, difat, difats = numbers
        if (directories + fats + mini_fats + difats) * self._size > len(data):
            raise ValueError("it claims to be larger than it is")
        self._fat = self._allocation(fats, difat)

    def workbook(self) -> Stream:
        directory = self._stream(self._directory).data
        entries = [directory[at : at + _ENTRY] for at in range(0, len(directory) - _ENTRY + 1, _ENTRY)]
        places = {_name(entry): self._start_and_length(entry) for entry in entries}
        start, length = next((places[name] for name in _NAMES if name in places), (None, 0))
        if start is None:
            raise UnreadableFile("This is not an Excel workbook: it has no part of that name.", code="wrong_format")
        root = self._stream(self._start_and_length(entries[0])[0])
        mini_fat = _numbers(self._stream(self._mini_fat).data)
        if length >= self._mini_cutoff:
            found = self._stream(start)
        else:
            chain = _chain(start, mini_fat)
            sectors = [root.place(number * _MINI_SECTOR) for number in chain]
            found = Stream(b"".join(self._data[at : at + _MINI_SECTOR] for at in sectors), sectors, _MINI_SECTOR)
        return Stream(found.data[:length], found.sectors, found.sector_size)

    def _start_and_length(self, entry: bytes) -> tuple[int, int]:
        start, length = struct.unpack_from("<II", entry, 116)
        if length > len(self._data):
            raise ValueError("one of its parts claims to be larger than the file")
        return start, length

    def _allocation(self, count: int, following: int) -> list[int]:
        """Which sector follows which."""
        sectors, seen = [*struct.unpack_from("<109I", self._data, 76)], set[int]()
        while following <= _LAST_SECTOR and following not in seen:
            seen.add(following)
            *more, following = _numbers(self._sector(self._begin(following)))
            sectors += more
        used = [sector for sector in sectors if sector <= _LAST_SECTOR][:count]
        return [number for sector in used for number in _numbers(self._sector(self._begin(sector)))]

    def _begin(self, sector: int) -> int:
        start = (sector + 1) * self._size
        if start >= len(self._data):
            raise ValueError("it ends before one of its parts")
        return start

    def _sector(self, start: int) -> bytes:
        return self._data[start : start + self._size]

    def _stream(self, start: int) -> Stream:
        sectors = [self._begin(sector) for sector in _chain(start, self._fat)]
        return Stream(b"".join(map(self._sector, sectors)), sectors, self._size)


def _name(entry: bytes) -> str:
    length = int.from_bytes(entry[64:66], "little") - 2  # without the zero at its end
    return entry[: max(length, 0)].decode("utf-16-le", "replace").lower()


def _numbers(data: bytes) -> list[int]:
    return [*struct.unpack_from(f"<{len(data) // 4}I", data)]


def _chain(sector: int, following: Sequence[int]) -> list[int]:
    found: list[int] = []
    while sector <= _LAST_SECTOR:
        if sector >= len(following):
            raise ValueError("it ends before one of its parts")
        if len(found) > len(following):
            raise ValueError("one of its parts runs in circles")
        found.append(sector)
        sector = following[sector]
    return found
