"""The console and the API's page work within their Content-Security-Policy, which a browser enforces."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.conftest import Converter
from tests.portal import Portal

WATCH = "window.violations = []; addEventListener('securitypolicyviolation', e => violations.push(e.violatedDirective))"
TRY = """async () => {
    const script = document.createElement('script'); script.textContent = 'window.ran = true';
    document.body.append(script);
    const link = document.createElement('a'); link.setAttribute('onclick', 'window.ran = true');
    document.body.append(link); link.click();
    const image = new Image(); image.src = 'https://example.com/x.png';
    await fetch('https://example.com/').catch(() => {});
    const frame = document.createElement('iframe'); frame.src = '/info'; document.body.append(frame);
    await new Promise(done => setTimeout(done, 300));
    return [window.ran === undefined, violations.sort()];
}"""


def test_no_page_of_the_console_breaks_the_policy(page: Page, converter: Converter) -> None:
    """The fixture fails on any error of the browser's console; violations are among them."""
    converter.convert(b"a\n1\n", "csv")
    page.add_init_script(WATCH)
    foreign: list[str] = []
    page.on("request", lambda sent: foreign.append(sent.url) if not sent.url.startswith(converter.portal.url) else None)
    page.goto("/admin/")
    links = page.eval_on_selector_all("a[href^='/admin/']", "found => found.map(link => link.getAttribute('href'))")
    pages = {link for link in links if "logout" not in link}
    assert {"/admin/conversions/conversionjob/", "/admin/auth/user/"} <= pages
    for path in sorted(pages):
        page.goto(path)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("violations") == [], path
    page.goto("/admin/conversions/conversionjob/")
    page.get_by_role("row").nth(1).get_by_role("link").first.click()
    page.wait_for_load_state("networkidle")
    assert page.evaluate("violations") == []
    assert [url for url in foreign if not url.startswith("data:")] == []


def test_the_api_s_page_works(page: Page, portal: Portal) -> None:
    page.goto("/docs")
    page.locator(".opblock-summary-get", has_text="/connectors").get_by_role("button").first.click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".live-responses-table tbody .response-col_status").first).to_contain_text("200")


def test_the_policy_stops_what_an_injected_script_would_do(page: Page) -> None:
    assert page.context.browser
    other = page.context.browser.new_page()  # what is refused here is an error on its console
    other.add_init_script(WATCH)
    other.goto(page.url)
    has_not_run, violations = other.evaluate(TRY)
    assert has_not_run
    assert set(violations) == {"script-src-elem", "script-src-attr", "img-src", "connect-src", "frame-src"}
