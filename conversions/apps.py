"""The room of jobs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from django.apps import AppConfig

if TYPE_CHECKING:
    from django.contrib.auth.models import User


class ConversionsConfig(AppConfig):
    """Keeps each queue worker's engine warm, and its messenger going."""

    name = "conversions"

    def ready(self) -> None:
        """Connect to the queue's life."""
        from django.contrib.auth.models import User  # noqa: PLC0415 - needs loaded apps
        from django.db.models.signals import pre_delete  # noqa: PLC0415
        from django_q.signals import post_spawn  # noqa: PLC0415

        from conversions import messenger, webhooks  # noqa: PLC0415
        from conversions.models import ended  # noqa: PLC0415
        from conversions.supervisor import warm_up  # noqa: PLC0415

        post_spawn.connect(warm_up, dispatch_uid="conversions.warm_up")
        post_spawn.connect(messenger.start, dispatch_uid="conversions.messenger")
        ended.connect(webhooks.announce, dispatch_uid="conversions.webhooks")
        pre_delete.connect(_forget_user, sender=User, dispatch_uid="conversions.webhooks")
        os.register_at_fork(after_in_child=_forget_connections)


def _forget_user(instance: User, **_: Any) -> None:
    from conversions import webhooks  # noqa: PLC0415 - needs loaded apps

    webhooks.forget(instance)


def _forget_connections() -> None:
    """The queue forks its workers from a process that has asked the database: they must not use its connections."""
    from django.db import connections  # noqa: PLC0415 - needs loaded apps

    for connection in connections.all(initialized_only=True):
        if connection.vendor == "postgresql":
            connection.connection = None
            connection._connection_pools.clear()  # type: ignore[attr-defined]
