"""Who calls: the key, user or address that is counted, and how history names them."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request

from conversions.models import ApiKey


def caller_of(request: Request) -> str:
    """Who is counted for limits and turns: the key, else the user, else the address."""
    if isinstance(request.auth, ApiKey):
        return f"key:{request.auth.pk}"
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
