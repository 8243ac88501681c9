"""What every request has: an id that is accepted or made up, a line in the log, and somebody who acts."""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Callable

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from connectors import events
from conversions.api.callers import client_address
from conversions.logs import TRACE
from tundra_site.health import healthy

logger = structlog.stdlib.get_logger(__name__)
_ACCEPTABLE = re.compile(r"[A-Za-z0-9._-]{1,128}")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-.*")
_CLOUD_TRACE = re.compile(r"([0-9a-f]{32})(/.*)?")
_UNREMARKABLE = ("/health", "/metrics", "/static/")

_BROWSER_POLICY = {
    "Permissions-Policy": ", ".join(
        f"{feature}=()"
        for feature in ("camera", "display-capture", "geolocation", "microphone", "midi", "payment", "serial", "usb")
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Permitted-Cross-Domain-Policies": "none",
    "Cache-Control": "no-store",
}


class ProbeMiddleware:
    """Answers ``/health`` before anything looks at the Host header: probes name an address, not a host."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Handle one request."""
        probe = request.path == "/health" and request.method in ("GET", "HEAD")
        return healthy() if probe else self.get_response(request)


class BrowserPolicyMiddleware:
    """Tells browsers what these pages never need, and to keep no copy of an answer that does not allow it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Handle one request."""
        response = self.get_response(request)
        for name, value in _BROWSER_POLICY.items():
            response.headers.setdefault(name, value)
        return response


class RequestIdMiddleware:
    """Sets ``request.request_id``, answers ``X-Request-ID`` and logs the answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Handle one request."""
        given = request.headers.get("X-Request-ID", "")
        current = given if _ACCEPTABLE.fullmatch(given) else uuid.uuid4().hex
        request.request_id = current  # type: ignore[attr-defined]
        began = time.monotonic()
        with structlog.contextvars.bound_contextvars(request_id=current, **_trace(request)):
            response = self.get_response(request)
            _log(request, response, time.monotonic() - began)
        response["X-Request-ID"] = current
        return response


def _trace(request: HttpRequest) -> dict[str, str]:
    """Google Cloud's name of the trace that the request belongs to; its console shows the lines under the request."""
    found = _TRACEPARENT.fullmatch(request.headers.get("traceparent", "")) or _CLOUD_TRACE.fullmatch(
        request.headers.get("X-Cloud-Trace-Context", "")
    )
    project = settings.TUNDRA.GCP_PROJECT_ID
    return {TRACE: f"projects/{project}/traces/{found[1]}"} if found and project else {}


def _level(request: HttpRequest, response: HttpResponse) -> int:
    if response.status_code >= 500:
        return logging.ERROR
    return logging.DEBUG if request.path.startswith(_UNREMARKABLE) else logging.INFO


def _log(request: HttpRequest, response: HttpResponse, seconds: float) -> None:
    """The path without what may be a secret: its query, and the token of a link."""
    token = request.resolver_match.kwargs.get("token") if request.resolver_match else None
    logger.log(
        _level(request, response),
        "answered",
        httpRequest={
            "requestMethod": request.method,
            "requestUrl": request.path.replace(token, "…") if token else request.path,
            "status": response.status_code,
            "latency": f"{seconds:.3f}s",
        },
    )


class ActorMiddleware:
    """Says who acts: the console's user, until an API key says otherwise."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Handle one request."""
        name = f"user {request.user.get_username()}" if request.user.is_authenticated else "anonymous"
        actor = events.Actor(name, client_address(request), request.request_id)  # type: ignore[attr-defined]
        with events.acting_as(actor):
            return self.get_response(request)
