"""A new conversion in the console, from the source to the job's page."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import assert_enjoyable, tab_to
from tests.conftest import Converter
from tests.databases.servers import PostgresServer
from tests.manage import manage
from tests.portal import Portal

NEW = "/admin/conversions/conversionjob/new/"
WORDS = b"id;word;price\n" + b"".join(b"%d;word %d;%d,5\n" % (n, n, n) for n in range(80))


@pytest.fixture(scope="module")
def shop(portal: Portal, postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Credentials for a database with a table of orders."""
    postgres.execute(
        "CREATE TABLE orders (id bigint PRIMARY KEY, customer text NOT NULL, total numeric(8,2))",
        "INSERT INTO orders SELECT n, 'customer ' || n % 7, n * 1.5 FROM generate_series(1, 200) AS n",
        "ANALYZE orders",
    )
    given = json.dumps(postgres.credentials())
    kept = ("store_credentials", "shop", "--connector-type", "postgresql")
    home = tmp_path_factory.mktemp("shop")
    assert manage(home, *kept, given=given, data_dir=portal.data_dir).returncode == 0
    return "shop"


def test_a_file_is_uploaded_looked_at_corrected_and_converted(page: Page, screenshots: Path) -> None:
    page.goto("/admin/conversions/conversionjob/")
    page.get_by_role("link", name="New conversion").last.click()
    assert_enjoyable(page, screenshots / "new")
    page.get_by_label("CSV, TSV").set_input_files({"name": "words.csv", "mimeType": "text/csv", "buffer": WORDS})
    tab_to(page, "Upload and look")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="3 columns")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("The first 50 rows")).to_be_visible()
    expect(page.get_by_label("Type of price")).to_have_value("String")
    assert_enjoyable(page, screenshots / "new-file")
    page.get_by_label("Name of word").fill("term")
    page.get_by_label("Type of id").fill("Int32")
    page.get_by_text("How it is read").click()
    page.get_by_label("Decimal comma").select_option("yes")
    page.get_by_role("button", name="Look again").click()
    expect(page.get_by_label("Type of price")).to_have_value("Float64", timeout=30_000)
    expect(page.get_by_label("Name of word")).to_have_value("term", timeout=30_000)
    expect(page.get_by_label("Type of id")).to_have_value("Int32")
    page.get_by_label("Compression", exact=True).select_option("zstd")
    page.get_by_role("button", name="Convert").click()
    expect(page.get_by_text("80 rows, 3 columns")).to_be_visible(timeout=30_000)
    columns = page.get_by_role("table").first
    expect(columns.get_by_role("row", name="term")).to_be_visible()
    of_id = columns.get_by_role("row").filter(has=page.get_by_role("rowheader", name="id", exact=True))
    expect(of_id).to_contain_text("Int32")
    expect(page.get_by_role("link", name="Download")).to_be_visible()


def test_a_wrong_guess_is_corrected_and_a_wrong_word_is_refused_at_its_field(page: Page, converter: Converter) -> None:
    converter.store.put(converter.source, b"a|b\n1|2\n")
    page.goto(NEW)
    page.get_by_label("Its signed URL").fill(converter.store.presign("GET", converter.source))
    page.get_by_role("button", name="Look at the URL").click()
    expect(page.get_by_label("Name of b")).to_be_visible(timeout=30_000)
    page.get_by_text("How it is read").click()
    page.get_by_label("Delimiter").fill("much too long")
    page.get_by_role("button", name="Look again").click()
    expect(page.get_by_text("no more than 8 characters")).to_be_visible()
    page.get_by_label("Delimiter").fill("|")
    page.get_by_label("First row has the names").select_option("false")
    page.get_by_role("button", name="Look").click()
    expect(page.get_by_role("cell", name="a", exact=True).first).to_be_visible(timeout=30_000)
    expect(page.get_by_role("heading", name="2 columns", exact=True)).to_be_visible()


def test_a_look_that_fails_says_why(page: Page) -> None:
    page.goto(NEW)
    page.get_by_label("CSV, TSV").set_input_files({"name": "none.csv", "mimeType": "text/csv", "buffer": b""})
    page.get_by_role("button", name="Upload and look").click()
    expect(page.get_by_role("heading", name="empty")).to_be_visible(timeout=30_000)


def test_a_table_is_found_looked_at_and_converted(page: Page, shop: str, screenshots: Path) -> None:
    page.goto(NEW)
    page.get_by_role("link", name=shop, exact=True).click()
    page.get_by_label("Search tables").fill("ORDER")
    page.get_by_role("link", name="public.orders").click()
    expect(page.get_by_role("group", name="public.orders").get_by_role("row", name="total")).to_contain_text(
        "numeric(8,2)"
    )
    expect(page.get_by_role("link", name="public.orders")).to_be_visible()
    page.get_by_role("button", name="Look").click()
    expect(page.get_by_text("About 200 rows")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("The first 50 rows")).to_be_visible()
    assert_enjoyable(page, screenshots / "new-database")
    page.get_by_label("Split by").fill("id")
    page.get_by_label("Connections at once").fill("2")
    page.get_by_role("button", name="Convert").click()
    expect(page.get_by_text("200 rows, 3 columns")).to_be_visible(timeout=30_000)
    page.get_by_role("link", name="Clone and edit").click()
    expect(page.get_by_label("Split by")).to_have_value("id")
    expect(page.get_by_label("Table", exact=True)).to_have_value("public.orders")


def test_a_query_is_written_refused_corrected_and_converted(page: Page, shop: str) -> None:
    page.goto(f"{NEW}database/?credentials_id={shop}")
    page.get_by_label("Or a query").fill("DELETE FROM orders")
    page.get_by_role("button", name="Look").click()
    expect(page.get_by_text("The query contains a statement that starts with DELETE")).to_be_visible()
    page.get_by_label("Or a query").fill(
        "SELECT customer, count(*) AS n FROM orders GROUP BY customer ORDER BY customer"
    )
    page.get_by_role("button", name="Look").click()
    expect(page.get_by_text(re.compile("About [0-9]+ rows"))).to_be_visible(timeout=30_000)
    page.get_by_role("button", name="Convert").click()
    expect(page.get_by_text("7 rows, 2 columns")).to_be_visible(timeout=30_000)
