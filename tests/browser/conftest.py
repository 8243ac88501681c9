"""A real Chromium that is logged in to the console."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.portal import ROOT, Portal

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)


@pytest.fixture(scope="session")
def screenshots() -> Path:
    """Where pictures of the pages are kept."""
    directory = ROOT / "var" / "screenshots"
    directory.mkdir(parents=True, exist_ok=True)
    return directory


@pytest.fixture
def page(portal: Portal) -> Iterator[Page]:
    """A page of a browser that is logged in as the first superuser; any error on its console fails the test."""
    password = re.search(r"with the password (\S+)", portal.output)
    assert password
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(base_url=portal.url, viewport={"width": 1280, "height": 900})
        errors: list[str] = []
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto("/admin/")
        page.fill("[name=username]", "admin")
        page.fill("[name=password]", password[1])
        page.click("[type=submit]")
        page.wait_for_url("**/admin/")
        yield page
        browser.close()
        assert errors == []
