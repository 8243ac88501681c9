"""Whether a queue cluster lives, seen from outside."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from redis.exceptions import RedisError

from conversions import queue

_PATIENCE_SECONDS = 15.0


class Pulse:
    """Tells a cluster that is stuck from one that works, idles, or starts.

    The processes of a cluster share locks, and one that is killed while it holds a lock keeps it: then rings are taken
    from the broker and nobody runs them, and no process has ended by which that could be noticed.
    """

    def __init__(self, cluster: str) -> None:
        self._cluster = cluster
        self._since: dict[str, float] = {}

    def trouble(self) -> str | None:
        """What has been wrong for so long that it will not pass; None if all is well, or not to be known."""
        now = time.monotonic()
        try:
            self._since = {sign: self._since.get(sign, now) for sign in self._signs()}
        except (RedisError, OSError):  # the cache is away or its disk is full: that says nothing about the cluster
            self._since = {}
        return next((sign for sign, since in self._since.items() if now - since >= _PATIENCE_SECONDS), None)

    def _signs(self) -> Iterator[str]:
        stat = queue.stat_of(self._cluster)
        if stat is None:
            yield "its sentinel shows no life"
            return
        if stat.task_q_size > 0 and any(_is_idle(pid) for pid in stat.workers):
            yield "rings wait although workers are idle"
        if stat.done_q_size > 0:
            yield "nobody takes its results"


def _is_idle(worker: int) -> bool:
    """django-q2 gives its processes titles that end in what they do."""
    try:
        return Path(f"/proc/{worker}/cmdline").read_bytes().rstrip(b"\0 ").endswith(b" idle")
    except (FileNotFoundError, ProcessLookupError):
        return False
