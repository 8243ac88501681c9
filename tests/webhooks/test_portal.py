"""A running portal tells what became of jobs, whatever dies on the way."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Converter
from tests.docs.test_documentation import blocks
from tests.manage import manage
from tests.portal import ROOT, Portal
from tests.store.client import ObjectStore
from tests.webhooks.receiver import HANG, Receiver

PEOPLE = b"id,name\n1,Ann\n2,Bob\n"
GUIDE = (ROOT / "docs" / "webhooks.md").read_text()


@pytest.fixture
def converter(telling: Portal, store: ObjectStore, request: pytest.FixtureRequest) -> Converter:
    """Requests for the portal that tells."""
    return Converter(telling, store, request.node.name)


def secret_of(portal: Portal) -> str:
    return str(portal.request("GET", "/webhooks/secret").body["secret"])


def deliveries(portal: Portal, job_id: str, event: str) -> list[dict[str, Any]]:
    """What the log has of an event, once nothing is pending."""
    for _ in range(600):
        log = portal.request("GET", f"/jobs/{job_id}/webhooks").body["webhooks"]
        if all(it["status"] != "pending" for it in log):
            return [it for it in log if it["event"] == event]
        time.sleep(0.1)
    raise AssertionError(f"still pending: {log}")


def test_a_conversion_tells_that_it_has_succeeded(telling: Portal, converter: Converter, receiver: Receiver) -> None:
    metadata, _ = converter.convert(PEOPLE, "csv", webhook_url=receiver.url("succeeded"))
    (message,) = receiver.wait_for("succeeded")
    told = message.opened(secret_of(telling))
    assert told["type"] == "job.succeeded"
    assert told["data"]["metadata"] == metadata
    assert told["data"] == telling.request("GET", f"/jobs/{told['data']['job_id']}").body
    (delivery,) = deliveries(telling, told["data"]["job_id"], "job.succeeded")
    assert (delivery["status"], delivery["attempts"][0]["status"]) == ("delivered", 204)
    assert delivery["message_id"] == message.id


def test_progress_is_told_while_a_job_runs(telling: Portal, converter: Converter, receiver: Receiver) -> None:
    body = converter.request(PEOPLE, "csv", webhook_url=receiver.url("progress"), webhook_events=["end", "progress"])
    converter.store.inject("hang", method="GET", key=converter.source, times=1, seconds=4)
    job_id = telling.post("/convert/file", body)["job_id"]
    assert deliveries(telling, job_id, "job.succeeded")
    *before, last = [it.opened(secret_of(telling)) for it in receiver.messages("progress")]
    assert last["type"] == "job.succeeded"
    assert {(it["type"], it["data"]["status"]) for it in before} == {("job.progress", "running")}


def test_a_portal_that_is_killed_while_it_tells_tells_it_when_it_is_back(
    telling: Portal, converter: Converter, receiver: Receiver
) -> None:
    body = converter.request(PEOPLE, "csv", webhook_url=receiver.url("killed", HANG))
    job_id = telling.post("/convert/file", body)["job_id"]
    receiver.wait_for("killed")
    os.kill(telling.pid, signal.SIGKILL)
    telling.stop()
    telling.__enter__()
    first, second = receiver.wait_for("killed", 2)
    assert (first.id, first.body) == (second.id, second.body)
    assert [it["status"] for it in deliveries(telling, job_id, "job.succeeded")] == ["delivered"]


def test_the_example_verifies_what_the_portal_sends(
    telling: Portal, converter: Converter, example_port: int, tmp_path: Path
) -> None:
    shown = manage(telling.data_dir, "webhook_secret", data_dir=telling.data_dir)
    assert shown.returncode == 0, shown.stderr
    environment = {**os.environ, "WEBHOOK_SECRET": shown.stdout.strip(), "PORT": str(example_port)}
    script = blocks(GUIDE, "python")
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
    ) as example:
        assert example.stdout is not None
        try:
            url = f"http://127.0.0.1:{example_port}/tundra"
            job_id = telling.post("/convert/file", converter.request(PEOPLE, "csv", webhook_url=url))["job_id"]
            line = example.stdout.readline()
        finally:
            example.terminate()
    assert line.split() == ["job.succeeded", job_id]


def test_no_line_of_the_log_holds_a_secret(telling: Portal, converter: Converter, receiver: Receiver) -> None:
    converter.convert(PEOPLE, "csv", webhook_url=receiver.url("secrecy"))
    receiver.wait_for("secrecy")
    secret = secret_of(telling)
    assert re.search(r'"message": "webhook attempted"', telling.output)
    assert "s3cret" not in telling.output
    assert secret.removeprefix("whsec_") not in telling.output
