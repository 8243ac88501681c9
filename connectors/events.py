"""Who did what to what, and when: a job's history, a credential's, a key's, and all of them as the audit log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import QuerySet

from connectors.models import Event


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts.

    Attributes:
        name: ``user ada``, ``key nightly of ada``, ``worker host:12``, ``command``, ``anonymous``.
        address: where the request came from.
        request_id: the request's id.
    """

    name: str
    address: str = ""
    request_id: str = ""


_SYSTEM = Actor("system")
_current: ContextVar[Actor] = ContextVar("actor", default=_SYSTEM)


@contextmanager
def acting_as(actor: Actor) -> Iterator[None]:
    """Everything recorded within was done by this actor."""
    token = _current.set(actor)
    try:
        yield
    finally:
        _current.reset(token)


def identify(name: str) -> None:
    """Say who the present actor has turned out to be."""
    _current.set(replace(_current.get(), name=name))


def record(subject: str, action: str, **detail: Any) -> None:
    """Keep that the present actor did something.

    Args:
        subject: a kind and an id: ``job 0d3f…``, ``credential shop``.
        action: a verb in the past: ``submitted``, ``revoked``.
        detail: JSON-ready, and nothing secret.
    """
    actor = _current.get()
    Event.objects.create(
        subject=subject,
        action=action,
        detail=detail,
        actor=actor.name[:300],
        address=actor.address[:100],
        request_id=actor.request_id,
    )


def of(subject: str) -> QuerySet[Event]:
    """What happened to a subject, oldest first."""
    return Event.objects.filter(subject=subject).order_by("at", "id")


def forget(subjects: Iterable[str]) -> None:
    """Remove the history of what is removed itself."""
    Event.objects.filter(subject__in=list(subjects)).delete()
