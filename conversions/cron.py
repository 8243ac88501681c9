"""Cron expressions: checked, put into words, followed into the future. All times are UTC."""

from __future__ import annotations

from datetime import datetime
from itertools import islice

from cronsim import CronSim, CronSimError
from django.utils import timezone

from connectors.errors import InvalidRequest


def parse(expression: str, after: datetime | None = None) -> CronSim:
    """The times of an expression after a moment (now), one by one.

    Raises:
        InvalidRequest: it is none, or its time never comes.
    """
    try:
        times = CronSim(expression, after or timezone.now())
        next(times)
    except CronSimError as error:
        raise InvalidRequest(
            f"cron: '{expression}' is not a cron expression ({error}).",
            code="invalid_cron",
            hint="Give minute, hour, day of month, month and day of week, e.g. '0 6 * * 1-5'.",
        ) from error
    except StopIteration:
        raise InvalidRequest(f"cron: the time '{expression}' never comes.", code="invalid_cron") from None
    return CronSim(expression, after or timezone.now())


def upcoming(expression: str, count: int, after: datetime | None = None) -> list[datetime]:
    """The next times of an expression."""
    return list(islice(parse(expression, after), count))


def in_words(expression: str) -> str:
    """What an expression says, for people."""
    return f"{parse(expression).explain()} (UTC)"
