"""Signed URLs at rest: encrypted with a key made from ``SECRET_KEY``, readable by no one who only has the database."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


def seal(values: Mapping[str, Any]) -> bytes:
    """Encrypt JSON-ready values."""
    return _fernet().encrypt(json.dumps(values).encode())


def unseal(token: bytes | memoryview) -> dict[str, Any] | None:
    """What ``seal`` was given, or None when it was wiped or sealed with a key that is gone."""
    try:
        opened: dict[str, Any] = json.loads(_fernet().decrypt(bytes(token)))
    except InvalidToken:
        return None
    return opened


def _fernet() -> MultiFernet:
    keys = [str(settings.SECRET_KEY), *map(str, settings.SECRET_KEY_FALLBACKS)]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(_derive(key.encode()))) for key in keys])


def _derive(key: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"tundra sealed request").derive(key)
