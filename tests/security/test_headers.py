"""What browsers are told, and the cookies they get."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.portal import ROOT, Portal

PATHS = [
    "/",
    "/info",
    "/jobs",
    "/docs",
    "/docs?script=",
    "/schema",
    "/admin/login/",
    "/nothing",
    "/static/tundra/icon.svg",
]


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_tells_browsers_what_is_allowed(portal: Portal, path: str) -> None:
    headers = portal.request("GET", path).headers
    policy = dict(directive.split(" ", 1) for directive in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == "'self' 'unsafe-eval'"
    assert "//" not in headers["Content-Security-Policy"], "nothing offsite"
    assert "camera=()" in headers["Permissions-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "gunicorn/" not in headers.get("Server", "")


@pytest.mark.parametrize("path", ["/", "/jobs", "/admin/login/", "/nothing"])
def test_no_answer_is_kept_by_a_browser(portal: Portal, path: str) -> None:
    assert "no-store" in portal.request("GET", path).headers["Cache-Control"]


IN_PRODUCTION = """
import json, django; django.setup()
from django.core.management import call_command
from django.contrib.auth import get_user_model
from django.test import Client
call_command("migrate", verbosity=0)
get_user_model().objects.create_superuser("admin", "", "a-long-password")
client = Client(enforce_csrf_checks=True)
plain = client.get("/jobs")
page = client.get("/admin/login/", secure=True)
token = page.cookies["csrftoken"].value
login = client.post("/admin/login/", {"username": "admin", "password": "a-long-password", "csrfmiddlewaretoken": token},
                    secure=True, headers={"Referer": "https://testserver/admin/login/"})
forged = client.post("/admin/logout/", {}, secure=True)
print(json.dumps({
    "plain": [plain.status_code, plain.headers.get("Location")],
    "hsts": page.headers["Strict-Transport-Security"],
    "login": login.status_code,
    "forged": forged.status_code,
    "cookies": {name: dict(cookie) for name, cookie in {**page.cookies, **login.cookies}.items()},
    "foreign_host": client.get("/", secure=True, headers={"Host": "evil.example"}).status_code,
}))
"""


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a portal in production answers."""
    done = subprocess.run(
        [sys.executable, "-c", IN_PRODUCTION],
        cwd=ROOT,
        env={**os.environ, **production_environment(tmp_path_factory.mktemp("production"))},
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def production_environment(data_dir: Path) -> dict[str, str]:
    """The least that production wants to know."""
    return {
        "DJANGO_SETTINGS_MODULE": "tundra_site.settings",
        "ENV": "production",
        "SECRET_KEY": "k" * 64,
        "ALLOWED_HOSTS": "testserver",
        "TUNDRA_DATA_DIR": str(data_dir),
        "LOG_LEVEL": "CRITICAL",
    }


def test_production_speaks_https_only(production: dict[str, Any]) -> None:
    assert production["plain"] == [301, "https://testserver/jobs"]
    assert production["hsts"] == "max-age=31536000; includeSubDomains; preload"
    assert production["foreign_host"] == 400


def test_cookies_are_for_this_host_over_https_only(production: dict[str, Any]) -> None:
    assert production["login"] == 302
    session, csrf = production["cookies"]["__Host-session"], production["cookies"]["csrftoken"]
    assert (session["secure"], session["httponly"], session["samesite"]) == (True, True, "Lax")
    assert (session["path"], session["domain"], session["max-age"]) == ("/", "", 12 * 3600)
    assert (csrf["secure"], csrf["samesite"]) == (True, "Lax")


def test_a_form_of_another_site_is_refused(production: dict[str, Any]) -> None:
    assert production["forged"] == 403
