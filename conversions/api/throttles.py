"""Rate limits, counted by django-ratelimit and answered as DRF does: 429 with Retry-After, and RateLimit-* always."""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings
from django_ratelimit.core import get_usage
from redis.exceptions import RedisError
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from connectors.errors import Unavailable
from conversions.api.callers import caller_of
from conversions.models import Scope

RATES = {Scope.CONVERT: "RATE_LIMIT_CONVERT", Scope.INFER: "RATE_LIMIT_INFER", Scope.TEST: "RATE_LIMIT_TEST"}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class EndpointThrottle(BaseThrottle):
    """Counts a caller's requests to views of the same scope."""

    retry_after: float | None = None

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Count this request; False when it is one too many."""
        assert isinstance(view, LimitedViewSet)  # noqa: S101 - it is theirs
        if request.method not in view.counted or not settings.TUNDRA.RATE_LIMIT_ENABLED:
            return True
        scope: Scope = view.rate or view.scope
        try:
            usage = self._usage(request, scope)
        except RedisError as error:
            raise Unavailable("Requests cannot be counted: the portal's cache is away.", code="cache_away") from error
        if usage is None:
            return True
        view.rate_limit = {**usage, "rate": getattr(settings.TUNDRA, RATES[scope])}
        if not usage["should_limit"]:
            return True
        self.retry_after = usage["time_left"]
        return False

    def _usage(self, request: Request, scope: Scope) -> dict[str, Any] | None:
        usage: dict[str, Any] | None = get_usage(
            request._request,
            group=f"tundra.{scope}",
            key=lambda _group, _request: caller_of(request),
            rate=getattr(settings.TUNDRA, RATES[scope]),
            increment=True,
        )
        return usage

    def wait(self) -> float | None:
        """Seconds until the window ends, for Retry-After."""
        return self.retry_after


class LimitedViewSet(viewsets.ViewSet):
    """A view whose requests of some methods are counted, and whose answers say how many are left.

    Attributes:
        scope: what a key needs.
        rate: the scope whose limit counts; None: the same.
    """

    throttle_classes = [EndpointThrottle]
    counted: tuple[str, ...] = ("POST",)
    scope: Scope
    rate: Scope | None = None
    rate_limit: dict[str, Any] | None = None

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """Add ``RateLimit-*`` to whatever is answered."""
        answer = super().finalize_response(request, response, *args, **kwargs)
        if self.rate_limit:
            for name, value in _headers(self.rate_limit).items():
                answer[name] = value
        return answer


def _headers(usage: dict[str, Any]) -> dict[str, str]:
    count, period = re.fullmatch(r"(\d+)/([smhd])", usage["rate"]).groups()  # type: ignore[union-attr]
    return {
        "RateLimit-Policy": f"{count};w={_SECONDS[period]}",
        "RateLimit-Limit": count,
        "RateLimit-Remaining": str(max(usage["limit"] - usage["count"], 0)),
        "RateLimit-Reset": str(usage["time_left"]),
    }
