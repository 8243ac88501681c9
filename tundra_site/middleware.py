"""The request's id: accepted, made up if missing, returned, and in every log line."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from tundra_site.health import health
from tundra_site.logs import request_id

_ACCEPTABLE = re.compile(r"[A-Za-z0-9._-]{1,128}")


class ProbeMiddleware:
    """Answers ``/health`` before anything looks at the Host header: probes name an address, not a host."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Handle one request."""
        return health(request) if request.path == "/health" else self.get_response(request)


class RequestIdMiddleware:
    """Sets ``request.request_id`` and answers ``X-Request-ID``."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Handle one request."""
        given = request.headers.get("X-Request-ID", "")
        current = given if _ACCEPTABLE.fullmatch(given) else uuid.uuid4().hex
        request.request_id = current  # type: ignore[attr-defined]
        token = request_id.set(current)
        try:
            response = self.get_response(request)
        finally:
            request_id.reset(token)
        response["X-Request-ID"] = current
        return response
