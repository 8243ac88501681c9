"""The query of a signed URL shows up nowhere: not in messages, tracebacks or logs, whatever happens."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable

import pytest

from connectors.errors import ConversionError
from tests.http.conftest import Edge, Server

SECRET = "s3cret"
FAULTS = ["403", "503", "reset", "truncate", "garbage", "corrupt", "redirect", "error_page_200", "refuse_early"]


def everything_said(work: Callable[[], object], caplog: pytest.LogCaptureFixture) -> str:
    """What a failing piece of work leaves behind in words."""
    caplog.set_level(logging.DEBUG)
    try:
        work()
    except ConversionError as error:
        said = traceback.format_exception(error)
        return "".join(said) + caplog.text + repr(error) + str(error.hint) + str(error.errors)
    return caplog.text


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_no_fault_makes_it_show(edge: Edge, caplog: pytest.LogCaptureFixture, method: str, fault: str) -> None:
    edge.store.inject(fault, method=method, key=edge.key, times=-1)
    said = everything_said(edge.download if method == "GET" else edge.upload, caplog)
    assert "X-Amz" not in said


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_store_that_repeats_the_signature_does_not_make_it_show(
    edge: Edge, caplog: pytest.LogCaptureFixture, method: str
) -> None:
    wrong = edge.url("PUT" if method == "GET" else "GET")
    said = everything_said(lambda: edge.download(wrong) if method == "GET" else edge.upload(wrong), caplog)
    assert "SignatureDoesNotMatch" in said
    assert wrong.request_target().rpartition("=")[2] not in said


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 403 s3cret\r\nContent-Length: 6\r\n\r\ns3cret",
        b"HTTP/1.1 302 Found\r\nLocation: /o?Signature=s3cret\r\n\r\n",
        b"HTTP/1.1 400 Bad\r\nContent-Length: 20\r\n\r\n<Code>s3cret</Code>.",
        b"HTTP/1.1 500 s3cret\r\ns3cret\r\n\r\n",
        b"s3cret\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nETag: s3cret\r\nRetry-After: s3cret\r\n\r\nabc",
    ],
)
def test_a_store_that_says_it_back_is_not_quoted(
    edge: Edge, answering: Server, caplog: pytest.LogCaptureFixture, answer: bytes
) -> None:
    url = answering(answer)
    assert SECRET in url.request_target()
    assert SECRET not in everything_said(lambda: edge.download(url), caplog)
    assert SECRET not in everything_said(lambda: edge.upload(url), caplog)
