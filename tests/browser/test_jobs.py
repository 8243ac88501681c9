"""Jobs as an operator sees them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import assert_enjoyable, tab_to
from tests.conftest import Converter
from tests.manage import manage

LIST = "/admin/conversions/conversionjob/"
FLIGHTS = b"flight,carrier,departed,delay,distance\n" + b"".join(
    b"%d,%s,2013-01-%02d 0%d:15:00,%d.5,%d\n"
    % (1500 + n, (b"UA", b"AA", b"B6")[n % 3], n % 28 + 1, n % 9, n % 40, 900 + n % 977)
    for n in range(5000)
)
Wait = Callable[[str], dict[str, Any]]


@pytest.fixture
def refused(converter: Converter, wait_for: Wait) -> Callable[[], str]:
    """Make a job that failed because the store refused it, once."""

    def fail() -> str:
        converter.store.inject("403", method="GET", key=converter.source, times=1)
        told = "https://hooks.example.invalid/tundra"
        body = converter.request(FLIGHTS, "csv", options={"delimiter": ","}, webhook_url=told)
        job_id = converter.portal.request("POST", "/convert/file", body, Prefer="respond-async").body["job_id"]
        assert wait_for(job_id)["status"] == "failed"
        return str(job_id)

    return fail


@pytest.fixture
def slow(converter: Converter, wait_for: Wait) -> Iterator[str]:
    """A job that takes until it is told to stop."""
    converter.store.inject("slow", method="GET", key=converter.source, times=-1, piece=100_000, seconds=0.5)
    body = converter.request(FLIGHTS * 60, "csv")
    job_id = converter.portal.request("POST", "/convert/file", body, Prefer="respond-async").body["job_id"]
    yield job_id
    converter.store.clear_faults()
    converter.portal.request("POST", f"/jobs/{job_id}/cancel")
    wait_for(job_id)


def test_a_failed_job_says_why_and_is_retried_before_one_s_eyes(
    page: Page, refused: Callable[[], str], screenshots: Path
) -> None:
    page.goto(f"{LIST}{refused()}/change/")
    expect(page.get_by_role("link", name="source_refused")).to_be_visible()
    expect(page.get_by_role("row", name="Failed hooks.example.invalid")).to_be_visible()
    assert_enjoyable(page, screenshots / "failed-job")
    tab_to(page, "Retry")
    page.keyboard.press("Enter")
    expect(page.get_by_text("queued again")).to_be_visible()
    expect(page.locator(".t-badge.t-succeeded")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("retried", exact=True)).to_be_visible()


def test_a_succeeded_job_shows_its_columns_its_rows_and_its_file(
    page: Page, converter: Converter, screenshots: Path
) -> None:
    job_id = converter.portal.post("/convert/file", converter.request(FLIGHTS, "csv", compression="zstd"))["job_id"]
    page.goto(f"{LIST}{job_id}/change/")
    expect(page.get_by_text("5,000 rows, 5 columns")).to_be_visible()
    columns = page.get_by_role("table").first
    expect(columns.get_by_role("row", name="departed")).to_contain_text("2013-01-28 08:15:00")
    expect(columns.get_by_role("img", name="delay: from 0.5 to 39.5")).to_be_visible()
    expect(columns.get_by_role("row", name="carrier")).to_contain_text("UA 1,667")
    page.get_by_text("The first 100 rows").click()
    expect(page.get_by_role("group", name="The first 100 rows").get_by_text("1500")).to_be_visible()
    page.get_by_text("The Parquet file: 1 row group").click()
    expect(page.get_by_role("group", name="Columns of the Parquet file")).to_contain_text("ZSTD")
    assert_enjoyable(page, screenshots / "job")


def test_what_is_copied_runs_once_it_has_its_signatures(page: Page, converter: Converter, tmp_path: Path) -> None:
    asked = converter.request(b"a;b\n1;2\n", "csv", compression="zstd", compression_level=3, options={"delimiter": ";"})
    job_id = converter.portal.post("/convert/file", asked)["job_id"]
    page.goto(f"{LIST}{job_id}/change/")
    copied = {}
    for name in ("curl", "command"):
        page.get_by_role("button", name=f"Copy as {name}").click()
        expect(page.get_by_text("Copied.")).to_be_visible()
        copied[name] = page.evaluate("navigator.clipboard.readText()")
        assert "X-Amz" not in copied[name]
        for url in (asked["source_url"], asked["output_url"]):
            copied[name] = copied[name].replace(f"{url.partition('?')[0]}?SIGNATURE", url)
    curl, command = (shlex.split(copied[name]) for name in ("curl", "command"))
    assert curl[:3] == ["curl", "-X", "POST"]
    assert converter.portal.post(curl[3].removeprefix(converter.portal.url), json.loads(curl[-1]))["success"]
    allowed = {"DEV_STORAGE_HOSTS": converter.store.host}
    ran = manage(tmp_path, *command[2:], data_dir=converter.portal.data_dir, **allowed)
    assert (ran.returncode, command[:2]) == (0, ["python", "manage.py"]), ran.stderr
    page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")  # as without HTTPS
    page.get_by_role("button", name="Copy as curl").click()
    expect(page.locator("#curl")).to_be_visible()


def test_a_running_job_is_watched_and_cancelled(page: Page, slow: str, screenshots: Path) -> None:
    expect(page.get_by_role("link", name="source", exact=True)).to_be_visible(
        timeout=10_000
    )  # the dashboard looks by itself
    assert_enjoyable(page, screenshots / "dashboard")
    page.get_by_role("link", name="source", exact=True).click()
    bar = page.get_by_role("progressbar")
    seen = bar.get_attribute("value")
    expect(bar).not_to_have_attribute("value", seen or "", timeout=10_000)
    assert_enjoyable(page, screenshots / "running-job")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("asked to stop", exact=False).first).to_be_visible()
    expect(page.get_by_text("Cancelled", exact=True)).to_be_visible(timeout=15_000)


def test_jobs_are_filtered_and_several_are_retried_once_one_says_yes(
    page: Page, refused: Callable[[], str], screenshots: Path
) -> None:
    refused()
    refused()
    page.goto(LIST)
    assert_enjoyable(page, screenshots / "jobs")
    page.get_by_role("button", name="Filters").click()
    assert_enjoyable(page, screenshots / "jobs-filters")
    page.get_by_role("link", name="Failed").click()
    page.wait_for_url("**status__exact=failed**")
    for row in (1, 2):
        page.get_by_role("row").nth(row).get_by_role("checkbox").check()
    page.locator("select[name=action]").select_option("retry_jobs")
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_role("heading", name="Retry 2 jobs?")).to_be_visible()
    assert_enjoyable(page, screenshots / "jobs-asked")
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_text("queued again")).to_have_count(2)


def test_a_number_of_the_dashboard_leads_to_its_jobs(page: Page, converter: Converter) -> None:
    converter.convert(b"a\n1\n", "csv")
    page.goto("/admin/")
    page.get_by_role("link", name="succeeded", exact=False).first.click()
    page.wait_for_url("**/conversionjob/?status__exact=succeeded**")
    expect(page.get_by_text("Succeeded").first).to_be_visible()
