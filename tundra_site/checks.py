"""System checks: combinations of settings that would break a promise."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register


@register(Tags.security, deploy=True)
def check_api_auth(**_: Any) -> list[CheckMessage]:
    """Outside dev nobody converts without a key."""
    if settings.TUNDRA.API_AUTH == "none" and not settings.TUNDRA.IS_DEV:
        return [Error("API_AUTH=none lets anybody convert.", hint="Set API_AUTH=key.", id="tundra.E001")]
    return []


@register(Tags.caches)
def check_shared_cache(**_: Any) -> list[CheckMessage]:
    """Rate limits are counted in the web process's own memory unless there is Redis."""
    if settings.TUNDRA.WEB_CONCURRENCY > 1 and not settings.TUNDRA.REDIS_URL:
        return [
            Error(
                "WEB_CONCURRENCY is over 1 but REDIS_URL is not set, so rate limits would be counted per process.",
                hint="Set REDIS_URL, or WEB_CONCURRENCY=1 (one process serves many requests by threads).",
                id="tundra.E002",
            )
        ]
    return []
