"""Granting access and repeating conversions, as an admin and an operator click through it."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import assert_enjoyable, tab_to
from tests.conftest import Converter
from tests.databases.servers import PostgresServer

CREDENTIALS = "/admin/connectors/credential/"


def fill_in(page: Page, server: PostgresServer, name: str, password: str) -> None:
    """The wizard, sent."""
    page.goto(f"{CREDENTIALS}add/")
    given = {**server.credentials(), "id": name, "password": password}
    for field, value in given.items():
        page.locator(f"[name={field}]").fill(str(value))
    tab_to(page, "Test and store")
    page.keyboard.press("Enter")


def test_credentials_are_tested_stored_used_and_switched_off(
    page: Page, postgres: PostgresServer, screenshots: Path
) -> None:
    fill_in(page, postgres, "depot", "wrong")
    expect(page.get_by_text("password authentication failed")).to_contain_text("Check the user name and the password.")
    assert_enjoyable(page, screenshots / "credential-refused")
    page.locator("[name=password]").fill(postgres.password)
    page.get_by_role("button", name="Test and store").click()
    expect(page.get_by_text("depot: the connection works; stored.")).to_be_visible()
    page.get_by_role("button", name="Test the connection").click()
    expect(page.get_by_text("depot: connected to PostgreSQL")).to_be_visible()
    assert_enjoyable(page, screenshots / "credential")
    page.get_by_role("link", name="Rotate").click()
    expect(page.get_by_text("What is left empty stays as it is stored.")).to_be_visible()
    assert_enjoyable(page, screenshots / "credential-rotate")
    page.locator("[name=password]").fill("wrong")
    page.get_by_role("button", name="Test and store").click()
    expect(page.get_by_text("password authentication failed")).to_be_visible()
    page.goto(f"{CREDENTIALS}depot/change/")
    page.get_by_role("button", name="Disable").click()
    expect(page.get_by_text("depot: disabled.")).to_be_visible()
    page.get_by_role("link", name="Jobs that used it").click()
    expect(page.get_by_role("heading", name="None matches")).to_be_visible()
    assert_enjoyable(page, screenshots / "jobs-none")
    page.goto("/admin/connectors/event/?q=credential depot")
    for action in ("created", "tested", "disabled"):
        expect(page.get_by_role("cell", name=action, exact=True).first).to_be_visible()


def test_a_conversion_is_put_on_schedule_run_and_paused(
    page: Page, postgres: PostgresServer, converter: Converter, screenshots: Path
) -> None:
    fill_in(page, postgres, "daily", postgres.password)
    expect(page.get_by_text("daily: the connection works; stored.")).to_be_visible()
    asked = {"connector_type": "postgresql", "credentials_id": "daily", "query": "SELECT 1 AS one"}
    job_id = converter.portal.post("/convert/database", asked)["job_id"]
    page.goto(f"/admin/conversions/conversionjob/{job_id}/change/")
    page.get_by_role("link", name="Schedule", exact=True).click()
    page.locator("[name=name]").fill("one each morning")
    page.locator("[name=cron]").fill("soon")
    page.get_by_role("button", name="Save the schedule").click()
    expect(page.get_by_text("'soon' is not a cron expression")).to_be_visible()
    assert_enjoyable(page, screenshots / "schedule-refused")
    page.locator("[name=cron]").fill("0 6 * * 1-5")
    page.get_by_role("button", name="Save the schedule").click()
    expect(page.get_by_text("At 06:00 on Monday through Friday").first).to_be_visible()
    page.get_by_role("button", name="Run now").click()
    expect(page.get_by_text("one each morning: queued as")).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("one each morning: paused.")).to_be_visible()
    assert_enjoyable(page, screenshots / "schedule")
    page.get_by_role("link", name=re.compile("^20[0-9][0-9]-")).click()
    expect(page.get_by_text("1 row, 1 column")).to_be_visible(timeout=30_000)
