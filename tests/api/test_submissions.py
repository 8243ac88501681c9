"""Requests that are repeated, callers that take turns, limits that are told, old jobs that go."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.api.conftest import Client, run
from tests.conftest import Converter
from tests.portal import Portal
from tests.store.client import ObjectStore

PEOPLE = b"id,name\n1,Ann\n"


@pytest.fixture
def converter(guarded: Portal, store: ObjectStore, request: pytest.FixtureRequest) -> Converter:
    """Requests for the guarded portal."""
    return Converter(guarded, store, request.node.name)


def submit(caller: Client, body: dict[str, Any], **headers: str) -> str:
    answer = caller.request("POST", "/convert/file", body, Prefer="respond-async", **headers)
    assert answer.status == 202, answer.body
    return str(answer.body["job_id"])


def ended(caller: Client, job_id: str) -> dict[str, Any]:
    for _ in range(1200):
        job = caller.request("GET", f"/jobs/{job_id}").body
        if job["status"] in ("succeeded", "failed", "cancelled"):
            return dict(job)
        time.sleep(0.05)
    raise AssertionError(f"job {job_id} did not end")


def test_the_same_key_with_the_same_body_is_the_same_job(ada: Client, bob: Client, converter: Converter) -> None:
    body = converter.request(PEOPLE, "csv")
    with ThreadPoolExecutor(8) as clients:
        answers = list(
            clients.map(lambda _: ada.request("POST", "/convert/file", body, Idempotency_Key="order-7"), range(8))
        )
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body["job_id"] for answer in answers}) == 1
    other = bob.request("POST", "/convert/file", body, Idempotency_Key="order-7")
    assert other.body["job_id"] != answers[0].body["job_id"]


def test_the_same_key_with_another_body_is_a_conflict(ada: Client, converter: Converter) -> None:
    body = converter.request(PEOPLE, "csv")
    assert ada.request("POST", "/convert/file", body, Idempotency_Key="order-8").status == 200
    answer = ada.request("POST", "/convert/file", {**body, "compression": "zstd"}, Idempotency_Key="order-8")
    assert (answer.status, answer.body["code"]) == (409, "idempotency_conflict")
    assert "order-8" in answer.body["detail"]


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb"])
def test_an_idempotency_key_that_is_none_is_refused(ada: Client, converter: Converter, key: str) -> None:
    answer = ada.request("POST", "/convert/file", converter.request(PEOPLE, "csv"), Idempotency_Key=key)
    assert answer.status == 400
    assert "Idempotency-Key" in answer.body["detail"]


def test_one_callers_many_jobs_do_not_keep_anothers_waiting(ada: Client, bob: Client, converter: Converter) -> None:
    converter.store.inject("hang", method="GET", key=converter.source, times=1, seconds=3)
    body = converter.request(PEOPLE, "csv")
    many = [submit(ada, body) for _ in range(12)]
    one = ended(bob, submit(bob, body))
    started = sorted(ended(ada, job_id)["started_at"] for job_id in many)
    # The one that hung, one more of ada's at the most that was queued first in the same turn, then bob's.
    assert one["started_at"] < started[2]


def test_answers_tell_how_many_requests_are_left(ada: Client, bob: Client) -> None:
    answers = [ada.request("POST", "/infer/schema", {}) for _ in range(5)]
    assert [answer.status for answer in answers] == [400, 400, 400, 429, 429]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0", "0"]
    assert answers[0].headers["RateLimit-Limit"] == "3"
    assert answers[0].headers["RateLimit-Policy"] == "3;w=3600"
    assert 0 < int(answers[0].headers["RateLimit-Reset"]) <= 3600
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert bob.request("POST", "/infer/schema", {}).status == 400


def test_only_allowed_origins_may_call_from_a_browser(guarded: Portal) -> None:
    asked = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "authorization,idempotency-key"}
    allowed = guarded.request("OPTIONS", "/convert/file", Origin="https://app.example.com", **asked)
    assert allowed.headers["access-control-allow-origin"] == "https://app.example.com"
    assert "idempotency-key" in allowed.headers["access-control-allow-headers"]
    other = guarded.request("OPTIONS", "/convert/file", Origin="https://evil.example.com", **asked)
    assert "access-control-allow-origin" not in other.headers


def test_old_jobs_are_removed_with_all_that_was_kept(ada: Client, converter: Converter, guarded: Portal) -> None:
    body = converter.request(b"a,b\n1,2\n3\n", "csv", options={"on_bad_row": "skip"})
    job = ended(ada, submit(ada, body))
    assert ada.request("GET", f"/jobs/{job['job_id']}/rejects").status == 200
    assert "0 jobs removed" in run(guarded.data_dir, "prune_jobs", "--days", "1")
    assert ada.request("GET", f"/jobs/{job['job_id']}").status == 200
    run(guarded.data_dir, "prune_jobs", "--days", "0")
    assert ada.request("GET", f"/jobs/{job['job_id']}").status == 404
    assert not list((guarded.data_dir / "store" / "rejects").iterdir())
