"""API keys in the console."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from conversions import keys
from conversions.models import ApiKey
from tests.console.conftest import As

pytestmark = pytest.mark.django_db
LIST, ADD = "/admin/conversions/apikey/", "/admin/conversions/apikey/add/"
EVERYTHING = dict.fromkeys(("convert", "infer", "test-connection", "read-jobs"), "on")


def make(client: Client, user: User, **fields: str) -> str:
    """Fill in the form; the page that follows."""
    answer = client.post(ADD, {"name": "nightly", "user": str(user.pk), **EVERYTHING, **fields})
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_key_is_shown_once_and_opens_the_door(as_: As) -> None:
    operator = as_("operator")
    user = User.objects.get(username="operator")
    page = make(operator, user, expires_at_0="2999-12-31", expires_at_1="00:00")
    token = re.search(r'id="token"[^>]*>(tundra_[\w-]+)<', page)
    assert token
    key = keys.find(token[1])
    assert key
    assert (key.user, key.name, key.expires_at and key.expires_at.year) == (user, "nightly", 2999)
    for path in (LIST, f"{LIST}{key.pk}/change/"):
        assert token[1] not in operator.get(path).content.decode()


def test_a_key_that_may_do_nothing_is_refused(as_: As) -> None:
    operator = as_("operator")
    user = User.objects.get(username="operator")
    answer = operator.post(ADD, {"name": "nightly", "user": str(user.pk)})
    assert "at least one thing" in answer.content.decode()
    assert not ApiKey.objects.exists()


def test_a_name_is_taken_once(as_: As) -> None:
    operator = as_("operator")
    user = User.objects.get(username="operator")
    make(operator, user)
    assert "already" in make(operator, user)


def test_only_a_superuser_makes_keys_for_others(as_: As) -> None:
    other = User.objects.create_superuser("root")
    make(as_("admin"), other)
    assert not ApiKey.objects.exists()
    make(as_("superuser"), other)
    assert ApiKey.objects.get().user == other


def test_a_revoked_key_opens_nothing(as_: As) -> None:
    operator = as_("operator")
    key, token = keys.create("nightly", User.objects.get(username="operator"))
    asked = {"action": "revoke_keys", "_selected_action": key.pk, "index": "0"}
    assert "Revoke 1 API key?" in operator.post(LIST, asked).content.decode()
    assert keys.find(token)
    done = operator.post(LIST, {**asked, "confirmed": "yes", "stay": "yes"}, follow=True)
    assert done.redirect_chain == [(f"{LIST}{key.pk}/change/", 302)]
    assert keys.find(token) is None


def test_people_see_their_own_keys_and_admins_all(as_: As) -> None:
    keys.create("of-root", User.objects.create_superuser("root"))
    operator = as_("operator")
    keys.create("of-operator", User.objects.get(username="operator"))
    assert "of-root" not in operator.get(LIST).content.decode()
    assert "of-operator" in operator.get(LIST).content.decode()
    assert "of-root" in as_("admin").get(LIST).content.decode()
