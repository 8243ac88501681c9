"""Jobs as an operator sees them."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.conftest import Converter

FLIGHTS = b"flight,carrier,departed,delay,distance\n" + b"".join(
    b"%d,%s,2013-01-%02d 0%d:15:00,%d.5,%d\n"
    % (1500 + n, (b"UA", b"AA", b"B6")[n % 3], n % 28 + 1, n % 9, n % 40, 900 + n)
    for n in range(5000)
)


def test_an_operator_reads_a_job_and_retries_a_failed_one(page: Page, converter: Converter, screenshots: Path) -> None:
    converter.portal.post("/convert/file", converter.request(FLIGHTS, "csv", compression="zstd"))
    converter.store.inject("403", method="GET", key=converter.source, times=1)
    converter.try_(FLIGHTS, "csv")

    page.get_by_role("link", name="Conversion jobs").first.click()
    page.screenshot(path=screenshots / "jobs.png")
    page.get_by_role("row").nth(1).get_by_role("link").first.click()
    expect(page.get_by_text("source_refused")).to_be_visible()
    page.screenshot(path=screenshots / "failed-job.png", full_page=True)
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_text("queued again")).to_be_visible()

    page.get_by_role("row").nth(1).get_by_role("link").first.click()
    for _ in range(50):
        if page.get_by_text("Succeeded").is_visible():
            break
        page.wait_for_timeout(100)
        page.reload()
    expect(page.get_by_text('"sha256"')).to_be_visible()
    page.screenshot(path=screenshots / "job.png", full_page=True)
