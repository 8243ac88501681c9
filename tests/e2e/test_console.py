"""The console's jobs, over real HTTP as a browser does it."""

from __future__ import annotations

import re
from collections.abc import Callable
from http.cookiejar import CookieJar
from typing import Any
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

import pytest

from tests.conftest import Converter
from tests.portal import Portal

Wait = Callable[[str], dict[str, Any]]


class Browser:
    """Keeps cookies, follows redirects, and sends a form's token."""

    def __init__(self, portal: Portal) -> None:
        self._url = portal.url
        self._jar = CookieJar()
        self._opener = build_opener(HTTPCookieProcessor(self._jar))

    def get(self, path: str) -> str:
        """A page's HTML."""
        with self._opener.open(self._url + path) as response:
            return str(response.read().decode())

    def post(self, path: str, **fields: str) -> str:
        """Send a form; the HTML of where it leads."""
        token = next(cookie.value for cookie in self._jar if cookie.name == "csrftoken")
        data = urlencode({**fields, "csrfmiddlewaretoken": token}).encode()
        with self._opener.open(Request(self._url + path, data, {"Referer": self._url})) as response:
            return str(response.read().decode())


@pytest.fixture(scope="module")
def admin(portal: Portal) -> Browser:
    """A browser that has logged in with the password printed at the first start."""
    password = re.search(r"with the password (\S+)", portal.output)
    assert password
    browser = Browser(portal)
    browser.get("/admin/login/")
    page = browser.post("/admin/login/?next=/admin/", username="admin", password=password[1])
    assert "The last 24 hours" in page
    return browser


def failed_job(converter: Converter, wait_for: Wait) -> str:
    """A job that failed because its source was refused once."""
    converter.store.inject("403", method="GET", key=converter.source, times=1)
    body = converter.request(b"id\n1\n", "csv")
    job_id = converter.portal.request("POST", "/convert/file", body, Prefer="respond-async").body["job_id"]
    assert wait_for(job_id)["status"] == "failed"
    return str(job_id)


def test_the_console_wants_a_login(portal: Portal) -> None:
    answer = portal.request("GET", "/admin/conversions/conversionjob/")
    assert (answer.status, answer.headers["Location"].partition("?")[0]) == (302, "/admin/login/")


def test_jobs_are_listed_filtered_and_found(admin: Browser, converter: Converter, wait_for: Wait) -> None:
    job_id = failed_job(converter, wait_for)
    assert job_id in admin.get("/admin/conversions/conversionjob/")
    assert job_id in admin.get("/admin/conversions/conversionjob/?status__exact=failed")
    assert job_id not in admin.get("/admin/conversions/conversionjob/?status__exact=succeeded")
    assert job_id in admin.get(f"/admin/conversions/conversionjob/?q={job_id}")


def test_a_failed_job_shows_why_and_no_secret(admin: Browser, converter: Converter, wait_for: Wait) -> None:
    page = admin.get(f"/admin/conversions/conversionjob/{failed_job(converter, wait_for)}/change/")
    assert "source_refused" in page
    assert "HTTP 403" in page
    assert "curl -X POST" in page
    assert "X-Amz-Signature" not in page


def test_a_failed_job_is_retried(admin: Browser, converter: Converter, wait_for: Wait) -> None:
    job_id = failed_job(converter, wait_for)
    page = admin.post(
        "/admin/conversions/conversionjob/", action="retry_jobs", _selected_action=job_id, index="0", confirmed="yes"
    )
    assert "queued again" in page
    assert wait_for(job_id)["status"] == "succeeded"


def test_a_succeeded_job_shows_its_result_and_cannot_be_retried(
    admin: Browser, converter: Converter, wait_for: Wait
) -> None:
    job_id = converter.portal.post("/convert/file", converter.request(b"id\n1\n", "csv"))["job_id"]
    page = admin.get(f"/admin/conversions/conversionjob/{job_id}/change/")
    assert "SHA-256" in page
    assert 'value="retry_jobs"' not in page
    refused = admin.post(
        "/admin/conversions/conversionjob/", action="retry_jobs", _selected_action=job_id, index="0", confirmed="yes"
    )
    assert "queued again" not in refused
