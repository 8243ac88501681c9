"""The records of a JSON file in order, block by block: through pyarrow where that is exact, else one by one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connectors.files.json.cursor import Cursor
from connectors.files.json.decode import Decoder
from connectors.files.json.fast import Parsed, parse
from connectors.files.json.layout import Layout
from connectors.files.json.members import as_record
from connectors.files.json.shape import Plan

_FAST_BYTES = 8 << 20
_EXACT_CHARACTERS = 2 << 20
_SAMPLE_CHARACTERS = 256 << 10
_SPOTS, _SPOT_BYTES = 16, 16 << 10
_MOST_CELLS = 32_000_000  # records times columns in a block: pyarrow fills memory with what sparse records lack
_THREADS = 2
_LONGEST_PAUSE = 31


@dataclass(frozen=True, slots=True)
class Block:
    """Some records: decoded ``values``, or what ``json_fast.parse`` read; and where the next ones begin."""

    end: int
    values: list[Any] = field(default_factory=list)
    parsed: Parsed | None = None
    last: bool = False


class Records:
    """Reads the records of one layout any number of times.

    Attributes:
        has_pages: several arrays have been met, one after another.
    """

    def __init__(self, path: Path, layout: Layout, decoder: Decoder, most_rows: int) -> None:
        self._path = path
        self._layout = layout
        self._decoder = decoder
        self._most_rows = most_rows
        self.has_pages = False

    def blocks(self, plan: Callable[[], Plan | None], start: int | None = None) -> Iterator[Block]:
        """All records from ``start`` (a place where a record begins; None: the first).

        Args:
            plan: the plan under which blocks may be read natively, None: all have to be decoded; asked again
                after each block that was decoded.

        Raises:
            UnreadableFile: what is not JSON, with its place.
        """
        last = Block(self._layout.start if start is None else start)
        pause, wait = 0, 0  # blocks to decode before the native reader is tried again, twice as many after each failure
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="json") as pool:
            while not last.last:
                native = plan() if wait == 0 and (self._layout.one_per_line or self._layout.separator) else None
                before = last
                for block in self._fast(pool, last.end, native) if native else ():
                    last = block
                    yield block
                if native:
                    pause = wait = min(pause * 2 + 1, _LONGEST_PAUSE) if last is before else 0
                if not last.last:
                    last, wait = self._exact(last.end), max(wait - 1, 0)
                    yield last

    def sample(self) -> Iterator[Any]:
        """Records to guess a plan from: the first, and some from all over the file where each has its line."""
        yield from self._exact(self._layout.start, _SAMPLE_CHARACTERS).values
        size = self._path.stat().st_size
        if not self._layout.one_per_line or size < _FAST_BYTES:
            return
        with self._path.open("rb") as file:
            for spot in range(1, _SPOTS + 1):
                file.seek(size * spot // _SPOTS - _SPOT_BYTES)
                yield from _whole_lines(file.read(_SPOT_BYTES))

    def _exact(self, start: int, characters: int = _EXACT_CHARACTERS) -> Block:
        values: list[Any] = []
        with Cursor(self._path, start, self._decoder) as cursor:
            last = self._has_none(cursor, start)
            while not last and len(values) < self._most_rows and cursor.passed < characters:
                values.append(self._record(cursor))
                last = self._was_last(cursor)
            return Block(cursor.offset, values, last=last)

    def _record(self, cursor: Cursor) -> Any:
        if self._layout.key:
            return as_record(cursor.value_of_key(), cursor.value(), self._layout.key)
        return cursor.value()

    def _has_none(self, cursor: Cursor, start: int) -> bool:
        """Whether there are no records, at a place where one may be."""
        if not self._layout.closer:
            return not cursor.peek()
        return start == self._layout.start and cursor.peek() == self._layout.closer and self._was_last(cursor)

    def _was_last(self, cursor: Cursor) -> bool:
        """Pass over what separates records; whether it ended them."""
        closer = self._layout.closer
        if not closer and not self._layout.single:
            return not cursor.peek()
        if closer and (cursor.take(f",{closer}") == "," or self._has_next_page(cursor)):
            return False
        if not self._layout.path:
            cursor.end()
        return True

    def _has_next_page(self, cursor: Cursor) -> bool:
        while self._layout.pages and cursor.peek() == "[":
            self.has_pages = True
            cursor.take("[")
            if cursor.peek() != "]":
                return True
            cursor.take("]")
        return False

    def _fast(self, pool: ThreadPoolExecutor, start: int, plan: Plan) -> Iterator[Block]:
        """Blocks from ``start`` up to the first that has to be decoded."""
        waiting: deque[tuple[int, Future[Parsed | None]]] = deque()
        cuts = self._cuts(start)
        while True:
            while len(waiting) <= _THREADS and (cut := next(cuts, None)) is not None:
                data, end = cut
                waiting.append((end, pool.submit(self._parsed, data, plan)))
            if not waiting:
                return
            end, parsed = waiting.popleft()
            result = parsed.result()
            if result is None:
                return
            yield Block(end, parsed=result, last=not self._layout.in_array and end >= self._path.stat().st_size)

    def _parsed(self, data: bytes, plan: Plan) -> Parsed | None:
        separator = self._layout.separator
        commas = data.count(separator or b"\n")
        if commas * len(plan.children) > _MOST_CELLS:
            return None
        if not separator:
            return parse(data, plan, one_per_line=True)
        inner = data.count(b"\n") - commas * separator.count(b"\n")
        parsed = parse(self._without_commas(data), plan, one_per_line=inner <= separator.count(b"\n"))
        rows = parsed.table.num_rows if parsed else 0
        return parsed if rows == commas + 1 else None  # pyarrow does not miss commas

    def _cuts(self, start: int) -> Iterator[tuple[bytes, int]]:
        """Blocks of whole records, with where each ends. A bad cut of an array cannot be parsed and does no harm."""
        with self._path.open("rb", buffering=0) as file:
            while True:
                file.seek(start)
                data = file.read(_FAST_BYTES)
                cut = self._cut(data)
                if not cut:
                    return
                yield data[:cut], start + cut
                start += cut

    def _cut(self, data: bytes) -> int:
        if self._layout.one_per_line:
            return len(data) if len(data) < _FAST_BYTES else data.rfind(b"\n") + 1
        found = data.rfind(self._layout.separator)
        return found + self._layout.separator.index(b"{") if found >= 0 else 0

    def _without_commas(self, data: bytes) -> bytes:
        """Records separated by blanks: where the separator stood inside a record, it becomes a syntax error."""
        separator = self._layout.separator
        replaced = data.replace(separator, separator.replace(b",", b"\n", 1))
        comma = replaced.rfind(b",", len(replaced) - len(separator))
        return replaced[:comma] + replaced[comma + 1 :] if comma >= 0 else replaced


def _whole_lines(data: bytes) -> Iterator[Any]:
    """The objects among the lines; anything else is left to the real reading."""
    for line in data.decode(errors="replace").splitlines()[1:-1]:
        try:
            value, end = Decoder().scan(line, 0)
        except (StopIteration, ValueError, RecursionError):
            continue
        if end == len(line.rstrip()) and isinstance(value, dict):
            yield value
