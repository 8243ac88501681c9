"""No secret comes to light: not in logs, rows, answers, pages, files, Parquet or processes, whatever goes wrong."""

from __future__ import annotations

import contextlib
import json
import re
import urllib.error
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from tests.databases.servers import MariaServer, PostgresServer
from tests.e2e.test_console import Browser
from tests.e2e.test_uploads import multipart
from tests.faults.breaking import kill, until
from tests.manage import manage
from tests.portal import ROOT, Portal, free_port
from tests.security.planted import (
    CONSOLE_PASSWORD,
    PASSWORD,
    SECRET_KEY,
    WEBHOOK_TOKEN,
    WRONG_PASSWORD,
    Planted,
    Processes,
    with_account,
    without_account,
)
from tests.store.client import ObjectStore

pytestmark = pytest.mark.timeout(900)  # everything is done that uses a secret
PEOPLE = b"id,name\n1,Ann\n2,Bob\n"
PAGES_OF_A_KIND = 8  # failed in different ways; the others look alike
FAULTS = ("403", "error_page_200", "503", "garbage")


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory, store: ObjectStore) -> Iterator[Portal]:
    """A portal that lets nobody in without a key, and says as much as it ever does."""
    with Portal(
        tmp_path_factory.mktemp("planted") / "data",
        store_hosts=[store.host],
        API_AUTH="key",
        SECRET_KEY=SECRET_KEY,
        LOG_LEVEL="DEBUG",
        RATE_LIMIT_ENABLED="false",
        MAX_CONCURRENT_CONVERSIONS="4",
        MAX_ATTEMPTS="1",
    ) as running:
        yield running


@pytest.fixture(scope="module")
def planted(
    portal: Portal, store: ObjectStore, postgres: PostgresServer, maria: MariaServer
) -> tuple[Planted, Processes]:
    """After everything has been done that uses a secret, successfully and not."""
    planted = Planted(portal, store, a_key(portal))
    with Processes(portal.data_dir) as processes:
        try:
            at_once(
                partial(use_files, planted),
                partial(use_databases, planted, {"postgresql": postgres, "mysql": maria}),
                partial(use_malformed_requests, planted),
            )
            ends = planted.wait_for_all()
            assert {"succeeded", "source_refused", "upload_refused", "invalid_json", "query_failed"} <= {*ends.values()}
            lose_a_child(planted)
            use_the_console(planted, postgres)
        finally:
            store.clear_faults()
            for server in (postgres, maria):
                without_account(server)
    return planted, processes


def at_once(*uses: Callable[[], None]) -> None:
    """They have nothing to do with each other, and mostly wait."""
    with ThreadPoolExecutor() as threads:
        for using in [threads.submit(use) for use in uses]:
            using.result()


def a_key(portal: Portal) -> str:
    """A superuser's API key."""
    script = (
        "import os; from django.contrib.auth.models import User;"
        "User.objects.create_superuser('planted', 'p@example.com', os.environ['GIVEN'])"
    )
    home = portal.data_dir.parent
    options: dict[str, Any] = {"data_dir": portal.data_dir, "SECRET_KEY": SECRET_KEY}
    made = manage(home, "shell", "-c", script, GIVEN=CONSOLE_PASSWORD, **options)
    assert made.returncode == 0, made.stderr
    return manage(home, "create_api_key", "planted", "--user", "planted", **options).stdout.split()[-1]


def use_files(planted: Planted) -> None:
    """Signed URLs, links and webhooks, with stores and files that are good and bad."""
    planted.convert(PEOPLE)
    planted.convert(PEOPLE, webhook_url=f"http://{planted.store.host}/hook?token={WEBHOOK_TOKEN}")
    for fault in FAULTS:
        planted.convert(PEOPLE, fault=fault, method="GET")
        planted.convert(PEOPLE, fault=fault, method="PUT")
    planted.convert(b'{"a": 1,}', "json")
    planted.convert(b"a,b\n1\n", options={"on_bad_row": "fail"})
    planted.convert(b"", "auto")
    planted.convert((ROOT / "tests" / "files" / "data" / "password.xlsx").read_bytes(), "excel")
    planted.submit(
        "/convert/file",
        {
            "source_url": planted.url("PUT", "planted/swapped"),
            "output_url": planted.url("GET", "planted/swapped"),
            "format": "csv",
        },
    )
    keep_an_output(planted)
    planted.command("convert_file", planted.url("PUT", "planted/1-"), planted.url("PUT", "planted/by-command.parquet"))
    planted.ask("POST", "/infer/schema", {"source_url": planted.url("PUT", "planted/1-"), "format": "csv"})


def keep_an_output(planted: Planted) -> None:
    """An upload, its Parquet, and a link that opens it for anybody."""
    body, content_type = multipart(PEOPLE)
    upload = planted.ask("POST", "/uploads", body, Content_Type=content_type).body
    kept = planted.ask("POST", "/convert/file", {"upload_id": upload["upload_id"], "format": "csv"}).body
    link = planted.portal.request(  # not remembered: this answer is where the link belongs
        "POST", f"{kept['output']}/link", {"expires_in": 600}, Authorization=f"Bearer {planted._key}"
    ).body["url"]
    path = link.removeprefix(planted.portal.url)
    planted.needles.add(max(path.split("/"), key=len))
    for address in (path, f"{path}x", path.replace("/outputs/", "/outputs/x")):
        planted.portal.request("GET", address)


def use_databases(planted: Planted, servers: dict[str, Any]) -> None:
    """Passwords that are right and wrong, stored and only tried, and queries that fail."""
    for kind, server in servers.items():
        account = with_account(server)
        for changes in (
            {},
            {"password": WRONG_PASSWORD},
            {"database": "nowhere"},
            {"port": free_port()},
            {"ssl_mode": "verify-full"},
            {"host": "nowhere.invalid"},
        ):
            body = {"connector_type": kind, "credentials": {**account, **changes}}
            planted.ask("POST", "/test/database-connection", body)
        stored = ("store_credentials", kind, "--connector-type", kind)
        assert planted.command(*stored, given=json.dumps(account)) == 0
        for query in ("SELECT 1 AS one", "SELECT one", "SELECT 1 FROM nowhere", "SELECT CAST('x' AS int) AS x"):
            body = {"connector_type": kind, "credentials_id": kind, "query": query}
            planted.submit("/convert/database", {**body, "output_url": planted.url("PUT", f"planted/{kind}")})
    wrong = json.dumps({**account, "password": WRONG_PASSWORD})
    assert planted.command("store_credentials", "wrong", "--connector-type", "mysql", given=wrong) == 1
    destination = str(planted.portal.data_dir / "x.parquet")
    planted.command("convert_database", destination, "--credentials-id", "mysql", "--query", "SELECT one")


def use_malformed_requests(planted: Planted) -> None:
    """Secrets where they do not belong."""
    url = planted.url("GET", "planted/1-")
    for path, body in (
        ("/convert/file", {"source_url": url.replace("http", "ftp"), "output_url": url, "format": "csv"}),
        ("/convert/file", {"source_url": f"{url}#", "output_url": [url], "format": url}),
        ("/convert/file", {"source_url": url, "output_url": url, "format": "csv", url: url}),
        ("/convert/file", {"source_url": url, "output_url": url, "format": "csv", "options": {"delimiter": url}}),
        ("/convert/file", f'{{"source_url": "{url}"'.encode()),
        ("/test/database-connection", {"connector_type": "postgresql", "credentials": PASSWORD}),
        ("/test/database-connection", {"connector_type": "mysql", "credentials": {"password": [PASSWORD]}}),
        ("/test/database-connection", {"connector_type": "mysql", "credentials": {"host": "h", "secret": PASSWORD}}),
        ("/test/database-connection", f'{{"credentials": {{"password": "{PASSWORD}"'.encode()),
    ):
        status = planted.portal.request(
            "POST", path, body, Authorization=f"Bearer {planted._key}", Content_Type="application/json"
        ).status
        assert 400 <= status < 500
    for scheme in ("Basic", "bearer x", "Token"):
        planted.portal.request("GET", "/jobs", Authorization=f"{scheme} {planted._key}")


def lose_a_child(planted: Planted) -> None:
    """A process that converts, with URLs or a password in its memory, is killed."""
    planted.store.inject("hang", method="GET", key="planted/hanging", times=-1, seconds=120)
    planted.store.put("planted/hanging", PEOPLE)
    urls = {"source_url": planted.url("GET", "planted/hanging"), "output_url": planted.url("PUT", "planted/hung")}
    planted.submit("/convert/file", {**urls, "format": "csv"})
    until(lambda: planted.store.hits("planted/hanging"))
    kill(planted.portal, "child")
    assert planted.wait_for_all()[planted.jobs[-1]] == "worker_crashed"


def use_the_console(planted: Planted, postgres: PostgresServer) -> None:
    """Credentials are stored in the console, well and badly, and every page is looked at."""
    browser, pages = Browser(planted.portal), planted.said["pages"]
    browser.get("/admin/login/")
    pages.append(browser.post("/admin/login/?next=/admin/", username="planted", password=WRONG_PASSWORD))
    pages.append(browser.post("/admin/login/?next=/admin/", username="planted", password=CONSOLE_PASSWORD))
    account = {name: str(value) for name, value in postgres.credentials(username="planted", password=PASSWORD).items()}
    for name, password in (("by_console", PASSWORD), ("not_stored", WRONG_PASSWORD)):
        fields = {**account, "id": name, "connector_type": "postgresql", "password": password}
        pages.append(browser.post("/admin/connectors/credential/add/", **fields))
    seen: set[str] = set()
    kinds: Counter[str] = Counter()
    wanted = ["/admin/"]
    while wanted:
        path = wanted.pop()
        seen.add(path)
        kind = re.sub(r"/[^/]*\d[^/]*/", "/…/", path)
        kinds[kind] += 1
        if kinds[kind] > PAGES_OF_A_KIND:
            continue
        with contextlib.suppress(urllib.error.HTTPError):
            pages.append(browser.get(path))
            found = re.findall(r'href="(/admin/[^"?#]*)"', pages[-1])
            wanted += sorted(
                {link for link in found if not re.search("logout|/login/|jsi18n|/delete/|/history/", link)}
                - {*seen, *wanted}
            )
    assert kinds["/admin/conversions/conversionjob/…/change/"] >= PAGES_OF_A_KIND
    assert "by_console" in pages[2]


def test_no_place_holds_a_secret(planted: tuple[Planted, Processes]) -> None:
    used, processes = planted
    found = [
        f"{needle[:12]}… in {place}: …{text[max(0, text.index(needle.encode()) - 60) : text.index(needle.encode())]!r}"
        for place, text in (*used.places(), ("processes", processes.seen))
        for needle in sorted(used.needles)
        if needle.encode() in text
    ]
    assert found == []


def test_every_place_was_looked_at(planted: tuple[Planted, Processes]) -> None:
    used, processes = planted
    places = dict(used.places())
    job_id = used.jobs[0].encode()
    assert job_id in places["answers"]
    assert job_id in places["pages"]
    assert job_id in places["log"]
    assert used.jobs[0].replace("-", "").encode() in places["database"]
    assert b"ended without an answer" in places["database"], "the killed child's traceback"
    assert b"SignatureDoesNotMatch" in places["commands"]
    assert sum(name.startswith("Parquet ") for name in places) >= 3
    assert any(name.startswith("file store/outputs/") for name in places)
    assert b"conversions.engine.server" in processes.seen
    assert len(used.needles) > 40
