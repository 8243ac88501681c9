"""``GET /metrics``: figures that any web process answers with, whoever did the work."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import Converter
from tests.e2e.conftest import METRICS_TOKEN
from tests.portal import ROOT, Portal
from tests.store.client import ObjectStore

Scrape = Callable[[], dict[str, float]]


@pytest.fixture
def scrape(observed: Portal) -> Scrape:
    """The portal's samples, each by its name and labels as Prometheus writes them."""

    def scraped() -> dict[str, float]:
        answer = observed.request("GET", "/metrics", Authorization=f"Bearer {METRICS_TOKEN}")
        assert answer.status == 200
        return {
            sample.name + "".join(f",{key}={value}" for key, value in sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(answer.body)
            for sample in family.samples
        }

    return scraped


@pytest.fixture
def converter(observed: Portal, store: ObjectStore, request: pytest.FixtureRequest) -> Converter:
    """A converter of the observed portal."""
    return Converter(observed, store, request.node.name)


def grown(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """What has changed between two scrapes, apart from the time that something took."""
    changed = {name: value - before.get(name, 0) for name, value in after.items() if value != before.get(name, 0)}
    return {
        name: value for name, value in changed.items() if "seconds_bucket" not in name and "seconds_sum" not in name
    }


def test_a_conversion_adds_its_rows_bytes_and_time(scrape: Scrape, converter: Converter) -> None:
    before = scrape()
    content = b"n\n" + b"".join(b"%d\n" % number for number in range(1234))
    converter.convert(content, "csv")
    after = scrape()
    assert grown(before, after) == {
        "tundra_jobs_ended_total,kind=file,status=succeeded": 1,
        "tundra_rows_written_total,kind=file": 1234,
        "tundra_bytes_read_total,kind=file": len(content),
        "tundra_bytes_written_total,kind=file": len(converter.store.get(converter.output)),
        "tundra_job_duration_seconds_count,kind=file,status=succeeded": 1,
    }
    name = "tundra_job_duration_seconds_bucket,kind=file,le={},status=succeeded"
    bounds = ("0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0", "30.0", "60.0", "120.0", "300.0", "600.0", "+Inf")
    counts = [after[name.format(bound)] for bound in bounds]
    assert counts == sorted(counts)
    assert counts[-1] == after["tundra_job_duration_seconds_count,kind=file,status=succeeded"]


def test_an_error_is_counted_by_its_code(scrape: Scrape, converter: Converter) -> None:
    before = scrape()
    assert converter.try_(b"PK\x03\x04 is no workbook", "excel").status == 400
    found = grown(before, scrape())
    [code] = [name for name in found if name.startswith("tundra_job_errors_total")]
    assert code.startswith("tundra_job_errors_total,code=")
    assert found == {
        "tundra_jobs_ended_total,kind=file,status=failed": 1,
        code: 1,
        "tundra_job_duration_seconds_count,kind=file,status=failed": 1,
    }


def test_what_waits_and_runs_is_seen_and_cancelling_ends_it(scrape: Scrape, converter: Converter) -> None:
    before = scrape()
    assert before["tundra_workers"] == 2
    assert before["tundra_oldest_waiting_seconds"] == 0
    converter.store.inject("hang", method="GET", key=converter.source, times=9, seconds=30)
    body = converter.request(b"a\n1\n", "csv")
    jobs = [
        converter.portal.request("POST", "/convert/file", body, Prefer="respond-async").body["job_id"] for _ in range(5)
    ]
    during = scrape()
    while during["tundra_jobs_running,kind=file"] < 2:
        during = scrape()
    assert during["tundra_jobs_waiting,kind=file"] == 3
    assert 0 < during["tundra_oldest_waiting_seconds"] < 30
    for job_id in reversed(jobs):
        converter.portal.request("POST", f"/jobs/{job_id}/cancel")
    while scrape()["tundra_jobs_running,kind=file"]:
        pass
    converter.store.clear_faults()
    assert grown(before, scrape()) == {"tundra_jobs_ended_total,kind=file,status=cancelled": 5}


def test_deleting_jobs_takes_nothing_off_the_counters(scrape: Scrape, converter: Converter) -> None:
    converter.convert(b"a\n1\n", "csv")
    before = scrape()
    script = "from conversions.models import ConversionJob as J; print(J.objects.exclude(finished_at=None).delete()[0])"
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--verbosity", "0", "-c", script],
        cwd=ROOT,
        env=converter.portal.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) > 0
    assert grown(before, scrape()) == {}


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer "}])
def test_nobody_reads_them_without_the_token(observed: Portal, header: dict[str, str]) -> None:
    answer = observed.request("GET", "/metrics", **header)
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert "tundra_jobs" not in str(answer.body)


def test_in_dev_they_are_open_unless_there_is_a_token(portal: Portal) -> None:
    assert "tundra_workers 5.0" in portal.request("GET", "/metrics").body


def test_outside_dev_nobody_reads_them_when_there_is_no_token(tmp_path: Path) -> None:
    script = (
        "import django; django.setup()\n"
        "from django.test import Client\n"
        "answer = Client().get('/metrics', secure=True, headers={'Authorization': 'Bearer '})\n"
        "print(answer.status_code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tundra_site.settings",
            "ENV": "production",
            "SECRET_KEY": "k" * 60,
            "ALLOWED_HOSTS": "testserver",
            "TUNDRA_DATA_DIR": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "401"
