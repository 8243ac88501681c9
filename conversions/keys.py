"""API keys: make, find, revoke. Admin, command and API enter here."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from connectors import events
from connectors.errors import ConversionError
from conversions.models import ApiKey, Scope

TOKEN_PREFIX = "tundra_"  # noqa: S105 - how every token begins
_SHOWN_CHARACTERS = len(TOKEN_PREFIX) + 6
_USE_KEPT_EVERY = timedelta(minutes=1)


def create(
    name: str, user: User, *, scopes: Sequence[str] = (), expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """Make a key; return it and its token, which nobody can read again.

    Args:
        name: what it is for; one of its user's own.
        user: whom it works for.
        scopes: what it may be used for; none given: everything.
        expires_at: when it stops working; None: never.

    Raises:
        ConversionError: the user has a key of this name (409).
    """
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    try:
        with transaction.atomic():
            key = ApiKey.objects.create(
                name=name,
                user=user,
                scopes=sorted(scopes or Scope.values),
                start=token[:_SHOWN_CHARACTERS],
                digest=_digest(token),
                expires_at=expires_at,
            )
            events.record(f"api_key {key.pk}", "created", name=name, user=user.get_username(), scopes=key.scopes)
    except IntegrityError as error:
        raise ConversionError(
            f"{user.get_username()} has an API key named '{name}' already.", code="api_key_exists", http_status=409
        ) from error
    return key, token


def find(token: str) -> ApiKey | None:
    """The usable key with this token, its use noted; None if there is none."""
    key = ApiKey.objects.select_related("user").filter(digest=_digest(token)).first()
    if key is None or not key.is_usable:
        return None
    _note_use(key)
    return key


def revoke(key: ApiKey) -> None:
    """End a key at once. Harmless when it has ended."""
    if ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now()):
        events.record(f"api_key {key.pk}", "revoked", name=key.name)
        key.refresh_from_db()


def _note_use(key: ApiKey) -> None:
    """To the minute: a write for every request would cost more than it tells."""
    now = timezone.now()
    stale = Q(last_used_at=None) | Q(last_used_at__lt=now - _USE_KEPT_EVERY)
    if key.last_used_at is None or key.last_used_at < now - _USE_KEPT_EVERY:
        ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)


def _digest(token: str) -> str:
    """A plain digest is enough: the token has 256 random bits, so there is nothing to guess."""
    return hashlib.sha256(token.encode()).hexdigest()
