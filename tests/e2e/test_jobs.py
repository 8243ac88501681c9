"""``/jobs``: asynchronous answers, filters, pages, cancel and retry."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Converter
from tests.portal import Portal

PEOPLE = b"id,name\n1,Ann\n2,Bob\n"
Wait = Callable[[str], dict[str, Any]]


def submit(converter: Converter, content: bytes = PEOPLE, **fields: Any) -> str:
    """Submit asynchronously; the job's id."""
    request = converter.request(content, "csv", **fields)
    answer = converter.portal.request("POST", "/convert/file", request, Prefer="respond-async")
    assert answer.status == 202, answer.body
    assert answer.headers["Location"] == f"/jobs/{answer.body['job_id']}"
    assert answer.headers["Preference-Applied"] == "respond-async"
    return str(answer.body["job_id"])


def test_an_asynchronous_job_is_answered_at_once_and_ends(converter: Converter, wait_for: Wait) -> None:
    job = wait_for(submit(converter))
    assert (job["status"], job["attempts"]) == ("succeeded", 1)
    assert job["metadata"]["rows"] == 2
    assert job["progress"] == {
        "phase": "done",
        "rows": 2,
        "total_rows": 2,
        "bytes_in": job["progress"]["bytes_in"],
        "bytes_out": job["metadata"]["receipt"]["bytes"],
        "percent": 100.0,
        "eta_seconds": 0.0,
    }
    assert converter.store.exists(converter.output)


def test_wait_answers_202_when_the_time_is_over(converter: Converter, wait_for: Wait) -> None:
    converter.store.inject("slow", method="GET", key=converter.source, times=1, piece=4, seconds=0.5)
    answer = converter.portal.request("POST", "/convert/file", converter.request(PEOPLE, "csv"), Prefer="wait=1")
    assert answer.status == 202
    assert wait_for(answer.body["job_id"])["status"] == "succeeded"


def test_wait_answers_200_when_the_job_is_quicker(converter: Converter) -> None:
    answer = converter.portal.request("POST", "/convert/file", converter.request(PEOPLE, "csv"), Prefer="wait=30")
    assert answer.status == 200


def test_a_failed_job_tells_why(converter: Converter, wait_for: Wait) -> None:
    job = wait_for(submit(converter, b"a,b\n1\n"))
    assert job["status"] == "failed"
    assert "2" in job["error"]["detail"]
    assert job["error"]["retryable"] is False
    assert "traceback" not in job


def test_a_failed_job_can_be_retried_when_the_cause_is_gone(converter: Converter, wait_for: Wait) -> None:
    converter.store.inject("403", method="GET", key=converter.source, times=1)
    job_id = submit(converter)
    assert wait_for(job_id)["status"] == "failed"
    assert converter.portal.request("POST", f"/jobs/{job_id}/retry").status == 202
    job = wait_for(job_id)
    assert (job["status"], job["error"]) == ("succeeded", None)


def test_a_running_job_is_cancelled_and_delivers_nothing(converter: Converter, wait_for: Wait) -> None:
    converter.store.inject("hang", method="GET", key=converter.source, times=1, seconds=60)
    job_id = submit(converter)
    while converter.portal.request("GET", f"/jobs/{job_id}").body["status"] == "queued":
        pass
    assert converter.portal.request("POST", f"/jobs/{job_id}/cancel").status == 202
    assert wait_for(job_id)["status"] == "cancelled"
    assert not converter.store.exists(converter.output)
    assert not list((converter.portal.data_dir / "tmp").glob(f"{job_id}*"))


@pytest.mark.parametrize("step", ["cancel", "retry"])
def test_a_succeeded_job_can_be_neither_cancelled_nor_retried(converter: Converter, wait_for: Wait, step: str) -> None:
    job_id = wait_for(submit(converter))["job_id"]
    answer = converter.portal.request("POST", f"/jobs/{job_id}/{step}")
    assert answer.status == 409


def test_jobs_are_listed_newest_first_in_pages(converter: Converter, portal: Portal) -> None:
    newest = [portal.post("/convert/file", converter.request(PEOPLE, "csv"))["job_id"] for _ in range(3)][::-1]
    first = portal.request("GET", "/jobs?page_size=2").body
    assert [job["job_id"] for job in first["results"]] == newest[:2]
    second = portal.request("GET", first["next"].removeprefix(portal.url)).body
    assert second["results"][0]["job_id"] == newest[2]


def test_jobs_are_filtered(converter: Converter, wait_for: Wait) -> None:
    job = wait_for(submit(converter, b"a,b\n1\n"))
    found = converter.portal.request("GET", "/jobs?status=failed&kind=file&page_size=5").body["results"]
    assert found[0]["job_id"] == job["job_id"]
    assert {entry["status"] for entry in found} == {"failed"}
    none = converter.portal.request("GET", "/jobs?created_after=2999-01-01T00:00:00Z").body["results"]
    assert none == []


@pytest.mark.parametrize("query", ["status=done", "colour=red", "created_after=soon", "page_size=0"])
def test_a_bad_filter_is_refused_by_name(portal: Portal, query: str) -> None:
    answer = portal.request("GET", f"/jobs?{query}")
    assert answer.status == 400
    assert query.partition("=")[0] in answer.body["detail"]


@pytest.mark.parametrize("path", ["/jobs/{}", "/jobs/not-a-uuid"])
def test_an_unknown_job_is_a_404(portal: Portal, path: str) -> None:
    answer = portal.request("GET", path.format(uuid.uuid4()))
    assert (answer.status, answer.body["code"]) == (404, "not_found")
