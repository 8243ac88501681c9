"""People in front of the console."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import Group, User
from django.core.cache import cache
from django.test import Client

As = Callable[[str], Client]


@pytest.fixture(autouse=True)
def uncounted() -> None:
    """Every test begins with nothing counted."""
    cache.clear()


@pytest.fixture(autouse=True)
def quick_hashes(settings: LazySettings) -> None:
    """Django's own advice for tests: what makes guessing slow makes dozens of logins slow too."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def as_(db: None) -> As:
    """A browser of somebody with a role: ``viewer``, ``operator``, ``admin``, ``superuser`` or ``nobody``."""

    def log_in(role: str) -> Client:
        user = User.objects.create_user(role, is_staff=True, is_superuser=role == "superuser")
        if role not in ("superuser", "nobody"):
            user.groups.add(Group.objects.get(name=role))
        client = Client()
        client.force_login(user)
        return client

    return log_in
