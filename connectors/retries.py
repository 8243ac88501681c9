"""What stores get wrong in passing is tried again: a few times, with growing pauses, never past the deadline."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from connectors.errors import UpstreamFailed

T = TypeVar("T")
TRIES = 5
FIRST_PAUSE_SECONDS = 0.3
LONGEST_WISH_SECONDS = 30.0


class Transient(UpstreamFailed):
    """A failure that may pass.

    Args:
        retry_after: seconds that the store asked to be left alone.
    """

    retryable = True

    def __init__(self, message: str, *, code: str, hint: str | None = None, retry_after: float = 0.0) -> None:
        super().__init__(message, code=code, hint=hint)
        self.retry_after = retry_after


def repeat(step: Callable[[int], T], *, deadline: float) -> T:
    """Run a step until it works, at most ``TRIES`` times.

    Args:
        step: called with the number of the try, from 1.
        deadline: monotonic seconds; no pause goes beyond it.

    Raises:
        ConversionError: the last try's failure, or one that does not pass.
    """
    number = 1
    while True:
        try:
            return step(number)
        except Transient as failure:
            pause = _pause(number, failure.retry_after)
            if number >= TRIES or time.monotonic() + pause >= deadline:
                raise
        time.sleep(pause)
        number += 1


def _pause(number: int, wished: float) -> float:
    grown: float = FIRST_PAUSE_SECONDS * 2 ** (number - 1) * random.uniform(0.5, 1)  # noqa: S311 - jitter
    return max(grown, min(wished, LONGEST_WISH_SECONDS))
