"""The store that other tests lean on: it refuses what S3 refuses, keeps objects whole and breaks as it is asked to."""

from __future__ import annotations

import base64
import hashlib
import http.client
import select
import socket
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.store.client import ObjectStore

CONTENT = bytes(range(256)) * 40
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=200)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back over the wire."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str | None:
        """The code of S3's error XML."""
        return ET.fromstring(self.body).findtext("Code")  # noqa: S314 - our own store's answer

    @property
    def etag(self) -> str:
        """The ETag header."""
        return self.headers["ETag"]


def ask(method: str, url: str, body: bytes | None = None, **headers: str) -> Answer:
    """Send a request with its path and query as they stand in the URL; underscores in header names become dashes."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, url.removeprefix(f"http://{parts.netloc}"), body, named)
        response = connection.getresponse()
        return Answer(response.status, dict(response.headers), response.read())
    finally:
        connection.close()


def say(store: ObjectStore, head: str, body: bytes = b"") -> bytes:
    """Send these very bytes, say no more, and return whatever is answered until the end."""
    with socket.create_connection(("127.0.0.1", store.port), timeout=10) as wire:
        wire.sendall(head.encode() + body)
        wire.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: wire.recv(65536), b""))


def put_head(store: ObjectStore, key: str, *lines: str) -> str:
    """The head of a signed PUT with these header lines."""
    target = store.presign("PUT", key).removeprefix(store.url)
    return "\r\n".join([f"PUT {target} HTTP/1.1", f"Host: {store.host}", *lines, "", ""])


def md5_etag(content: bytes) -> str:
    """The ETag of an object that was stored by one PUT."""
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    with ObjectStore(tmp_path_factory.mktemp("store")) as running:
        yield running


@pytest.fixture
def key(store: ObjectStore, request: pytest.FixtureRequest) -> Iterator[str]:
    """An object of the test's own; faults that it leaves behind are cleared."""
    name = f"folder/{request.node.name}.bin"
    store.put(name, CONTENT)
    yield name
    store.clear_faults()


# Signatures


def test_it_gives_what_was_put_over_the_wire(store: ObjectStore, key: str) -> None:
    put = ask("PUT", store.presign("PUT", key), b"new content")
    got = ask("GET", store.presign("GET", key))
    assert (put.status, put.etag) == (200, md5_etag(b"new content"))
    assert (got.status, got.etag, got.body) == (200, md5_etag(b"new content"), b"new content")
    assert got.headers["Content-Length"] == "11"
    assert store.get(key) == b"new content"


def test_it_agrees_with_the_published_example_of_a_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.store import signature

    monkeypatch.setattr(signature, "ACCESS_KEY", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setattr(signature, "SECRET_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    at = datetime(2013, 5, 24, tzinfo=UTC)
    url = signature.presign("GET", "https://examplebucket.s3.amazonaws.com", "test.txt", 86400, at)
    assert url.endswith("&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=NAMES, content=st.binary(max_size=200))
def test_any_name_can_be_signed_stored_and_fetched(store: ObjectStore, name: str, content: bytes) -> None:
    assert ask("PUT", store.presign("PUT", name), content).status == 200
    assert ask("GET", store.presign("GET", name)).body == content == store.get(name)


def test_it_refuses_a_request_without_a_signature(store: ObjectStore, key: str) -> None:
    answer = ask("GET", f"{store.url}/tundra/{key}")
    assert (answer.status, answer.code) == (403, "AccessDenied")


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        ("/folder/", "/folder/x"),
        ("/tundra/", "//tundra/"),
        ("/folder/", "/folder%2F"),
        ("/folder/", "//folder/"),
        ("/folder/", "/./folder/"),
        ("folder", "f%6Flder"),
        ("X-Amz-Expires=900", "X-Amz-Expires=901"),
        ("X-Amz-Expires=900", "X-Amz-Expires=0900"),
        ("&X-Amz-Signature=", "&versionId=1&X-Amz-Signature="),
        ("&X-Amz-Signature=", "&X-Amz-Signature=0"),
        ("X-Amz-SignedHeaders=host", "X-Amz-SignedHeaders=host%3Baccept-encoding"),
        ("%2F", "%2f"),
    ],
)
def test_it_refuses_a_url_that_was_changed(store: ObjectStore, key: str, said: str, instead: str) -> None:
    url = store.presign("GET", key)
    assert said in url
    answer = ask("GET", url.replace(said, instead, 1))
    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")


@pytest.mark.parametrize("place", range(64))
def test_it_refuses_a_signature_with_one_digit_changed(store: ObjectStore, place: int) -> None:
    url, _, signature = store.presign("GET", "folder/any").rpartition("=")
    digit = "0" if signature[place] != "0" else "1"
    answer = ask("GET", f"{url}={signature[:place]}{digit}{signature[place + 1 :]}")
    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")


@pytest.mark.parametrize(("signed", "used"), [("GET", "PUT"), ("PUT", "GET"), ("GET", "HEAD"), ("HEAD", "GET")])
def test_it_refuses_another_method_than_was_signed(store: ObjectStore, key: str, signed: str, used: str) -> None:
    answer = ask(used, store.presign(signed, key), b"overwritten" if used == "PUT" else None)
    assert answer.status == 403
    assert store.get(key) == CONTENT


def test_it_refuses_a_url_that_was_signed_for_another_host(store: ObjectStore, key: str) -> None:
    answer = ask("GET", store.presign("GET", key), Host="s3.amazonaws.com")
    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")


def test_it_refuses_an_expired_url(store: ObjectStore, key: str) -> None:
    url = store.presign("GET", key, expires=60, signed_at=datetime.now(UTC) - timedelta(seconds=61))
    answer = ask("GET", url)
    assert (answer.status, answer.code) == (403, "AccessDenied")
    assert b"expired" in answer.body


def test_it_refuses_a_url_that_is_not_yet_valid(store: ObjectStore, key: str) -> None:
    answer = ask("GET", store.presign("GET", key, signed_at=datetime.now(UTC) + timedelta(hours=1)))
    assert (answer.status, answer.code) == (403, "AccessDenied")


@pytest.mark.parametrize("expires", [604_801, -1])
def test_it_refuses_a_lifetime_that_s3_does_not_allow(store: ObjectStore, key: str, expires: int) -> None:
    answer = ask("GET", store.presign("GET", key, expires))
    assert (answer.status, answer.code) == (400, "AuthorizationQueryParametersError")


def test_it_accepts_a_url_up_to_its_last_minute(store: ObjectStore, key: str) -> None:
    url = store.presign("GET", key, expires=600, signed_at=datetime.now(UTC) - timedelta(seconds=540))
    assert ask("GET", url).status == 200


def test_it_demands_the_headers_that_were_signed(store: ObjectStore, key: str) -> None:
    url = store.presign("PUT", key, signed_headers={"content-type": "text/csv"})
    assert ask("PUT", url, b"a,b\n").status == 403
    assert ask("PUT", url, b"a,b\n", Content_Type="text/html").code == "SignatureDoesNotMatch"
    assert ask("PUT", url, b"a,b\n", Content_Type="text/csv").status == 200


# Reading


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("bytes=0-0", 0, 1), ("bytes=5-9", 5, 10), ("bytes=100-", 100, 10240), ("bytes=10000-99999", 10000, 10240)],
)
def test_it_gives_the_range_that_is_asked_for(store: ObjectStore, key: str, asked: str, start: int, end: int) -> None:
    answer = ask("GET", store.presign("GET", key), Range=asked)
    assert (answer.status, answer.body) == (206, CONTENT[start:end])
    assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/{len(CONTENT)}"
    assert answer.headers["Content-Length"] == str(end - start)


def test_it_refuses_a_range_past_the_end(store: ObjectStore, key: str) -> None:
    answer = ask("GET", store.presign("GET", key), Range="bytes=10240-")
    assert (answer.status, answer.code) == (416, "InvalidRange")


def test_it_gives_an_object_only_while_it_matches(store: ObjectStore, key: str) -> None:
    url = store.presign("GET", key)
    assert ask("GET", url, If_Match=md5_etag(CONTENT)).body == CONTENT
    store.put(key, b"something else")
    answer = ask("GET", url, If_Match=md5_etag(CONTENT))
    assert (answer.status, answer.code) == (412, "PreconditionFailed")


def test_head_says_what_get_would(store: ObjectStore, key: str) -> None:
    answer = ask("HEAD", store.presign("HEAD", key))
    assert (answer.status, answer.etag, answer.body) == (200, md5_etag(CONTENT), b"")
    assert answer.headers["Content-Length"] == str(len(CONTENT))


def test_it_knows_an_empty_object_from_none(store: ObjectStore, key: str) -> None:
    store.put(key, b"")
    assert ask("GET", store.presign("GET", key)).body == b""
    answer = ask("GET", store.presign("GET", "folder/missing"))
    assert (answer.status, answer.code) == (404, "NoSuchKey")
    assert not store.exists("folder/missing")


# Writing


@pytest.mark.parametrize(
    "lines", [(), ("Transfer-Encoding: chunked",), ("Transfer-Encoding: chunked", "Content-Length: 3")]
)
def test_it_demands_a_content_length(store: ObjectStore, key: str, lines: tuple[str, ...]) -> None:
    answered = say(store, put_head(store, key, *lines), b"3\r\nnew\r\n0\r\n\r\n")
    assert answered.startswith(b"HTTP/1.1 411 ")
    assert b"<Code>MissingContentLength</Code>" in answered
    assert store.get(key) == CONTENT


def test_it_checks_the_digest_that_is_sent(store: ObjectStore, key: str) -> None:
    digest = base64.b64encode(hashlib.md5(b"right", usedforsecurity=False).digest()).decode()
    url = store.presign("PUT", key)
    wrong = ask("PUT", url, b"wrong", Content_MD5=digest)
    assert (wrong.status, wrong.code, store.get(key)) == (400, "BadDigest", CONTENT)
    assert ask("PUT", url, b"right", Content_MD5=digest).status == 200
    assert store.get(key) == b"right"


def test_an_upload_that_breaks_off_leaves_what_was_there(store: ObjectStore, key: str) -> None:
    with pytest.raises(ConnectionResetError):
        say(store, put_head(store, key, "Content-Length: 100"), b"only this")
    assert store.get(key) == CONTENT
    with pytest.raises(ConnectionResetError):
        say(store, put_head(store, f"{key}.new", "Content-Length: 100"), b"only this")
    assert not store.exists(f"{key}.new")


def test_a_reader_sees_one_whole_object_while_it_is_overwritten(store: ObjectStore, key: str) -> None:
    versions = [bytes([letter]) * 10_000 for letter in b"ABCDEFGH"]
    store.put(key, versions[0])
    put, get = store.presign("PUT", key), store.presign("GET", key)
    with ThreadPoolExecutor(4) as pool:
        asked = [(pool.submit(ask, "PUT", put, version), pool.submit(ask, "GET", get)) for version in versions * 20]
    assert {write.result().status for write, _ in asked} == {200}
    assert all(read.result().body in versions for _, read in asked)


# Faults


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD"])
@pytest.mark.parametrize(
    ("fault", "code"),
    [("503", "SlowDown"), ("500", "InternalError"), ("429", "TooManyRequests"), ("403", "AccessDenied")],
)
def test_it_answers_an_error_as_often_as_asked(
    store: ObjectStore, key: str, method: str, fault: str, code: str
) -> None:
    store.inject(fault, method=method, key=key, times=2)
    url, body = store.presign(method, key), b"new" if method == "PUT" else None
    answers = [ask(method, url, body) for _ in range(3)]
    assert [answer.status for answer in answers] == [int(fault), int(fault), 200]
    assert method == "HEAD" or answers[0].code == code


def test_a_fault_may_last_until_it_is_cleared(store: ObjectStore, key: str) -> None:
    store.inject("503", key=key, times=-1)
    url = store.presign("GET", key)
    assert {ask("GET", url).status for _ in range(5)} == {503}
    store.clear_faults()
    assert ask("GET", url).status == 200


def test_a_fault_hits_only_its_method_and_object(store: ObjectStore, key: str) -> None:
    store.inject("500", method="PUT", key=key)
    store.inject("500", method="GET", key="folder/another")
    assert ask("GET", store.presign("GET", key)).status == 200
    assert ask("PUT", store.presign("PUT", f"{key}.beside"), b"fine").status == 200
    assert ask("PUT", store.presign("PUT", key), b"new").status == 500


def test_a_request_that_is_not_signed_uses_up_no_fault(store: ObjectStore, key: str) -> None:
    store.inject("500", key=key)
    assert ask("GET", f"{store.url}/tundra/{key}").status == 403
    assert ask("GET", store.presign("GET", key)).status == 500


def test_it_says_when_to_come_back(store: ObjectStore, key: str) -> None:
    store.inject("503", key=key, retry_after="7")
    assert ask("GET", store.presign("GET", key)).headers["Retry-After"] == "7"


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_it_resets_the_connection(store: ObjectStore, key: str, method: str) -> None:
    store.inject("reset", method=method, key=key)
    with pytest.raises(ConnectionResetError):
        ask(method, store.presign(method, key), b"new" if method == "PUT" else None)
    assert store.get(key) == CONTENT


def test_it_resets_an_upload_after_some_bytes(store: ObjectStore, key: str) -> None:
    store.inject("reset", method="PUT", key=key, after=3)
    with pytest.raises(ConnectionError):
        ask("PUT", store.presign("PUT", key), b"new content")
    assert store.get(key) == CONTENT


def test_it_stores_and_loses_the_answer(store: ObjectStore, key: str) -> None:
    store.inject("store_then_reset", method="PUT", key=key)
    with pytest.raises(ConnectionResetError):
        ask("PUT", store.presign("PUT", key), b"new")
    assert store.get(key) == b"new"


@pytest.mark.parametrize(("after", "arrived"), [(None, 5120), (7, 7), (0, 0)])
def test_it_ends_a_download_early(store: ObjectStore, key: str, after: int | None, arrived: int) -> None:
    store.inject("truncate", method="GET", key=key, after=after)
    with pytest.raises(http.client.IncompleteRead) as broken:
        ask("GET", store.presign("GET", key))
    assert broken.value.partial == CONTENT[:arrived]


def test_it_names_a_wrong_etag(store: ObjectStore, key: str) -> None:
    store.inject("wrong_etag", method="PUT", key=key)
    answer = ask("PUT", store.presign("PUT", key), b"new")
    assert answer.status == 200
    assert len(answer.etag) == len(md5_etag(b"new"))
    assert answer.etag != md5_etag(b"new")
    assert store.get(key) == b"new"


def test_its_etag_under_kms_is_no_digest_and_it_says_so(store: ObjectStore, key: str) -> None:
    store.inject("kms_etag", method="PUT", key=key)
    answer = ask("PUT", store.presign("PUT", key), b"new")
    assert answer.headers["x-amz-server-side-encryption"] == "aws:kms"
    assert answer.etag != md5_etag(b"new")


def test_its_etag_of_several_parts_is_no_digest(store: ObjectStore, key: str) -> None:
    store.inject("multipart_etag", key=key)
    assert ask("GET", store.presign("GET", key)).etag.endswith('-2"')


def test_it_leaves_the_etag_out(store: ObjectStore, key: str) -> None:
    store.inject("no_etag", key=key)
    assert "ETag" not in ask("GET", store.presign("GET", key)).headers


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_it_changes_a_byte_on_the_way(store: ObjectStore, key: str, method: str) -> None:
    store.inject("corrupt", method=method, key=key)
    answer = ask(method, store.presign(method, key), CONTENT if method == "PUT" else None)
    arrived = store.get(key) if method == "PUT" else answer.body
    assert answer.status == 200
    assert len(arrived) == len(CONTENT)
    assert arrived != CONTENT


@pytest.mark.parametrize(("fault", "start"), [("error_page_200", b"<?xml"), ("html_200", b"<!DOCTYPE html>")])
def test_it_answers_a_page_as_if_all_were_well(store: ObjectStore, key: str, fault: str, start: bytes) -> None:
    store.inject(fault, key=key)
    answer = ask("GET", store.presign("GET", key))
    assert answer.status == 200
    assert answer.body.startswith(start)


def test_it_sends_elsewhere(store: ObjectStore, key: str) -> None:
    store.inject("redirect", key=key, location="http://169.254.169.254/")
    answer = ask("GET", store.presign("GET", key))
    assert (answer.status, answer.headers["Location"]) == (307, "http://169.254.169.254/")


def test_it_refuses_an_upload_unread(store: ObjectStore, key: str) -> None:
    store.inject("refuse_early", method="PUT", key=key)
    answered = say(store, put_head(store, key, "Content-Length: 1000000"))
    assert answered.startswith(b"HTTP/1.1 403 ")
    assert store.get(key) == CONTENT


def test_it_gives_a_body_without_a_length(store: ObjectStore, key: str) -> None:
    store.inject("no_length", key=key)
    answer = ask("GET", store.presign("GET", key))
    assert (answer.body, "Content-Length" in answer.headers) == (CONTENT, False)


def test_it_gives_a_body_in_chunks(store: ObjectStore, key: str) -> None:
    store.inject("chunked", key=key)
    answer = ask("GET", store.presign("GET", key))
    assert (answer.body, answer.headers["Transfer-Encoding"]) == (CONTENT, "chunked")


def test_it_breaks_off_inside_the_chunks(store: ObjectStore, key: str) -> None:
    store.inject("chunked", key=key, after=100)
    with pytest.raises(http.client.IncompleteRead):
        ask("GET", store.presign("GET", key))


def test_it_calls_plain_bytes_gzip(store: ObjectStore, key: str) -> None:
    store.inject("gzip_header", key=key)
    answer = ask("GET", store.presign("GET", key))
    assert (answer.headers["Content-Encoding"], answer.body) == ("gzip", CONTENT)


def test_it_gives_the_whole_object_for_a_range(store: ObjectStore, key: str) -> None:
    store.inject("ignore_range", key=key)
    answer = ask("GET", store.presign("GET", key), Range="bytes=5-9")
    assert (answer.status, answer.body) == (200, CONTENT)


def test_it_answers_what_is_not_http(store: ObjectStore, key: str) -> None:
    store.inject("garbage", key=key)
    with pytest.raises(http.client.BadStatusLine):
        ask("GET", store.presign("GET", key))


@pytest.mark.parametrize("fault", ["slow", "slow_head", "hang"])
def test_it_takes_its_time_and_delivers_all(store: ObjectStore, key: str, fault: str) -> None:
    store.inject(fault, key=key, seconds=0.001, piece=1024)
    assert ask("GET", store.presign("GET", key)).body == CONTENT


def test_it_takes_its_time_and_receives_all(store: ObjectStore, key: str) -> None:
    store.inject("slow", method="PUT", key=key, seconds=0.001, piece=100)
    assert ask("PUT", store.presign("PUT", key), CONTENT[::-1]).status == 200
    assert store.get(key) == CONTENT[::-1]


def test_it_says_nothing_while_it_hangs(store: ObjectStore, key: str) -> None:
    store.inject("hang", key=key, seconds=30)
    target = store.presign("GET", key).removeprefix(store.url)
    with socket.create_connection(("127.0.0.1", store.port)) as wire:
        wire.sendall(f"GET {target} HTTP/1.1\r\nHost: {store.host}\r\n\r\n".encode())
        assert select.select([wire], [], [], 0.5)[0] == []


# The process


def test_its_log_names_requests_but_no_signature(store: ObjectStore, key: str) -> None:
    store.inject("503", key=key)
    url = store.presign("GET", key)
    ask("GET", url)
    ask("GET", url, Range="bytes=0-1")
    entries = [entry for entry in store.requests("GET") if entry["key"].endswith(key)]
    assert [(entry["status"], entry["fault"]) for entry in entries] == [(503, "503"), (206, None)]
    assert entries[1]["headers"]["range"] == "bytes=0-1"
    assert "X-Amz-Signature" not in str(entries)


def test_objects_survive_a_restart_on_the_same_port(tmp_path: Path) -> None:
    with ObjectStore(tmp_path) as store:
        port, url = store.port, store.presign("GET", "kept")
        ask("PUT", store.presign("PUT", "kept"), b"content")
        store.stop()
        with pytest.raises(ConnectionRefusedError):
            ask("GET", url)
        store.start(port)
        assert ask("GET", url).body == b"content"


def test_it_ends_with_whoever_started_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.store", "--directory", str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert int(process.stdout.readline()) > 0
        process.stdin.close()
        assert process.wait(timeout=10) == 0
