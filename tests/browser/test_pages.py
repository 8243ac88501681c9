"""Every page of the console: accessible, in both themes, on a phone too, and without a mouse."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NARROW, assert_enjoyable, tab_to

PAGES = {
    "jobs": "/admin/conversions/conversionjob/",
    "schedules": "/admin/conversions/schedule/",
    "keys": "/admin/conversions/apikey/",
    "new-key": "/admin/conversions/apikey/add/",
    "credentials": "/admin/connectors/credential/",
    "new-credential": "/admin/connectors/credential/add/",
    "audit-log": "/admin/connectors/event/",
    "people": "/admin/auth/user/",
    "person": "/admin/auth/user/1/change/",
    "roles": "/admin/auth/group/",
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_enjoyable(page: Page, name: str, screenshots: Path) -> None:
    page.goto(PAGES[name])
    assert_enjoyable(page, screenshots / name)


def test_the_way_in_is_enjoyable(page: Page, screenshots: Path) -> None:
    page.context.clear_cookies()
    page.goto("/admin/")
    assert_enjoyable(page, screenshots / "login")


def test_a_page_that_looks_by_itself_asks_for_a_login_once_the_session_has_ended(page: Page) -> None:
    page.context.clear_cookies()
    page.wait_for_url("**/admin/login/**", timeout=20_000)


def test_the_console_is_dark_for_who_likes_it_dark(page: Page) -> None:
    page.emulate_media(color_scheme="dark")
    page.reload()
    expect(page.locator("html")).to_have_class("dark")


def test_a_page_is_reached_without_a_mouse(page: Page) -> None:
    tab_to(page, "Audit log")
    page.keyboard.press("Enter")
    page.wait_for_url("**/event/")
    tab_to(page, "Filters")
    page.keyboard.press("Enter")
    expect(page.locator("#changelist-filter :focus")).to_be_visible()


def test_the_pages_are_found_on_a_phone_without_a_mouse(page: Page) -> None:
    page.set_viewport_size(NARROW)
    tab_to(page, "Show or hide the pages")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Jobs", exact=True).click()
    page.wait_for_url("**/conversionjob/")
