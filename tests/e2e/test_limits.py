"""Rate limits and budgets, on portals of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conftest import Converter
from tests.faults.breaking import pids, until, until_ended
from tests.portal import Answer, Portal
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


def within_a_minute(burst: Callable[[int], list[Answer]], allowed: int, callers: tuple[int, int]) -> list[Answer]:
    """Answers to one caller's burst: where a minute ended amid it and more passed, those to another caller's."""
    answers = burst(callers[0])
    passed = sum(answer.status == 400 for answer in answers)
    return answers if passed == allowed else burst(callers[1])


def test_exactly_ten_of_many_simultaneous_requests_a_minute_pass(strict: Portal) -> None:
    def burst(caller: int) -> list[Answer]:
        with ThreadPoolExecutor(8) as clients:
            ask = clients.map(lambda _: strict.request("POST", "/convert/file", {}, **from_address(caller)), range(25))
            return list(ask)

    answers = within_a_minute(burst, 10, (1, 11))
    assert [answer.status for answer in answers].count(400) == 10
    refused = next(answer for answer in answers if answer.status == 429)
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert refused.body["code"] == "throttled"


def test_a_forged_forwarding_header_does_not_help(strict: Portal) -> None:
    def burst(caller: int) -> list[Answer]:
        forged = [f"198.51.100.{n}, 203.0.113.{caller}" for n in range(45)]
        return [strict.request("POST", "/infer/schema", {}, X_Forwarded_For=chain) for chain in forged]

    answers = within_a_minute(burst, 20, (2, 12))
    assert [answer.status for answer in answers].count(400) == 20


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
