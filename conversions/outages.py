"""The portal's own database and broker may be away for a while: what runs goes on, and is settled afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

import structlog
from django.db import InterfaceError, OperationalError, connection
from redis.exceptions import RedisError

logger = structlog.stdlib.get_logger(__name__)
_PATIENCE_SECONDS = 300.0
_PAUSE_SECONDS = 1.0
AWAY = (OperationalError, InterfaceError, RedisError)
_FULL = ("disk is full", "No space left on device")  # SQLite's words, PostgreSQL's


def is_full(error: Exception) -> bool:
    """Whether the database is not away, but without room."""
    return any(words in str(error) for words in _FULL)


class Survived:
    """``with Survived(job_id=…):`` leaves its block, and says so in the log, when what the block needs is away."""

    def __init__(self, **context: Any) -> None:
        self._context = context

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> bool:
        if not isinstance(error, AWAY):
            return False
        logger.warning("the portal's database or broker is away", exc_info=error, **self._context)
        connection.close()
        return True


def contained(step: Callable[[], object], **context: Any) -> None:
    """Do a step that others must not fail with: what is wrong with it alone goes into the log.

    Raises:
        OperationalError, InterfaceError, RedisError: what all steps need is away.
    """
    try:
        step()
    except AWAY:
        raise
    except Exception:
        logger.exception("a step failed, the others follow", **context)


def outlasted(step: Callable[[], None], **context: Any) -> None:
    """Do a step, also if it takes some minutes until what it needs is back. It must be harmless to do twice.

    Raises:
        OperationalError, InterfaceError, RedisError: it was away for too long.
    """
    give_up_at = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < give_up_at:
        with Survived(**context):
            return step()
        time.sleep(_PAUSE_SECONDS)
    return step()
