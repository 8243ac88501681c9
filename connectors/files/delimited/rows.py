"""The rows of a delimited file as columns of text, block by block, each block's count of rows checked twice."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import pyarrow as pa

from connectors.errors import WorkerFailed
from connectors.files.delimited.examination import BadRecord, count_rows, examine
from connectors.files.delimited.parsing import Ragged, parse_text
from connectors.files.delimited.records import BLOCK_BYTES, Block, Dialect, blocks

_WORKERS = 2
_AHEAD = 5
_NICER = 5
_BYTES_PER_FIELD = 1 << 10
_LARGE = 16 << 20
_SPOTS, _SPOT_BYTES = 64, 2 << 10
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class TextBlock:
    """Rows as text, and what was left out among them.

    Attributes:
        offset, size: the block's bytes in the file.
        data: the bytes of its rows alone.
        quoted: whether there are quotes in it.
        columns: one array of text per field; the empty unquoted field is null.
    """

    offset: int
    size: int
    data: bytes | memoryview
    quoted: bool
    columns: list[pa.Array]
    bad: list[BadRecord] = field(default_factory=list)
    blank_lines: int = 0
    trailing_blank_lines: int = 0
    comment_lines: int = 0
    empty_rows: int = 0

    @property
    def rows(self) -> int:
        return len(self.columns[0])


@dataclass(frozen=True, slots=True)
class TextReader:
    """Reads the records from byte ``start`` to byte ``end`` of a UTF-8 file that should have ``fields`` fields each."""

    path: Path
    start: int
    end: int
    dialect: Dialect
    fields: int

    def sample(self, size: int, nulls: Sequence[str]) -> TextBlock | None:
        """Rows to guess types from: the first ones, of about ``size`` bytes, and some from all over a large file.

        None if there are no rows.
        """
        first = next(blocks(self.path, self.start, self.dialect, size, self.end), None)
        if first is None:
            return None
        sample = self._read(first, nulls)
        lines = self._spots() if self.end - self.start > _LARGE and self.fields > 1 and not sample.quoted else b""
        try:
            spots = parse_text(lines, self.fields, self.dialect, nulls, quoted=False)
        except Ragged:
            return sample
        columns = [pa.concat_arrays([column, more]) for column, more in zip(sample.columns, spots, strict=True)]
        return replace(sample, size=sample.size + len(lines), columns=columns)

    def _spots(self) -> bytes:
        """Lines from all over the file, where none has a quote near that could enclose its end."""
        marks = [
            mark.encode() for mark in (self.dialect.quote, self.dialect.escape, self.dialect.comment, "\0") if mark
        ]
        found = []
        with self.path.open("rb") as file:
            for spot in range(1, _SPOTS + 1):
                file.seek(self.start + (self.end - self.start) * spot // _SPOTS - _SPOT_BYTES)
                text = file.read(_SPOT_BYTES)
                if not any(mark in text for mark in marks):
                    found.append(text[text.find(b"\n") + 1 : text.rfind(b"\n") + 1])
        return b"".join(found)

    def each(self, nulls: Sequence[str], work: Callable[[TextBlock], _T]) -> Iterator[_T]:
        """What ``work`` makes of every block, in order; it runs in several threads.

        Raises:
            UnreadableFile: a record that does not end.
        """
        size = min(max(BLOCK_BYTES, self.fields * _BYTES_PER_FIELD), 8 * BLOCK_BYTES)
        found = blocks(self.path, self.start, self.dialect, size, self.end)
        return _in_order(found, lambda block: work(self._read(block, nulls)))

    def column(self, block: TextBlock, place: int, nulls: Sequence[str]) -> pa.Array:
        """One column of a block read again with other null words."""
        return parse_text(block.data, self.fields, self.dialect, nulls, only=[place])[0]

    def _read(self, block: Block, nulls: Sequence[str]) -> TextBlock:
        comments = self.dialect.comment and self.dialect.comment.encode() in bytes(block.data)
        odd = comments or (self.fields == 1 and _has_blank_line(bytes(block.data)))
        if block.sound and not odd and b"\x00" not in block.data.obj:  # type: ignore[operator]
            try:
                columns = parse_text(block.data, self.fields, self.dialect, nulls, quoted=block.quotes is not None)
            except Ragged:
                return self._read_closely(block, nulls)
            if len(columns[0]) == count_rows(block, self.dialect):
                return TextBlock(block.offset, len(block.data), block.data, (block.quotes is not None), columns)
        return self._read_closely(block, nulls)

    def _read_closely(self, block: Block, nulls: Sequence[str]) -> TextBlock:
        found = examine(block, self.dialect, self.fields)
        columns = parse_text(found.data, self.fields, self.dialect, nulls)
        if len(columns[0]) != found.rows:
            raise WorkerFailed(f"{len(columns[0])} rows were parsed where {found.rows} were counted.")
        return TextBlock(
            block.offset,
            len(block.data),
            found.data,
            (block.quotes is not None),
            columns,
            found.bad,
            found.blank_lines,
            found.trailing_blank_lines,
            found.comment_lines,
            found.empty_rows,
        )


def _has_blank_line(data: bytes) -> bool:
    return data.startswith((b"\r", b"\n")) or any(ends in data for ends in (b"\n\n", b"\n\r", b"\r\r"))


def _in_order(items: Iterable[Block], work: Callable[[Block], _T]) -> Iterator[_T]:
    """Results in the order of the items, a few computed ahead; a slow taker slows the reading down."""
    pool, ahead = ThreadPoolExecutor(_WORKERS, "parse", initializer=_give_way), deque[Future[_T]]()
    try:
        for item in items:
            ahead.append(pool.submit(work, item))
            if len(ahead) >= _AHEAD:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _give_way() -> None:
    """Let the one thread that encodes go first, as all wait for it. Only on Linux is niceness a thread's own."""
    if sys.platform == "linux":
        os.nice(_NICER)
