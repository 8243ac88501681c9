"""The room of jobs."""

from __future__ import annotations

import os
from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ConversionsConfig(AppConfig):
    """Keeps each queue worker's engine warm and the reaper on schedule."""

    name = "conversions"

    def ready(self) -> None:
        """Connect to the queue's life."""
        from django_q.signals import post_spawn  # noqa: PLC0415 - needs loaded apps

        from conversions.supervisor import warm_up  # noqa: PLC0415

        post_spawn.connect(warm_up, dispatch_uid="conversions.warm_up")
        post_migrate.connect(_schedule_the_reaper, sender=self)
        os.register_at_fork(after_in_child=_forget_connections)


def _forget_connections() -> None:
    """The queue forks its workers from a process that has asked the database: they must not use its connections."""
    from django.db import connections  # noqa: PLC0415 - needs loaded apps

    for connection in connections.all(initialized_only=True):
        if connection.vendor == "postgresql":
            connection.connection = None
            connection._connection_pools.clear()  # type: ignore[attr-defined]


def _schedule_the_reaper(**_: Any) -> None:
    from django_q.models import Schedule  # noqa: PLC0415 - needs loaded apps

    Schedule.objects.update_or_create(
        name="reap",
        defaults={"func": "conversions.tasks.reap", "schedule_type": Schedule.MINUTES, "minutes": 1, "repeats": -1},
    )
