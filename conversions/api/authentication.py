"""How programs say who they are: an API key, or a Google identity token. People have the console's session."""

from __future__ import annotations

from functools import cache
from typing import Any

import jwt
from django.conf import settings
from django.contrib.auth.models import User
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from connectors import events
from connectors.errors import Unavailable
from conversions import keys
from conversions.models import ApiKey

_GOOGLE_ISSUERS = ["https://accounts.google.com", "accounts.google.com"]
_CERTIFICATES_SECONDS = 3600


class BearerToken(BaseAuthentication):
    """``Authorization: Bearer`` with an API key, or with a Google identity token where the operator allows them."""

    def authenticate(self, request: Request) -> tuple[User, ApiKey | None] | None:
        """The user the token stands for, and the key if it is one.

        Raises:
            AuthenticationFailed: the token is not valid (any more). It is not repeated.
        """
        scheme, _, token = get_authorization_header(request).decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            return None
        if settings.TUNDRA.OIDC_AUDIENCE and token.count(".") == 2:
            user = _user_of_identity(token.strip())
            events.identify(f"user {user.get_username()} by Google")
            return user, None
        key = keys.find(token.strip())
        if key is None:
            raise AuthenticationFailed("The API key is unknown, expired or revoked.")
        events.identify(f"key {key.name} of {key.user.get_username()}")
        return key.user, key

    def authenticate_header(self, request: Request) -> str:
        """The challenge that goes with a 401."""
        return 'Bearer realm="halatio-tundra"'


def _user_of_identity(token: str) -> User:
    """The active user whose e-mail address Google vouches for."""
    try:
        claims = _claims(token)
    except jwt.PyJWKClientConnectionError as error:
        raise Unavailable("Google's certificates could not be fetched.", code="identity_provider_away") from error
    except jwt.PyJWTError as error:
        raise AuthenticationFailed("The identity token is not valid here.") from error
    found = User.objects.filter(email__iexact=claims["email"], is_active=True)[:2]
    if not claims.get("email_verified") or len(found) != 1:
        raise AuthenticationFailed("The identity token is valid, but no single user here has its e-mail address.")
    return found[0]


def _claims(token: str) -> dict[str, Any]:
    key = _certificates().get_signing_key_from_jwt(token)
    claims: dict[str, Any] = jwt.decode(
        token,
        key,
        algorithms=["RS256"],
        audience=settings.TUNDRA.OIDC_AUDIENCE,
        issuer=_GOOGLE_ISSUERS,
        options={"require": ["exp", "iat", "aud", "iss", "email"]},
    )
    return claims


@cache
def _certificates() -> jwt.PyJWKClient:
    return jwt.PyJWKClient(settings.TUNDRA.OIDC_CERTIFICATES_URL, lifespan=_CERTIFICATES_SECONDS, timeout=5)
