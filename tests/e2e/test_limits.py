"""Rate limits and budgets, on portals of their own."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conftest import Converter
from tests.faults.breaking import pids, until, until_ended
from tests.portal import Portal
from tests.store.client import ObjectStore

PEOPLE = b"id,name\n1,Ann\n"


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory, store: ObjectStore) -> Iterator[Portal]:
    """A portal with the contract's rates, and little time and few rows for a job."""
    home = tmp_path_factory.mktemp("strict")
    limits = {"MAX_PROCESSING_TIME_MINUTES": "0.1", "MAX_ROWS_PROCESSED": "1000"}
    with Portal(home, store_hosts=[store.host], TRUSTED_PROXIES="1", **limits) as running:
        yield running


def from_address(number: int) -> dict[str, str]:
    """Headers as one trusted proxy sets them: what stands further left is the caller's invention."""
    return {"X_Forwarded_For": f"203.0.113.{number}"}


def test_exactly_ten_of_many_simultaneous_requests_a_minute_pass(strict: Portal) -> None:
    with ThreadPoolExecutor(8) as clients:
        answers = list(clients.map(lambda _: strict.request("POST", "/convert/file", {}, **from_address(1)), range(25)))
    statuses = [answer.status for answer in answers]
    # A minute may end while the requests come in; then ten more pass.
    assert statuses.count(400) in (10, 20)
    refused = next(answer for answer in answers if answer.status == 429)
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert refused.body["code"] == "throttled"


def test_a_forged_forwarding_header_does_not_help(strict: Portal) -> None:
    statuses = [
        strict.request("POST", "/infer/schema", {}, X_Forwarded_For=f"198.51.100.{n}, 203.0.113.2").status
        for n in range(45)
    ]
    assert statuses.count(400) in (20, 40)


def test_reading_jobs_is_not_limited(strict: Portal) -> None:
    assert {strict.request("GET", "/jobs").status for _ in range(30)} == {200}


def convert(strict: Portal, converter: Converter, address: int, content: bytes) -> tuple[int, str]:
    answer = strict.request("POST", "/convert/file", converter.request(content, "csv"), **from_address(address))
    return answer.status, answer.body.get("code", "")


def test_a_job_that_takes_too_long_is_ended(strict: Portal, converter: Converter) -> None:
    converter.store.inject("hang", method="GET", key=converter.source, times=9, seconds=60)
    request = converter.request(PEOPLE, "csv")
    answer = strict.request("POST", "/convert/file", request, Prefer="respond-async", **from_address(3))
    job = until_ended(strict, answer.body["job_id"])
    assert job["error"]["code"] in ("processing_time_exceeded", "storage_timeout")
    assert not converter.store.exists(converter.output)


def test_a_job_that_needs_too_much_memory_is_ended_and_the_portal_goes_on(observed: Portal, store: ObjectStore) -> None:
    """On a portal with time enough: a busy machine takes its time to fill the memory."""
    converter = Converter(observed, store, "too-much-memory")
    wide = b",".join(b"c%d" % n for n in range(2000)) + b"\n" + (b"1.5," * 1999 + b"x\n") * 2000
    workers = until(lambda: idle if len(idle := pids(observed, "idle")) == 2 else None)
    failed = converter.try_(wide, "csv")
    assert (failed.status, failed.body["code"]) == (504, "memory_limit_exceeded"), failed.body
    assert "MAX_MEMORY_USAGE_GB" in failed.body["hint"]
    assert not list((observed.data_dir / "tmp").iterdir())
    assert not converter.store.exists(converter.output)
    observed.post("/convert/file", converter.request(PEOPLE, "csv"))
    until(lambda: pids(observed, "idle") == workers)


def test_a_source_with_too_many_rows_is_refused(strict: Portal, converter: Converter) -> None:
    assert convert(strict, converter, 5, b"n\n" + b"1\n" * 1001) == (413, "too_many_rows")
