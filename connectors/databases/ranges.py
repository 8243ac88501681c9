"""Reading ranges in order, a few ahead; and names for the columns that come out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from connectors.source import Context

T = TypeVar("T")


def in_order(read: Callable[[str], T], queries: Sequence[str], connections: int) -> Iterator[T]:
    """Read ranges with so many threads and yield the results in the ranges' order; no thread gets far ahead.

    Closing the iterator, or an error, abandons the ranges not yet begun.
    """
    pool = ThreadPoolExecutor(connections, thread_name_prefix="range")
    waiting: deque[Future[T]] = deque()
    try:
        for query in queries:
            if len(waiting) >= connections:
                yield waiting.popleft().result()
            waiting.append(pool.submit(read, query))
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def names_of(names: Sequence[str], context: Context) -> list[str]:
    """Column names for a file: never empty, and each only once; changes are reported."""
    taken: set[str] = set()
    given = []
    for number, name in enumerate(names, start=1):
        candidate = wanted = name or f"column_{number}"
        suffix = 2
        while candidate in taken or (candidate != name and candidate in names):
            candidate, suffix = f"{wanted}_{suffix}", suffix + 1
        if candidate != name:
            context.warnings.add(
                "renamed_column", f"Column {number}, '{name}', is called '{candidate}' in the file.", column=candidate
            )
        taken.add(candidate)
        given.append(candidate)
    return given
