"""Downloads from a real store that breaks on request: whole and right, or a clear failure and no file."""

from __future__ import annotations

import hashlib
import tracemalloc
from pathlib import Path

import pytest

from connectors import http as edge_http
from connectors.errors import ConversionError, LimitReached, TooLarge, Unavailable, UpstreamFailed
from connectors.fetch import error_page_reason
from tests.http.conftest import CONTENT, Edge, Server, parse

HALF = len(CONTENT) // 2
MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


def failure(edge: Edge, *, seconds: float = 20) -> ConversionError:
    """The error a download ends with; it leaves no file."""
    with pytest.raises(ConversionError) as caught:
        edge.download(seconds=seconds)
    assert not edge.file.exists()
    assert "Signature" not in caught.value.message
    return caught.value


def test_it_brings_the_bytes_and_what_the_store_says_of_them(edge: Edge) -> None:
    fetched = edge.download()
    assert edge.file.read_bytes() == CONTENT
    assert (fetched.bytes, fetched.content_type) == (len(CONTENT), "binary/octet-stream")
    assert fetched.etag == f'"{MD5}"'
    assert edge.told[-1] == (len(CONTENT), len(CONTENT))
    assert [read for read, _ in edge.told] == sorted(read for read, _ in edge.told)


def test_it_asks_for_the_bytes_as_they_are_stored(edge: Edge) -> None:
    edge.download()
    headers = edge.requests()[-1]["headers"]
    assert isinstance(headers, dict)
    assert headers["accept-encoding"] == "identity"
    assert "range" not in headers


@pytest.mark.parametrize("key", ["a b", "a%20b", "a/../b", "a//b", "~tilde", "ü", "x+y=z&q", "a?b#c", "%7E", "." * 3])
def test_it_keeps_the_path_byte_for_byte_or_the_signature_would_break(edge: Edge, key: str) -> None:
    edge.key = f"names/{key}"
    edge.store.put(edge.key, key.encode())
    edge.download()
    assert edge.file.read_bytes() == key.encode()


def test_it_brings_an_empty_object(edge: Edge) -> None:
    edge.store.put(edge.key, b"")
    assert edge.download().bytes == 0
    assert edge.file.read_bytes() == b""


@pytest.mark.parametrize(
    "fault", ["500", "502", "503", "504", "429", "reset", "garbage", "truncate", "corrupt", "wrong_etag"]
)
def test_it_mends_a_passing_fault(edge: Edge, fault: str) -> None:
    edge.store.inject(fault, method="GET", key=edge.key, times=2)
    edge.download()
    assert edge.file.read_bytes() == CONTENT


@pytest.mark.parametrize("fault", ["multipart_etag", "kms_etag", "no_etag", "chunked", "no_length", "gzip_header"])
def test_it_takes_what_is_unusual_but_right(edge: Edge, fault: str) -> None:
    edge.store.inject(fault, method="GET", key=edge.key, times=-1)
    edge.download()
    assert edge.file.read_bytes() == CONTENT
    assert len(edge.requests()) == 1


@pytest.mark.parametrize(
    ("fault", "code", "said"),
    [
        ("500", "source_unavailable", "HTTP 500, InternalError"),
        ("503", "source_unavailable", "HTTP 503, SlowDown"),
        ("429", "source_unavailable", "HTTP 429, TooManyRequests"),
        ("reset", "storage_unavailable", "broke the connection"),
        ("garbage", "storage_unavailable", "not HTTP"),
        ("wrong_etag", "source_corrupt", "its own checksum"),
        ("corrupt", "source_corrupt", "its own checksum"),
    ],
)
def test_it_gives_up_on_a_lasting_fault_after_a_few_tries(edge: Edge, fault: str, code: str, said: str) -> None:
    edge.store.inject(fault, method="GET", key=edge.key, times=-1)
    error = failure(edge)
    assert (error.http_status, error.code, error.retryable) == (502, code, True)
    assert said in error.message
    assert len(edge.requests()) == 5


@pytest.mark.parametrize(
    ("fault", "said"),
    [("403", "HTTP 403, AccessDenied"), ("404", "HTTP 404, NoSuchKey"), ("400", "HTTP 400"), ("501", "HTTP 501")],
)
def test_it_does_not_repeat_what_was_refused(edge: Edge, fault: str, said: str) -> None:
    edge.store.inject(fault, method="GET", key=edge.key, times=-1)
    error = failure(edge)
    assert (error.http_status, error.code, error.retryable) == (502, "source_refused", False)
    assert said in error.message
    assert len(edge.requests()) == 1


def test_it_repeats_a_refusal_whose_code_says_that_it_passes(edge: Edge) -> None:
    edge.store.inject("400", method="GET", key=edge.key, code="RequestTimeout")
    assert edge.download().bytes == len(CONTENT)


def test_it_follows_no_redirect(edge: Edge) -> None:
    edge.store.inject(
        "redirect", method="GET", key=edge.key, times=-1, location="http://169.254.169.254/latest/meta-data"
    )
    error = failure(edge)
    assert (error.http_status, error.code) == (502, "source_refused")
    assert "redirect (HTTP 307)" in error.message
    assert "169.254" not in error.message
    assert len(edge.requests()) == 1


def test_it_reports_a_wrong_signature_without_repeating_it(edge: Edge) -> None:
    url = edge.store.presign("GET", edge.key)
    tampered = url[:-4] + ("0000" if not url.endswith("0000") else "1111")
    with pytest.raises(UpstreamFailed) as caught:
        edge.download(parse(tampered, edge.store.host))
    assert caught.value.code == "source_refused"
    assert "SignatureDoesNotMatch" in caught.value.message
    assert tampered.rpartition("=")[2] not in caught.value.message


def test_it_resumes_where_the_store_broke_off(edge: Edge) -> None:
    edge.store.inject("truncate", method="GET", key=edge.key, after=HALF)
    edge.download()
    assert edge.file.read_bytes() == CONTENT
    first, second = (request["headers"] for request in edge.requests())
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert "range" not in first
    assert second["range"] == f"bytes={HALF}-"
    assert second["if-match"] == f'"{MD5}"'


def test_it_starts_over_when_the_object_has_changed_meanwhile(edge: Edge) -> None:
    edge.store.inject("truncate", method="GET", key=edge.key, after=HALF)
    changed = CONTENT[::-1]
    original, edge.told = edge.told, _ChangesObject(edge, changed)
    edge.download()
    assert original == []
    assert edge.file.read_bytes() == changed


class _ChangesObject(list[tuple[int, int | None]]):
    """Replaces the object as soon as the first bytes have arrived."""

    def __init__(self, edge: Edge, content: bytes) -> None:
        super().__init__()
        self._edge, self._content = edge, content

    def append(self, item: tuple[int, int | None]) -> None:
        if not self:
            self._edge.store.put(self._edge.key, self._content)
        super().append(item)


def test_it_starts_over_when_the_store_ignores_the_range(edge: Edge) -> None:
    edge.store.inject("truncate", method="GET", key=edge.key, after=HALF)
    edge.store.inject("ignore_range", method="GET", key=edge.key)
    edge.download()
    assert edge.file.read_bytes() == CONTENT


@pytest.mark.parametrize(
    "part", [b"2-5/6\r\n\r\ncdef", b"3-8/9\r\n\r\ndefghi", b"0-5/6\r\n\r\nabcdef", b"4-5/6\r\n\r\nef", b"*\r\n\r\n"]
)
def test_a_part_that_does_not_fit_is_not_put_to_what_is_there(edge: Edge, answering: Server, part: bytes) -> None:
    whole = b'HTTP/1.1 200 OK\r\nETag: "x"\r\nContent-Length: 6\r\n\r\nabcdef'
    url = answering(whole[:-3], b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes " + part, whole)
    edge.download(url)
    assert edge.file.read_bytes() == b"abcdef"


def test_a_body_that_stays_truncated_is_never_a_file(edge: Edge) -> None:
    edge.store.inject("truncate", method="GET", key=edge.key, times=-1, after=10)
    error = failure(edge)
    assert (error.http_status, error.code) == (502, "source_truncated")
    assert f"50 of {len(CONTENT):,} bytes" in error.message


def test_chunks_that_end_early_are_never_a_file(edge: Edge) -> None:
    edge.store.inject("chunked", method="GET", key=edge.key, times=-1, after=10)
    assert failure(edge).code == "source_truncated"


def test_a_body_of_unknown_length_is_refused_because_its_end_cannot_be_known(edge: Edge, answering: Server) -> None:
    url = answering(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\na,b\n1,2\n")
    with pytest.raises(UpstreamFailed) as caught:
        edge.download(url)
    assert caught.value.code == "source_length_unknown"


@pytest.mark.parametrize("fault", ["slow", "slow_head"])
def test_a_store_that_dribbles_ends_at_the_deadline(edge: Edge, fault: str) -> None:
    edge.store.inject(fault, method="GET", key=edge.key, times=-1, seconds=0.05)
    with pytest.raises(LimitReached) as caught:
        edge.download(seconds=0.6)
    assert (caught.value.http_status, caught.value.code) == (504, "processing_time_exceeded")
    assert not edge.file.exists()


def test_a_store_that_falls_silent_is_tried_again(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge_http, "SILENT_SECONDS", 0.3)
    edge.store.inject("hang", method="GET", key=edge.key, seconds=2)
    edge.download()
    assert edge.file.read_bytes() == CONTENT
    assert len(edge.requests()) >= 1


def test_it_waits_as_long_as_the_store_asks_but_not_past_the_deadline(edge: Edge) -> None:
    edge.store.inject("503", method="GET", key=edge.key, times=-1, retry_after="30")
    error = failure(edge, seconds=10)
    assert error.code == "source_unavailable"
    assert len(edge.requests()) == 1


@pytest.mark.parametrize(
    "wish", ["0", "Thu, 01 Jan 1970 00:00:00 GMT", "1 Jan 1 0:0:0 +99999999999999", "soon", "-1", "9" * 40]
)
def test_it_understands_any_wish_to_be_left_alone(edge: Edge, wish: str) -> None:
    edge.store.inject("503", method="GET", key=edge.key, retry_after=wish)
    assert edge.download().bytes == len(CONTENT)


def test_a_file_over_the_limit_is_refused_by_its_announced_size(edge: Edge) -> None:
    with pytest.raises(TooLarge) as caught:
        edge.download(max_bytes=len(CONTENT) - 1)
    assert caught.value.http_status == 413
    assert "MAX_FILE_SIZE_MB" in caught.value.message
    assert edge.told == []
    assert not edge.file.exists()


def test_a_file_over_the_limit_is_refused_by_counting_when_nothing_was_announced(edge: Edge) -> None:
    edge.store.inject("chunked", method="GET", key=edge.key)
    with pytest.raises(TooLarge):
        edge.download(max_bytes=300_000)
    assert not edge.file.exists()


def test_a_file_of_exactly_the_limit_is_taken(edge: Edge) -> None:
    assert edge.download(max_bytes=len(CONTENT)).bytes == len(CONTENT)


def test_a_file_larger_than_the_disk_is_refused_before_it_is_read(edge: Edge, answering: Server) -> None:
    with pytest.raises(Unavailable) as caught:
        edge.download(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999\r\n\r\nabc"))
    assert (caught.value.http_status, caught.value.code) == (503, "storage_full")


def test_a_disk_that_fills_up_on_the_way_is_storage_full(edge: Edge) -> None:
    # /dev/full answers every write as a full disk does.
    edge.file.symlink_to("/dev/full")
    with pytest.raises(Unavailable) as caught:
        edge.download()
    assert caught.value.code == "storage_full"
    assert not edge.file.is_symlink()


def test_an_error_page_with_status_200_is_recognised(edge: Edge) -> None:
    edge.store.inject("error_page_200", method="GET", key=edge.key)
    edge.download()
    reason = error_page_reason(edge.file)
    assert reason is not None
    assert reason.startswith("source_url answered with ")
    assert "AccessDenied" in reason


@pytest.mark.parametrize(
    ("content", "is_page"),
    [
        (b'\xef\xbb\xbf <?xml version="1.0"?>\n<Error><Code>NoSuchKey</Code></Error>', True),
        (b"<Error><Code>NoSuchKey</Code></Error>", True),
        (b"\n\n<!DOCTYPE html><html>", False),
        (b"<html lang=en>", False),
        (b"<Errors>", False),
        (b"<htmlish>,1\n", False),
        (b'<?xml version="1.0"?><rows/>', False),
        (b"a,b\n<html>,<Error>\n", False),
        (b'{"Error": 1}', False),
        (b"", False),
        (b"PAR1", False),
        (b"\x00\xff" * 3000, False),
    ],
)
def test_it_knows_error_pages_by_their_beginning(tmp_path: Path, content: bytes, is_page: bool) -> None:
    path = tmp_path / "page"
    path.write_bytes(content)
    assert (error_page_reason(path) is not None) == is_page


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\r\n",
        b"HTTP/1.1\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: abc\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nabc",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 206 Partial Content\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 103 Early Hints\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n\r\n",
        b"GET /o?Signature=s3cret HTTP/1.1\r\n\r\n",
    ],
)
def test_a_broken_answer_is_a_502_that_repeats_nothing_of_it(edge: Edge, answering: Server, answer: bytes) -> None:
    with pytest.raises(UpstreamFailed) as caught:
        edge.download(answering(answer))
    assert caught.value.http_status == 502
    assert "s3cret" not in caught.value.message
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert not edge.file.exists()


def test_googles_checksum_is_obeyed(edge: Edge, answering: Server) -> None:
    head = b'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nETag: "x"\r\nx-goog-hash: crc32c=AAAAAA==,md5='
    right, wrong = b"kAFQmDzST7DWlj99KOF/cg==", b"AAAAAAAAAAAAAAAAAAAAAA=="
    assert edge.download(answering(head + wrong + b"\r\n\r\nabc", head + right + b"\r\n\r\nabc")).bytes == 3
    with pytest.raises(UpstreamFailed) as caught:
        edge.download(answering(head + wrong + b"\r\n\r\nabc"))
    assert caught.value.code == "source_corrupt"


def test_a_checksum_of_packed_bytes_says_nothing_of_unpacked_ones(edge: Edge, answering: Server) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nx-goog-stored-content-encoding: gzip\r\nx-goog-hash: md5="
    assert edge.download(answering(head + b"AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\nabc")).bytes == 3


def test_a_closed_port_is_a_clear_502(edge: Edge) -> None:
    with pytest.raises(UpstreamFailed) as caught:
        edge.download(parse("http://127.0.0.1:9/o?Signature=s3cret&Expires=4102444800", "127.0.0.1:9"))
    assert (caught.value.http_status, caught.value.code) == (502, "storage_unavailable")
    assert "refused the connection" in caught.value.message


def test_memory_does_not_grow_with_the_object(edge: Edge, tmp_path: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(64 * 2**20)
    edge.store.put_file(edge.key, large)
    tracemalloc.start()
    try:
        assert edge.download().bytes == 64 * 2**20
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()
