"""What the requests' headers and OPTIONS ask for, where DRF's own answers would be no help to anybody."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from rest_framework.metadata import SimpleMetadata
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

if TYPE_CHECKING:  # it takes its defaults from here
    from rest_framework.views import APIView


class OneFormNegotiation(DefaultContentNegotiation):
    """Where there is one form of an answer it is given, whatever else ``Accept`` wishes: a browser is shown it too."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """The only one, or the one asked for."""
        first, *others = renderers
        if not others:
            return first, str(first.media_type)
        chosen: tuple[BaseRenderer, str] = super().select_renderer(request, [first, *others], format_suffix)
        return chosen


class EndpointMetadata(SimpleMetadata):
    """OPTIONS names the endpoint and its types; its fields are in the OpenAPI description."""

    def determine_actions(self, request: Request, view: APIView) -> dict[str, Any]:
        """None."""
        return {}
