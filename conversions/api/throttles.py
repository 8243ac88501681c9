"""Rate limits, counted by django-ratelimit and answered as DRF does: 429 with Retry-After."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django_ratelimit.core import get_usage
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from connectors.errors import Unavailable

RATES = {"convert": "RATE_LIMIT_CONVERT", "infer": "RATE_LIMIT_INFER", "test": "RATE_LIMIT_TEST"}


class EndpointThrottle(BaseThrottle):
    """Counts a caller's requests to the view's ``rate_scope``."""

    retry_after: float | None = None

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Count this request; False when it is one too many."""
        scope = getattr(view, "rate_scope", None)
        if scope is None or request.method != "POST" or not settings.TUNDRA.RATE_LIMIT_ENABLED:
            return True
        try:
            usage = self._usage(request, scope)
        except RedisError as error:
            raise Unavailable("Requests cannot be counted: the portal's cache is away.", code="cache_away") from error
        if usage is None or not usage["should_limit"]:
            return True
        self.retry_after = usage["time_left"]
        return False

    def _usage(self, request: Request, scope: str) -> dict[str, Any] | None:
        usage: dict[str, Any] | None = get_usage(
            request._request,
            group=f"tundra.{scope}",
            key=lambda _group, _request: caller_key(request),
            rate=getattr(settings.TUNDRA, RATES[scope]),
            increment=True,
        )
        return usage

    def wait(self) -> float | None:
        """Seconds until the window ends, for Retry-After."""
        return self.retry_after


def caller_key(request: Request) -> str:
    """Who is counted: the user, or the address without one."""
    if request.user and request.user.is_authenticated:
        return f"user:{request.user.pk}"
    return f"address:{client_address(request._request)}"


def client_address(request: HttpRequest) -> str:
    """The address of the client, read from the right of X-Forwarded-For: the left is forgeable."""
    proxies: int = settings.TUNDRA.TRUSTED_PROXIES
    chain = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    if 0 < proxies <= len(chain):
        return chain[-proxies]
    return str(request.META.get("REMOTE_ADDR", ""))
