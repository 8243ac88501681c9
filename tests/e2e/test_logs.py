"""Log lines: one JSON object each, which say what they belong to."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from datetime import datetime
from typing import Any

import pytest

from tests.conftest import Converter
from tests.portal import ROOT, Portal
from tests.store.client import ObjectStore

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
FOR_PEOPLE = re.compile(r"System check identified|Created the superuser|Halatio Tundra is at")


def lines(portal: Portal, **wanted: Any) -> list[dict[str, Any]]:
    """The portal's log lines with these values. Whatever else it prints is for whoever starts it."""
    printed = [line for line in portal.output.splitlines() if not FOR_PEOPLE.match(line)]
    return [line for line in map(json.loads, printed) if wanted.items() <= line.items()]


def of_conversion(portal: Portal, request_id: str) -> dict[str, dict[str, Any]]:
    """The lines of a conversion by their message. The answer does not wait for the worker's last line."""
    for _ in range(100):
        found = {line["message"]: line for line in lines(portal, request_id=request_id)}
        if found.keys() == {"attempt started", "attempt ended", "answered"}:
            return found
        time.sleep(0.05)
    raise AssertionError(found)


@pytest.fixture
def converter(observed: Portal, store: ObjectStore, request: pytest.FixtureRequest) -> Converter:
    """A converter of the observed portal."""
    return Converter(observed, store, request.node.name)


def test_every_line_has_the_names_that_cloud_logging_reads(observed: Portal, converter: Converter) -> None:
    converter.convert(b"a\n1\n", "csv")
    observed.request("GET", "/nothing-here")
    found = lines(observed)
    assert len(found) >= 3
    for line in found:
        assert line["severity"] in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
        assert datetime.fromisoformat(line["time"]).utcoffset() is not None
        assert isinstance(line["message"], str)
        assert line["logger"]


def test_the_lines_of_a_conversion_carry_request_job_and_attempt(observed: Portal, converter: Converter) -> None:
    body = converter.request(b"a\n1\n", "csv")
    job_id = observed.post("/convert/file", body, X_Request_ID="caller-11")["job_id"]
    found = of_conversion(observed, "caller-11")
    started, ended = found["attempt started"], found["attempt ended"]
    assert [(line["job_id"], line["attempt"]) for line in (started, ended)] == [(job_id, 1)] * 2
    assert ended["status"] == "succeeded"
    assert ended["duration_seconds"] > 0
    assert found["answered"]["httpRequest"] | {"latency": ""} == {
        "requestMethod": "POST",
        "requestUrl": "/convert/file",
        "status": 200,
        "latency": "",
    }


def test_an_answer_that_operators_should_know_of_is_an_error(observed: Portal, converter: Converter) -> None:
    converter.store.inject("403", method="GET", key=converter.source)
    answer = converter.try_(b"a\n1\n", "csv")
    found = of_conversion(observed, answer.headers["X-Request-ID"])
    assert (found["attempt ended"]["severity"], found["attempt ended"]["code"]) == ("INFO", "source_refused")
    assert (found["answered"]["severity"], found["answered"]["httpRequest"]["status"]) == ("ERROR", 502)


@pytest.mark.parametrize(
    "header", [{"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}, {"X_Cloud_Trace_Context": f"{TRACE}/1;o=1"}]
)
def test_a_line_names_the_trace_of_its_request(observed: Portal, header: dict[str, str]) -> None:
    request_id = observed.request("GET", "/info", **header).headers["X-Request-ID"]
    [line] = lines(observed, request_id=request_id)
    assert line["logging.googleapis.com/trace"] == f"projects/tundra-test/traces/{TRACE}"


def test_a_trace_that_is_none_is_left_out(observed: Portal) -> None:
    hostile = f'00-{TRACE}"-00f067aa0ba902b7-01'
    request_id = observed.request("GET", "/info", traceparent=hostile, X_Cloud_Trace_Context="../x").headers[
        "X-Request-ID"
    ]
    [line] = lines(observed, request_id=request_id)
    assert TRACE not in str(line)


def test_a_request_is_logged_without_its_query_and_a_probe_not_at_all(observed: Portal) -> None:
    observed.request("GET", "/nothing-here?Signature=s3cret", X_Request_ID="caller-12")
    observed.request("GET", "/health", X_Request_ID="caller-13")
    [line] = lines(observed, request_id="caller-12")
    assert line["httpRequest"]["requestUrl"] == "/nothing-here"
    assert lines(observed, request_id="caller-13") == []
    assert "s3cret" not in observed.output


def test_the_process_that_converts_logs_like_the_others() -> None:
    script = (
        "from conversions import logs; logs.configure('WARNING')\n"
        "import logging, structlog; structlog.contextvars.bind_contextvars(job_id='j', attempt=2, request_id='r')\n"
        "logging.getLogger('polars').warning('%s of %s', 1, 2)\n"
        "logging.getLogger('quiet').info('not this')\n"
        "try: 1 / 0\n"
        "except ZeroDivisionError: structlog.stdlib.get_logger('ours').exception('broke', rows=3)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    first, second = map(json.loads, done.stderr.splitlines())
    assert (first["message"], first["severity"], first["job_id"]) == ("1 of 2", "WARNING", "j")
    assert (second["message"], second["rows"], second["attempt"]) == ("broke", 3, 2)
    assert "ZeroDivisionError" in second["exception"]
