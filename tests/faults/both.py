"""Scenarios on both configurations at once: they share nothing, and mostly wait."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.conftest import Converter
from tests.portal import Portal
from tests.store.client import ObjectStore

_FIXTURES = ("embedded", "scaled_out", "store", "request")


def on_both(scenario: Callable[..., None]) -> Callable[..., None]:
    """A test that plays a scenario on the embedded default and on PostgreSQL with Redis.

    The scenario gets some converters of its portal, each with names of its own in the store, and the test's parameters.
    Scenarios break and share the portals: each finds them as good as new.
    """
    _, *parameters = inspect.signature(scenario).parameters

    def test(
        embedded: Portal, scaled_out: Portal, store: ObjectStore, request: pytest.FixtureRequest, **given: Any
    ) -> None:
        def play(portal: Portal) -> None:
            portal._wait_until_healthy(150)
            name = f"{request.node.name}-{portal.data_dir.name}".replace("[", "-").replace("]", "")
            scenario([Converter(portal, store, f"{name}-{number}") for number in range(4)], **given)

        with ThreadPoolExecutor() as threads:
            for playing in [threads.submit(play, portal) for portal in (embedded, scaled_out)]:
                playing.result()

    names = [*_FIXTURES, *parameters]
    shown = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in names]
    test.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
    test.__name__, test.__doc__ = scenario.__name__, scenario.__doc__
    return test
