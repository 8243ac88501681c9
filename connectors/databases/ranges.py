"""Dividing a table into ranges that hold every row exactly once, and reading them in order, a few ahead."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from connectors.source import Context

T = TypeVar("T")
# What all connections together may hold of ranges being read, in the table's own bytes.
_IN_FLIGHT_BYTES = 96 * 2**20
_MAX_RANGE_BYTES = 24 * 2**20


def ctid_ranges(blocks: int, size: int, connections: int) -> list[str]:
    """Conditions on PostgreSQL's ctid: consecutive blocks of about equal size, the last range without an end.

    Args:
        blocks: of the table, or of its largest part: a range is the same blocks of every part.
        size: of all parts in bytes, with values stored out of line.
        connections: how many ranges are read at the same time.
    """
    bytes_per_range = min(_MAX_RANGE_BYTES, _IN_FLIGHT_BYTES // connections)
    ranges = max(1, min(blocks, -(-size // bytes_per_range)), min(blocks, connections) if size > 2**20 else 1)
    starts = [blocks * number // ranges for number in range(1, ranges)]
    lower = [None, *starts]
    upper = [*starts, None]
    return [_ctid_condition(low, high) for low, high in zip(lower, upper, strict=True)]


def _ctid_condition(low: int | None, high: int | None) -> str:
    parts = [f"ctid >= '({low},0)'"] if low is not None else []
    parts += [f"ctid < '({high},0)'"] if high is not None else []
    return " AND ".join(parts) or "true"


def in_order(read: Callable[[str], T], conditions: Sequence[str], connections: int) -> Iterator[T]:
    """Read ranges with so many threads and yield the results in the ranges' order, at most one waiting for each thread.

    Closing the iterator, or an error, abandons the ranges not yet begun.
    """
    pool = ThreadPoolExecutor(connections, thread_name_prefix="range")
    waiting: deque[Future[T]] = deque()
    try:
        for condition in conditions:
            waiting.append(pool.submit(read, condition))
            if len(waiting) > connections:
                yield waiting.popleft().result()
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
