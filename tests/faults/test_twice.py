"""Whatever is asked for, rung for or mended many times at once has one effect."""

from __future__ import annotations

import os
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from tests.conftest import Converter
from tests.faults.both import on_both
from tests.faults.breaking import (
    PEOPLE,
    events_of,
    hang,
    has_one_effect,
    inside,
    job_of,
    pids,
    puts,
    submit,
    until,
    until_ended,
)
from tests.portal import Answer, Portal

CLICKS = 12


def at_once(portal: Portal, path: str, body: object = None, **headers: str) -> list[Answer]:
    """The same request many times at once."""
    with ThreadPoolExecutor(CLICKS) as clients:
        return list(clients.map(lambda _: portal.request("POST", path, body, **headers), range(CLICKS)))


@on_both
def test_a_job_is_cancelled_and_retried_once_however_often_somebody_clicks(converters: list[Converter]) -> None:
    converter = converters[0]
    portal, job_id = converter.portal, hang(converter)
    assert {answer.status for answer in at_once(portal, f"/jobs/{job_id}/cancel")} <= {202, 409}
    assert until_ended(portal, job_id)["status"] == "cancelled"
    answers = at_once(portal, f"/jobs/{job_id}/retry")
    assert Counter(answer.status for answer in answers) == {202: 1, 409: CLICKS - 1}
    job = until_ended(portal, job_id)
    assert (job["status"], job["attempts"], puts(converter)) == ("succeeded", 2, 1)
    assert events_of(portal, job_id) == [
        *("submitted", "started", "cancel_requested", "cancelled"),
        *("retried", "started", "succeeded"),
    ]


@on_both
def test_the_same_request_with_the_same_key_is_one_job(converters: list[Converter]) -> None:
    converter = converters[0]
    request = converter.request(PEOPLE, "csv")
    headers = {"Idempotency_Key": converter.output, "Prefer": "respond-async"}
    answers = at_once(converter.portal, "/convert/file", request, **headers)
    assert {answer.status for answer in answers} <= {200, 202}
    job_id = next(answer.body["job_id"] for answer in answers if answer.status == 202)
    assert {answer.body["job_id"] for answer in answers if answer.status == 202} == {job_id}
    assert until_ended(converter.portal, job_id)["attempts"] == 1
    assert puts(converter) == 1


@on_both
def test_rings_that_are_heard_twice_run_nothing_twice(converters: list[Converter]) -> None:
    portal = converters[0].portal
    running = hang(converters[0], seconds=4)
    inside(portal, "from conversions import queue\nfor _ in range(20): queue.ring()")
    waiting = [submit(converter) for converter in converters[1:]]
    for converter, job_id in zip(converters, [running, *waiting], strict=True):
        job = until_ended(portal, job_id)
        assert (job["status"], job["attempts"], puts(converter)) == ("succeeded", 1, 1)


TAKE_BACK = """
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from conversions import reaper
from conversions.models import ConversionJob
together = Barrier({reapers})
def take_back(_):
    job = ConversionJob.objects.get(pk="{job_id}")
    together.wait()
    return reaper.take_back(job)
with ThreadPoolExecutor({reapers}) as reapers:
    print(sum(reapers.map(take_back, range({reapers}))))
"""


@on_both
def test_reapers_that_find_the_same_job_take_it_back_once(converters: list[Converter]) -> None:
    """The attempt that they took for dead only hung. Its process fails, but it leaves no trace on the next attempt."""
    converter = converters[0]
    portal, job_id = converter.portal, hang(converter)
    [worker], [child] = pids(portal, "busy"), pids(portal, "child")
    os.kill(worker, signal.SIGSTOP)
    converter.store.inject("hang", method="GET", key=converter.source, seconds=5)
    assert inside(portal, TAKE_BACK.format(job_id=job_id, reapers=CLICKS)).split()[-1] == "1"
    until(lambda: job_of(portal, job_id)["attempts"] == 2)
    os.kill(child, signal.SIGKILL)
    os.kill(worker, signal.SIGCONT)
    job = until_ended(portal, job_id)
    assert (job["status"], job["attempts"], puts(converter)) == ("succeeded", 2, 1)
    assert has_one_effect(converter)
    assert events_of(portal, job_id) == ["submitted", "started", "requeued", "started", "succeeded"]
