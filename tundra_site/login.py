"""Logging in to the console: failures are counted, and too many of them end in a pause; all are on record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.core.exceptions import ValidationError
from django.db.models.signals import post_save
from django.http import HttpRequest
from django_ratelimit.core import get_usage
from unfold.forms import AuthenticationForm

from connectors import events
from conversions.api.callers import client_address

if TYPE_CHECKING:
    from django.contrib.auth.models import User


class LoginForm(AuthenticationForm):  # type: ignore[misc]
    """Refuses to try a password when there were too many wrong ones from this address or for this name."""

    def clean(self) -> Any:
        """Count a failure, and none of the successes.

        Raises:
            ValidationError: the name and password are wrong, or it is too early for another try.
        """
        if settings.TUNDRA.RATE_LIMIT_ENABLED and any(_usage(key) for key in self._keys()):
            raise ValidationError("Too many failed logins. Wait a while before you try again.", code="too_many")
        try:
            return super().clean()
        except ValidationError:
            for key in self._keys():
                _usage(key, increment=True)
            raise

    def _keys(self) -> tuple[str, str]:
        name = str(self.cleaned_data.get("username", "")).lower()
        return f"address:{client_address(self.request)}", f"name:{name}"


def _usage(key: str, *, increment: bool = False) -> bool:
    """Whether a key has failed too often."""
    usage = get_usage(
        HttpRequest(),
        group="tundra.login",
        key=lambda _group, _request: key,
        rate=settings.TUNDRA.RATE_LIMIT_LOGIN,
        increment=increment,
    )
    return bool(usage and (usage["should_limit"] or usage["count"] >= usage["limit"]))


def record_login(sender: Any, user: AbstractBaseUser, **_: Any) -> None:
    """Somebody came in."""
    events.identify(f"user {user.get_username()}")
    events.record(f"user {user.pk}", "logged_in")


def record_logout(sender: Any, user: AbstractBaseUser | None, **_: Any) -> None:
    """Somebody left."""
    if user is not None:
        events.record(f"user {user.pk}", "logged_out")


def record_failure(sender: Any, credentials: dict[str, Any], **_: Any) -> None:
    """Somebody did not come in. What was typed as a name may be a password: only a name that exists is kept."""
    from django.contrib.auth.models import User  # noqa: PLC0415 - needs loaded apps

    user = User.objects.filter(username=credentials.get("username", "")).first()
    events.record(f"user {user.pk}" if user else "user unknown", "login_failed")


def record_password(sender: Any, instance: User, created: bool, **_: Any) -> None:
    """Somebody got another password, by whatever door: until it is saved, the account holds it as it was typed."""
    if instance._password is not None and not created:  # type: ignore[attr-defined]
        events.record(f"user {instance.pk}", "password_changed")


def connect() -> None:
    """Listen to Django's logins and passwords."""
    post_save.connect(record_password, sender=settings.AUTH_USER_MODEL, dispatch_uid="tundra.password")
    user_logged_in.connect(record_login, dispatch_uid="tundra.logged_in")
    user_logged_out.connect(record_logout, dispatch_uid="tundra.logged_out")
    user_login_failed.connect(record_failure, dispatch_uid="tundra.login_failed")
