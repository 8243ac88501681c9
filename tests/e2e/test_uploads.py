"""``/uploads``: a file handed to the portal is the source of conversions until it expires."""

from __future__ import annotations

import hashlib
import socket
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Converter
from tests.portal import Answer, Portal

PEOPLE = b"id,name\n1,Ann\n2,Bob\n"
Wait = Callable[[str], dict[str, Any]]


def multipart(content: bytes, filename: str = "people.csv", field: str = "file") -> tuple[bytes, str]:
    """A multipart body with one file, and its content type."""
    boundary = "part-of-the-form"
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; filename="{filename}"\r\n\r\n'
    return head.encode() + content + f"\r\n--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def send(portal: Portal, content: bytes = PEOPLE, filename: str = "people.csv", field: str = "file") -> Answer:
    """Upload a file."""
    body, content_type = multipart(content, filename, field)
    return portal.request("POST", "/uploads", body, Content_Type=content_type)


def upload(portal: Portal, content: bytes = PEOPLE, filename: str = "people.csv") -> str:
    """Upload a file; its id."""
    answer = send(portal, content, filename)
    assert answer.status == 201, answer.body
    return str(answer.body["upload_id"])


def stored(portal: Portal) -> list[Path]:
    """The files of all uploads that the portal keeps."""
    return list((portal.data_dir / "store" / "uploads").iterdir())


def test_a_file_is_kept_as_it_was_sent(portal: Portal) -> None:
    answer = send(portal)
    assert answer.status == 201
    assert answer.body["filename"] == "people.csv"
    assert answer.body["bytes"] == len(PEOPLE)
    assert answer.body["sha256"] == hashlib.sha256(PEOPLE).hexdigest()
    assert portal.request("GET", answer.headers["Location"]).body == answer.body
    kept = portal.data_dir / "store" / "uploads" / answer.body["upload_id"]
    assert kept.read_bytes() == PEOPLE


def test_an_upload_is_converted_and_inferred_as_often_as_one_likes(converter: Converter) -> None:
    portal, upload_id = converter.portal, upload(converter.portal)
    for _ in range(2):
        request = {"upload_id": upload_id, "output_url": converter.store.presign("PUT", converter.output)}
        done = portal.post("/convert/file", {**request, "format": "auto"})
        assert done["metadata"]["rows"] == 2
        assert done["metadata"]["receipt"]["bytes"] == len(converter.store.get(converter.output))
        assert done["output"] is None
        job = portal.request("GET", f"/jobs/{done['job_id']}").body
        assert (job["source"], job["request"]["upload_id"]) == ("people.csv", upload_id)
    schema = portal.post("/infer/schema", {"upload_id": upload_id, "format": "csv"})["schema"]
    assert [column["name"] for column in schema["columns"]] == ["id", "name"]


def test_a_large_file_is_kept_whole_and_one_over_the_limit_not_at_all(portal: Portal) -> None:
    before = len(stored(portal)) if (portal.data_dir / "store").exists() else 0
    large = bytes(range(256)) * 4096 * 20  # 20 MiB, the limit of this portal
    assert send(portal, large).body["sha256"] == hashlib.sha256(large).hexdigest()
    for over in (large + b"\n", large * 2):
        answer = send(portal, over)
        assert (answer.status, answer.body["code"]) == (413, "file_too_large")
        assert "20 MB" in answer.body["detail"]
    assert len(stored(portal)) == before + 1


@pytest.mark.parametrize(
    ("body", "content_type", "status", "said"),
    [
        (b'{"file": "x"}', "application/json", 415, "application/json"),
        (*multipart(PEOPLE, field="data"), 400, "'file'"),
        (b"", "multipart/form-data; boundary=x", 400, "file"),
        (b"no boundary", "multipart/form-data", 400, ""),
    ],
)
def test_what_is_not_one_file_is_refused(
    portal: Portal, body: bytes, content_type: str, status: int, said: str
) -> None:
    answer = portal.request("POST", "/uploads", body, Content_Type=content_type)
    assert answer.status == status, answer.body
    assert said in answer.body["detail"]


def test_an_upload_that_breaks_off_leaves_nothing(portal: Portal) -> None:
    before, said = stored(portal), len(portal.output)
    body, content_type = multipart(b"x" * 2**20)
    head = f"POST /uploads HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}"
    with socket.create_connection(("127.0.0.1", portal.port)) as wire:
        wire.sendall(f"{head}\r\n\r\n".encode() + body[: 2**19])
        wire.shutdown(socket.SHUT_WR)
        wire.recv(100)
    assert stored(portal) == before
    assert not [path for path in (portal.data_dir / "tmp").iterdir() if path.is_file()]
    assert "Traceback" not in portal.output[said:]


def test_a_removed_upload_is_gone(portal: Portal) -> None:
    upload_id = upload(portal)
    assert portal.request("DELETE", f"/uploads/{upload_id}").status == 204
    for method in ("GET", "DELETE"):
        answer = portal.request(method, f"/uploads/{upload_id}")
        assert (answer.status, answer.body["code"]) == (404, "upload_not_found")
    answer = portal.request("POST", "/convert/file", {"upload_id": upload_id, "format": "csv"})
    assert (answer.status, answer.body["code"]) == (404, "upload_not_found")
    assert not (portal.data_dir / "store" / "uploads" / upload_id).exists()


def test_an_upload_that_a_job_needs_is_not_removed(converter: Converter, wait_for: Wait) -> None:
    portal, upload_id = converter.portal, upload(converter.portal)
    converter.store.inject("hang", method="PUT", key=converter.output, times=1, seconds=60)
    request = {"upload_id": upload_id, "output_url": converter.store.presign("PUT", converter.output), "format": "csv"}
    job_id = portal.request("POST", "/convert/file", request, Prefer="respond-async").body["job_id"]
    answer = portal.request("DELETE", f"/uploads/{upload_id}")
    assert (answer.status, answer.body["code"]) == (409, "upload_in_use")
    portal.request("POST", f"/jobs/{job_id}/cancel")
    assert wait_for(job_id)["status"] == "cancelled"
    assert portal.request("DELETE", f"/uploads/{upload_id}").status == 204
    answer = portal.request("POST", f"/jobs/{job_id}/retry")
    assert (answer.status, answer.body["code"]) == (409, "upload_gone")


@pytest.mark.parametrize("path", ["/convert/file", "/infer/schema"])
def test_there_is_exactly_one_source(converter: Converter, path: str) -> None:
    url = converter.store.presign("GET", converter.source)
    both = converter.portal.request("POST", path, {"source_url": url, "upload_id": str(uuid.uuid4()), "format": "csv"})
    assert (both.status, list(both.body["errors"])) == (400, ["upload_id"])
    none = converter.portal.request("POST", path, {"format": "csv"})
    assert (none.status, list(none.body["errors"])) == (400, ["source_url"])
