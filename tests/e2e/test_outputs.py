"""``/jobs/<id>/output``: without an output_url the portal keeps the Parquet and gives it to whom it belongs."""

from __future__ import annotations

import hashlib
import io
import time
import urllib.request
from collections.abc import Callable
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.conftest import Converter
from tests.e2e.test_uploads import PEOPLE, upload
from tests.portal import Portal

Wait = Callable[[str], dict[str, Any]]


def get(portal: Portal, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """The answer, its bytes as they are."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(portal.url + path, headers=sent, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, dict(answer.headers.items()), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers.items()), error.read()


@pytest.fixture(scope="module")
def kept(portal: Portal) -> dict[str, Any]:
    """The answer of a conversion whose output the portal keeps."""
    return portal.post("/convert/file", {"upload_id": upload(portal, PEOPLE, "my people.csv"), "format": "csv"})


def test_the_parquet_is_there_and_is_what_the_receipt_says(portal: Portal, kept: dict[str, Any]) -> None:
    assert kept["output"] == f"/jobs/{kept['job_id']}/output"
    assert portal.request("GET", f"/jobs/{kept['job_id']}").body["output"] == kept["output"]
    status, headers, content = get(portal, kept["output"])
    receipt = kept["metadata"]["receipt"]
    assert status == 200
    assert headers["Content-Type"] == "application/vnd.apache.parquet"
    assert headers["Content-Disposition"] == 'attachment; filename="my people.parquet"'
    assert headers["ETag"] == f'"{receipt["sha256"]}"'
    assert int(headers["Content-Length"]) == len(content) == receipt["bytes"]
    assert hashlib.sha256(content).hexdigest() == receipt["sha256"]
    assert receipt["verified"] == "sha256"
    assert pq.read_table(io.BytesIO(content)).to_pylist() == [{"id": 1, "name": "Ann"}, {"id": 2, "name": "Bob"}]
    actions = [event["action"] for event in portal.request("GET", f"/jobs/{kept['job_id']}/events").body["events"]]
    assert "downloaded" in actions


def test_head_says_what_get_would(portal: Portal, kept: dict[str, Any]) -> None:
    status, headers, content = get(portal, kept["output"], "HEAD")
    assert (status, content) == (200, b"")
    assert int(headers["Content-Length"]) == kept["metadata"]["receipt"]["bytes"]
    assert headers["Accept-Ranges"] == "bytes"


def test_ranges_are_parts_of_the_whole(portal: Portal, kept: dict[str, Any]) -> None:
    whole, size = get(portal, kept["output"])[2], kept["metadata"]["receipt"]["bytes"]
    for asked, start, end in (
        ("bytes=0-3", 0, 4),
        ("bytes=4-", 4, size),
        ("bytes=-4", size - 4, size),
        (f"bytes=10-{size * 2}", 10, size),
        (f"bytes=-{size * 2}", 0, size),
    ):
        status, headers, content = get(portal, kept["output"], Range=asked)
        assert (status, content) == (206, whole[start:end]), asked
        assert headers["Content-Range"] == f"bytes {start}-{end - 1}/{size}"
    for ignored in ("bytes=0-1,3-4", "lines=1-2", "bytes=-", "bytes=5-4"):
        assert get(portal, kept["output"], Range=ignored)[::2] == (200, whole)
    for outside in (f"bytes={size}-", "bytes=-0"):
        assert get(portal, kept["output"], Range=outside)[0] == 416


def test_conditions_hold(portal: Portal, kept: dict[str, Any]) -> None:
    etag = f'"{kept["metadata"]["receipt"]["sha256"]}"'
    assert get(portal, kept["output"], If_None_Match=etag)[::2] == (304, b"")
    assert get(portal, kept["output"], If_None_Match='"other"')[0] == 200
    assert get(portal, kept["output"], Range="bytes=0-3", If_Range=etag)[::2] == (206, b"PAR1")
    assert get(portal, kept["output"], Range="bytes=0-3", If_Range='"other"')[0] == 200


def test_a_link_works_for_anybody_until_it_expires(portal: Portal, kept: dict[str, Any]) -> None:
    made = portal.request("POST", f"{kept['output']}/link", {"expires_in": 2})
    assert made.status == 201
    path = made.body["url"].removeprefix(portal.url)
    assert get(portal, path, Range="bytes=0-3")[::2] == (206, b"PAR1")
    for _ in range(100):
        if get(portal, path)[0] != 200:
            break
        time.sleep(0.1)
    answer = portal.request("GET", path)
    assert (answer.status, answer.body["code"]) == (410, "link_expired")
    assert portal.request("GET", path[:-3] + "abc").status == 404


@pytest.mark.parametrize("seconds", [0, -1, 604_801, "soon"])
def test_a_link_has_a_sensible_life(portal: Portal, kept: dict[str, Any], seconds: Any) -> None:
    answer = portal.request("POST", f"{kept['output']}/link", {"expires_in": seconds})
    assert (answer.status, list(answer.body["errors"])) == (400, ["expires_in"])


def test_who_has_no_output_says_why(converter: Converter, wait_for: Wait) -> None:
    portal = converter.portal
    delivered = portal.post("/convert/file", converter.request(PEOPLE, "csv"))["job_id"]
    failed = portal.request(
        "POST", "/convert/file", {"upload_id": upload(portal, b"a,b\n1\n"), "format": "csv"}, Prefer="respond-async"
    ).body["job_id"]
    assert wait_for(failed)["status"] == "failed"
    inferred = portal.post("/infer/schema", {"upload_id": upload(portal), "format": "csv"})["job_id"]
    for job_id, said in ((delivered, "delivered elsewhere"), (failed, "failed"), (inferred, "inference")):
        answer = portal.request("GET", f"/jobs/{job_id}/output")
        assert (answer.status, answer.body["code"]) == (404, "no_output")
        assert said in answer.body["detail"]
    assert not (portal.data_dir / "store" / "outputs" / failed).exists()
