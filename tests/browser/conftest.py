"""A real Chromium that is logged in to the console, and what every page of it has to be."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, StorageState, ViewportSize, expect, sync_playwright

from tests.portal import ROOT, Portal

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
WIDE: ViewportSize = {"width": 1280, "height": 900}
NARROW: ViewportSize = {"width": 400, "height": 800}
expect.set_options(timeout=30_000)  # milliseconds: other tests run at the same time
NAME_IN_FOCUS = """() => {
    const it = document.activeElement.cloneNode(true);
    it.querySelectorAll("[aria-hidden=true]").forEach(hidden => hidden.remove());
    return it.ariaLabel || it.title || it.textContent.trim();
}"""


@pytest.fixture(scope="session")
def screenshots() -> Path:
    """Where pictures of the pages are kept."""
    directory = ROOT / "var" / "screenshots"
    directory.mkdir(parents=True, exist_ok=True)
    return directory


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests here; not longer, because Django's ORM refuses to run beside Playwright's loop."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def session(portal: Portal, browser: Browser) -> StorageState:
    """The cookies of the first superuser, who has logged in by the form."""
    password = re.search(r"with the password (\S+)", portal.output)
    assert password
    page = browser.new_page(base_url=portal.url)
    page.goto("/admin/")
    page.fill("[name=username]", "admin")
    page.fill("[name=password]", password[1])
    page.click("[type=submit]")
    page.wait_for_url("**/admin/")
    state = page.context.storage_state()
    page.context.close()
    return state


@pytest.fixture
def page(portal: Portal, browser: Browser, session: StorageState) -> Iterator[Page]:
    """A page of somebody who is logged in; any error on its console fails the test."""
    context = browser.new_context(
        base_url=portal.url,
        storage_state=session,
        viewport=WIDE,
        reduced_motion="reduce",
        permissions=["clipboard-read", "clipboard-write"],
    )
    errors: list[str] = []
    context.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    context.on("weberror", lambda error: errors.append(str(error.error)))
    page = context.new_page()
    page.goto("/admin/")
    yield page
    context.close()
    assert errors == []


def assert_enjoyable(page: Page, picture: Path) -> None:
    """The page as it is now is accessible in both themes and on a phone, where nothing is wider than the screen.

    Args:
        page: a page of the console.
        picture: where pictures of it are kept: ``<picture>-light.png``, ``-dark.png`` and ``-narrow.png``.
    """
    page.wait_for_load_state()
    for theme in ("dark", "light"):
        page.evaluate("theme => document.documentElement.className = theme", theme)
        assert_accessible(page)
        page.screenshot(path=f"{picture}-{theme}.png", full_page=True)
    page.set_viewport_size(NARROW)
    assert_fits(page)
    assert_accessible(page)
    page.screenshot(path=f"{picture}-narrow.png", full_page=True)
    page.set_viewport_size(WIDE)


def assert_accessible(page: Page) -> None:
    """axe-core finds nothing."""
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def assert_fits(page: Page) -> None:
    """Nothing scrolls sideways but what is made to."""
    wide = page.evaluate(
        """() => document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll("#page *")]
             .filter(it => it.getBoundingClientRect().right > innerWidth + 1)
             .map(it => it.outerHTML.slice(0, 200))"""
    )
    assert wide == []


def tab_to(page: Page, name: str) -> None:
    """Press Tab until what has the focus is called this: whoever has no mouse gets there too."""
    reached: list[str] = []
    while name not in reached:
        page.keyboard.press("Tab")
        reached.append(page.evaluate(NAME_IN_FOCUS))
        assert len(reached) < 100, f"Tab never reached '{name}', only {reached}"
