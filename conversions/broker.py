"""What travels through the broker: a ring as plain JSON, never a pickle.

django-q2 sends pickles signed with ``SECRET_KEY``, so whoever has the key and can write to the broker could run code in
every worker. These brokers write and read a ring's few plain fields and admit only functions of ``conversions.tasks``
with texts as arguments; the package that django-q2 unpickles is made afresh from those, in the process that reads it.
The same goes for the state that clusters show.
"""

from __future__ import annotations

import json
import re
import time
from datetime import datetime
from typing import Any

import structlog
from django.db import connections
from django.utils import timezone
from django_q.brokers.orm import ORM
from django_q.brokers.redis_broker import Redis
from django_q.conf import Conf
from django_q.models import OrmQ
from django_q.signing import SignedPackage
from django_q.status import Stat

logger = structlog.stdlib.get_logger(__name__)
_FUNCTION = re.compile(r"conversions\.tasks\.[a-z_]+")
_TIMES = ("tob", "timestamp")
_ANY_WAITS = f"SELECT 1 FROM {OrmQ._meta.db_table} WHERE key = %s AND lock < %s LIMIT 1"  # noqa: S608 - Django's name


class NotARing(ValueError):
    """Something that no part of the portal has put there."""


def ring_of(package: str) -> str:
    """What is sent for a package that this process has just made.

    Raises:
        NotARing: it asks for something other than one of our tasks.
    """
    task = SignedPackage.loads(package)
    return json.dumps(_checked({name: task[name] for name in ("id", "name", "func", "args")}))


def package_of(ring: str | bytes) -> str:
    """The package for a ring that came from outside, made here.

    Raises:
        NotARing: it is none.
    """
    try:
        task = _checked(json.loads(ring))
    except (ValueError, RecursionError) as error:
        raise NotARing("This is no ring of ours.") from error
    rest = {"args": tuple(task["args"]), "kwargs": {}, "started": timezone.now(), "ack_failure": True}
    package: str = SignedPackage.dumps({**task, **rest})
    return package


def _checked(task: Any) -> dict[str, Any]:
    match task:
        case {"id": str(), "name": str(), "func": str(function), "args": [*args], **rest} if not rest:
            if _FUNCTION.fullmatch(function) and all(isinstance(argument, str) for argument in args):
                return dict(task)
    raise NotARing("Only functions of conversions.tasks may be rung for, with texts as arguments.")


def state_of(package: str) -> str:
    """A cluster's state as it is kept: numbers, texts and times."""
    return json.dumps(vars(SignedPackage.loads(package)), default=str)


def stat_package_of(state: str | bytes) -> str:
    """The package for a cluster's state, made here."""
    stat = Stat.__new__(Stat)
    values = json.loads(state)
    vars(stat).update(values, **{name: datetime.fromisoformat(values[name]) for name in _TIMES}, broker=None)
    package: str = SignedPackage.dumps(stat, True)
    return package


class _Plain:
    """Between django-q2's packages in this process and plain text outside it."""

    def enqueue(self, task: str) -> Any:
        """Ring."""
        return super().enqueue(ring_of(task))  # type: ignore[misc]

    def dequeue(self) -> list[tuple[Any, str]]:
        """The rings that wait. What is none is thrown away."""
        packages = []
        for receipt, ring in super().dequeue() or ():  # type: ignore[misc]
            try:
                packages.append((receipt, package_of(ring)))
            except NotARing:
                logger.exception("something in the broker was thrown away")
                self.fail(receipt)  # type: ignore[attr-defined]
        return packages

    def set_stat(self, key: str, value: str, timeout: int) -> None:
        """Show this cluster's state."""
        super().set_stat(key, state_of(value), timeout)  # type: ignore[misc]

    def get_stat(self, key: str) -> str | None:
        """One cluster's state."""
        state = super().get_stat(key)  # type: ignore[misc]
        return stat_package_of(state) if state else None

    def get_stats(self, pattern: str) -> list[str]:
        """The states of all clusters."""
        return [stat_package_of(state) for state in super().get_stats(pattern) or () if state]  # type: ignore[misc]


class DatabaseBroker(_Plain, ORM):  # type: ignore[misc]
    """Rings in the portal's own database."""

    def dequeue(self) -> list[tuple[Any, str]]:
        """The rings that wait; asked so often that an idle portal would be busy making and unmaking querysets."""
        self.get_connection()  # which closes one that has gone stale
        connection = connections[Conf.ORM]
        now = connection.ops.adapt_datetimefield_value(timezone.now())
        with connection.cursor() as cursor:
            cursor.execute(_ANY_WAITS, [self.list_key, now])
            if cursor.fetchone():
                return super().dequeue()
        time.sleep(Conf.POLL)
        return []


class RedisBroker(_Plain, Redis):  # type: ignore[misc]
    """Rings in Redis."""
