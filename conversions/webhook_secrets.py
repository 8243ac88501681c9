"""The secrets that webhooks are signed with, by the Standard Webhooks specification: make, read, rotate, sign."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import timedelta

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from connectors import events
from connectors.errors import ConversionError
from conversions.models import WebhookSecret
from conversions.sealed import seal, unseal

PREFIX = "whsec_"
_BYTES = 32
_OVERLAP = timedelta(hours=24)
_MOST_FORMER = 5


def present(user: User | None) -> WebhookSecret:
    """The secret of a user, or of callers without account; made when it is first asked for."""
    found = _of(user).filter(retires_at=None).first()
    if found is not None:
        return found
    try:
        return _make(user, "created")
    except IntegrityError:  # another process was as quick
        return _of(user).get(retires_at=None)


def rotate(user: User | None) -> WebhookSecret:
    """A new secret. The former one signs beside it for a day, so that receivers can change over.

    Raises:
        ConversionError: it is being rotated at this moment, or was too often within the day (409).
    """
    now = timezone.now()
    try:
        with transaction.atomic():
            _of(user).filter(retires_at__lt=now).delete()
            _refuse_too_many(user)
            _of(user).filter(retires_at=None).update(retires_at=now + _OVERLAP)
            return _make(user, "rotated")
    except IntegrityError as error:
        raise ConversionError(
            "The webhook secret is being rotated by another request.", code="webhook_secret_conflict", http_status=409
        ) from error


def _refuse_too_many(user: User | None) -> None:
    """Each former secret makes every message longer, and its receivers were promised a day."""
    former = _of(user).exclude(retires_at=None).order_by("retires_at")
    if former.count() >= _MOST_FORMER:
        raise ConversionError(
            f"The webhook secret was rotated {_MOST_FORMER} times within a day.",
            code="webhook_secret_rotated",
            http_status=409,
            hint=f"It can be rotated again after {former[0].retires_at:%Y-%m-%d %H:%M} UTC.",
        )


def text_of(secret: WebhookSecret) -> str:
    """The secret as receivers configure it: ``whsec_…``.

    Raises:
        ConversionError: the portal's key that it was encrypted with is gone (409).
    """
    opened = unseal(secret.sealed)
    if opened is None:
        raise ConversionError(
            "The webhook secret cannot be read because SECRET_KEY has changed.",
            code="secret_unreadable",
            http_status=409,
            hint="Rotate it: POST /webhooks/secret/rotate.",
        )
    text: str = opened["secret"]
    return text


def previous_signs_until(user: User | None) -> str | None:
    """Until when a former secret still signs, if one does."""
    former = _former(user)
    return former[0].retires_at.isoformat() if former and former[0].retires_at else None


def signatures(user: User | None, message_id: str, timestamp: int, body: bytes) -> str:
    """The header ``webhook-signature``: one signature by each secret in force, the present one's first.

    Raises:
        ConversionError: the present secret cannot be read.
    """
    in_force = [present(user), *_former(user)]
    return " ".join(sign(text_of(secret), message_id, timestamp, body) for secret in in_force)


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """One signature of a message."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    digest = hmac.digest(key, b"%s.%d.%s" % (message_id.encode(), timestamp, body), hashlib.sha256)
    return f"v1,{base64.b64encode(digest).decode()}"


def _make(user: User | None, action: str) -> WebhookSecret:
    text = PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode()
    with transaction.atomic():
        secret = WebhookSecret.objects.create(user=user, sealed=seal({"secret": text}))
        events.record(secret.subject, action, user=user.get_username() if user else "")
    return secret


def _former(user: User | None) -> list[WebhookSecret]:
    """The rotated ones that still sign, newest first. One that cannot be read any more must not hold up the present."""
    rotated = _of(user).filter(retires_at__gt=timezone.now())
    return [secret for secret in rotated if unseal(secret.sealed) is not None]


def _of(user: User | None) -> QuerySet[WebhookSecret]:
    return WebhookSecret.objects.filter(user=user)
