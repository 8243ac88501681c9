"""The room of jobs."""

from django.apps import AppConfig


class ConversionsConfig(AppConfig):
    """Keeps each queue worker's engine warm."""

    name = "conversions"

    def ready(self) -> None:
        """Connect to the queue's life."""
        from django_q.signals import post_spawn  # noqa: PLC0415 - needs loaded apps

        from conversions.supervisor import warm_up  # noqa: PLC0415

        post_spawn.connect(warm_up, dispatch_uid="conversions.warm_up")
