"""The store breaks as it is asked to: that way, that often, for those requests."""

from __future__ import annotations

import http.client
import select
import socket

import pytest

from tests.store.client import ObjectStore
from tests.store.conftest import CONTENT
from tests.store.wire import ask, md5_etag, put_head, say


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


def test_a_fault_that_it_does_not_know_is_an_error_of_the_test(store: ObjectStore, key: str) -> None:
    with pytest.raises(http.client.RemoteDisconnected):
        store.inject("503 Slow Down", key=key)
