"""Deliveries to a real store that breaks on request: proven, or a failure that says so."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from connectors import http as edge_http
from connectors.errors import ConversionError, LimitReached, UpstreamFailed
from connectors.urls import UrlPolicy, parse_signed_url
from tests.http.conftest import CONTENT, Edge, Server, parse
from tests.store.signature import presign


def failure(edge: Edge, *, seconds: float = 20) -> ConversionError:
    """The error a delivery ends with."""
    with pytest.raises(ConversionError) as caught:
        edge.upload(seconds=seconds)
    assert "Signature=" not in caught.value.message
    return caught.value


def headers_of_last(edge: Edge) -> dict[str, str]:
    """The headers of the last request."""
    headers = edge.requests()[-1]["headers"]
    assert isinstance(headers, dict)
    return headers


def test_the_receipt_proves_the_bytes(edge: Edge) -> None:
    receipt = edge.upload()
    assert edge.store.get(edge.key) == CONTENT
    assert (receipt.bytes, receipt.attempts, receipt.verified) == (len(CONTENT), 1, "md5")
    assert receipt.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert receipt.etag == f'"{hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()}"'
    assert edge.sent == sorted(edge.sent)
    assert edge.sent[-1] == len(CONTENT)


def test_it_is_one_request_with_a_length_and_no_chunks(edge: Edge) -> None:
    edge.upload()
    headers = headers_of_last(edge)
    assert len(edge.requests()) == 1
    assert headers["content-length"] == str(len(CONTENT))
    assert "transfer-encoding" not in headers
    assert "content-type" not in headers


def test_an_empty_file_is_delivered(edge: Edge) -> None:
    edge.source.write_bytes(b"")
    assert edge.upload().bytes == 0
    assert edge.store.get(edge.key) == b""


@pytest.mark.parametrize(
    "fault",
    ["500", "502", "503", "504", "429", "reset", "garbage", "corrupt", "wrong_etag", "store_then_reset",
     "error_page_200", "html_200"],
)  # fmt: skip
def test_it_mends_a_passing_fault_by_sending_the_whole_again(edge: Edge, fault: str) -> None:
    edge.store.inject(fault, method="PUT", key=edge.key, times=2)
    receipt = edge.upload()
    assert (receipt.attempts, receipt.verified) == (3, "md5")
    assert edge.store.get(edge.key) == CONTENT


def test_it_mends_a_reset_in_the_middle_of_the_body(edge: Edge) -> None:
    edge.store.inject("reset", method="PUT", key=edge.key, after=len(CONTENT) // 2)
    assert edge.upload().attempts == 2
    assert edge.store.get(edge.key) == CONTENT


@pytest.mark.parametrize("fault", ["multipart_etag", "kms_etag", "no_etag"])
def test_a_store_without_a_checksum_is_believed_and_the_receipt_says_so(edge: Edge, fault: str) -> None:
    edge.store.inject(fault, method="PUT", key=edge.key)
    receipt = edge.upload()
    assert (receipt.attempts, receipt.verified) == (1, "status")


@pytest.mark.parametrize(
    ("fault", "code", "said"),
    [
        ("500", "storage_unavailable", "HTTP 500, InternalError"),
        ("503", "storage_unavailable", "HTTP 503, SlowDown"),
        ("reset", "storage_unavailable", "broke the connection"),
        ("garbage", "storage_unavailable", "not HTTP"),
        ("wrong_etag", "delivery_mismatch", "its checksum differs"),
        ("corrupt", "delivery_mismatch", "its checksum differs"),
        ("store_then_reset", "storage_unavailable", "broke the connection"),
        ("error_page_200", "upload_refused", "error message (AccessDenied)"),
        ("html_200", "upload_refused", "HTML page"),
    ],
)
def test_it_gives_up_on_a_lasting_fault_after_a_few_tries(edge: Edge, fault: str, code: str, said: str) -> None:
    edge.store.inject(fault, method="PUT", key=edge.key, times=-1)
    error = failure(edge)
    assert (error.http_status, error.code, error.retryable) == (502, code, True)
    assert said in error.message
    assert len(edge.requests()) == 5


@pytest.mark.parametrize(
    ("fault", "said"),
    [("403", "HTTP 403, AccessDenied"), ("404", "HTTP 404"), ("400", "HTTP 400"), ("412", "HTTP 412"),
     ("501", "HTTP 501"), ("redirect", "redirect (HTTP 307)")],
)  # fmt: skip
def test_a_refusal_is_final_and_told_with_the_stores_own_code(edge: Edge, fault: str, said: str) -> None:
    edge.store.inject(fault, method="PUT", key=edge.key, times=-1)
    error = failure(edge)
    assert (error.http_status, error.code, error.retryable) == (502, "upload_refused", False)
    assert said in error.message
    assert len(edge.requests()) == 1


def test_a_refusal_before_the_body_was_read_is_heard(edge: Edge) -> None:
    edge.source.write_bytes(CONTENT * 20)
    edge.store.inject("refuse_early", method="PUT", key=edge.key, times=-1)
    error = failure(edge)
    assert error.http_status == 502
    assert error.code in {"upload_refused", "storage_unavailable"}  # a reset may overtake the answer
    assert edge.store.get(edge.key) == CONTENT


def test_success_before_the_body_was_read_is_not_believed(edge: Edge, answering: Server) -> None:
    edge.source.write_bytes(CONTENT * 40)
    url = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", field="output_url")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.http.conftest._swallow_request", lambda connection: connection.recv(1000))
        with pytest.raises(UpstreamFailed) as caught:
            edge.upload(url)
    assert caught.value.code == "storage_unavailable"


@pytest.mark.parametrize("status", [b"202 Accepted", b"206 Partial Content", b"304 Not Modified", b"100 Continue"])
def test_a_status_that_is_not_quite_success_is_none(edge: Edge, answering: Server, status: bytes) -> None:
    url = answering(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n", field="output_url")
    with pytest.raises(UpstreamFailed):
        edge.upload(url)


@pytest.mark.parametrize("fault", ["slow", "slow_head"])
def test_a_store_that_reads_or_answers_in_dribbles_ends_at_the_deadline(edge: Edge, fault: str) -> None:
    edge.source.write_bytes(CONTENT * 20)
    edge.store.inject(fault, method="PUT", key=edge.key, times=-1, seconds=0.05)
    with pytest.raises(LimitReached) as caught:
        edge.upload(seconds=0.8)
    assert (caught.value.http_status, caught.value.code) == (504, "processing_time_exceeded")


def test_a_store_that_falls_silent_is_tried_again(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge_http, "SILENT_SECONDS", 0.3)
    edge.store.inject("hang", method="PUT", key=edge.key, seconds=2)
    assert edge.upload().attempts == 2
    assert edge.store.get(edge.key) == CONTENT


def test_an_expired_url_is_said_to_have_expired(edge: Edge) -> None:
    signed_at = datetime.now(UTC) - timedelta(seconds=20)
    text = edge.store.presign("PUT", edge.key, expires=10, signed_at=signed_at)
    url = parse_signed_url(text, UrlPolicy((), (edge.store.host,)), now=signed_at)
    with pytest.raises(UpstreamFailed) as caught:
        edge.upload(url)
    assert caught.value.code == "url_expired"
    assert "output_url expired at " in caught.value.message
    assert edge.requests() == []


def test_a_url_for_another_method_is_refused_by_the_store(edge: Edge) -> None:
    with pytest.raises(UpstreamFailed) as caught:
        edge.upload(edge.url("GET"))
    assert "SignatureDoesNotMatch" in caught.value.message


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "application/octet-stream"},
        {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"},
        {"content-type": "application/octet-stream", "x-amz-content-sha256": "UNSIGNED-PAYLOAD"},
    ],
)
def test_it_sends_the_headers_that_the_signature_covers(edge: Edge, headers: dict[str, str]) -> None:
    text = presign("PUT", edge.store.url, f"tundra/{edge.key}", signed_headers=headers)
    assert edge.upload(parse(text, edge.store.host)).verified == "md5"
    assert headers.items() <= headers_of_last(edge).items()


def test_it_lets_the_store_check_the_bytes_by_content_md5(edge: Edge) -> None:
    edge.upload()
    assert "content-md5" in headers_of_last(edge)


def test_it_adds_no_header_to_a_version_2_signature_which_would_cover_it(edge: Edge) -> None:
    text = f"{edge.store.url}/tundra/{edge.key}?AWSAccessKeyId=A&Expires=4102444800&Signature=x"
    with pytest.raises(UpstreamFailed):
        edge.upload(parse(text, edge.store.host))
    assert {"content-md5", "content-type"}.isdisjoint(headers_of_last(edge))
