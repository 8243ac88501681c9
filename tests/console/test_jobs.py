"""The list of jobs, a job's page and the dashboard."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from connectors.errors import ConversionError
from connectors.models import Credential
from conversions import inspections, retention
from conversions.models import ConversionJob, JobInspection, JobKind
from conversions.totals import HourTotal
from tests.console.conftest import As

pytestmark = pytest.mark.django_db
LIST = "/admin/conversions/conversionjob/"
SECRET = "hunter2"
RESULT: dict[str, Any] = {
    "rows": 2,
    "columns": 1,
    "column_schema": {
        "fields": [{"name": "word", "type": "String", "source_type": "text", "nullable": False, "fidelity": "exact"}]
    },
    "processing_time_seconds": 0.1,
    "receipt": {"bytes": 512, "sha256": "ab" * 32, "etag": None, "attempts": 1, "verified": True},
    "source": {"bytes": 20},
    "warnings": None,
}


def running(**fields: Any) -> ConversionJob:
    """A job that an attempt holds."""
    job = ConversionJob.objects.create(kind=JobKind.FILE, source="https://bucket.example.com/in/words.csv", **fields)
    assert job.claim("worker:1")
    return job


def succeeded(**fields: Any) -> ConversionJob:
    """A job whose output was looked at."""
    return succeeded_with(RESULT, **fields)


def succeeded_with(result: dict[str, Any], **fields: Any) -> ConversionJob:
    """A job with this result."""
    job = running(**fields)
    profile = {"nulls": 0, "distinct": 1, "frequent": [[SECRET, 2]]}
    looks = {
        "row_groups": [{"rows": 2, "bytes": 100, "compressed": 90}],
        "row_group_count": 1,
        "column_count": 1,
        "created_by": "us",
    }
    inspections.succeed(
        job, result, {**looks, "columns": [], "names": ["word"], "preview": [[SECRET]], "profiles": [profile]}
    )
    return job


def page_of(client: Client, job: ConversionJob) -> str:
    """The job's page."""
    return client.get(f"{LIST}{job.pk}/change/").content.decode()


def listed(client: Client, query: str) -> set[str]:
    """The sources of the jobs in the list."""
    answer = client.get(f"{LIST}?{query}")
    assert answer.status_code == 200, answer.content
    return {job.source for job in answer.context["cl"].result_list}


def test_a_job_is_found_by_its_id_its_request_its_table_and_its_host(as_: As) -> None:
    client = as_("viewer")
    job = ConversionJob.objects.create(
        kind=JobKind.FILE, source="https://a.example.com/orders.csv", request_id="req-77"
    )
    ConversionJob.objects.create(kind=JobKind.DATABASE, source="postgresql shop: public.orders")
    whole, by_host = {"https://a.example.com/orders.csv"}, {"https://a.example.com/orders.csv"}
    assert listed(client, f"q={job.pk}") == listed(client, f"q={str(job.pk)[:8]}") == whole
    assert listed(client, "q=req-77") == listed(client, "q=a.example.com") == by_host
    assert listed(client, "q=shop+public.orders") == {"postgresql shop: public.orders"}
    assert len(listed(client, "q=orders")) == 2


def test_a_sheet_s_figures_are_not_shown_for_another_sheet_s_column_of_that_name(as_: As) -> None:
    (word,) = RESULT["column_schema"]["fields"]
    sheets = [{**word, "sheet": "People"}, {**word, "sheet": "Places"}]
    job = succeeded_with({**RESULT, "column_schema": {"fields": sheets}, "outputs": [{"sheet": "People"}]})
    page = page_of(as_("operator"), job)
    shown = [row for row in page.split("<tr>") if '<th scope="row">word</th>' in row]
    assert [("<td>People</td>" in row, f">{SECRET} " in row) for row in shown] == [(True, True), (False, False)]
    assert "The first 1 row of sheet People" in page


def test_filters_are_an_operator_s_questions(as_: As) -> None:
    client = as_("viewer")
    owner = User.objects.get()
    Credential.objects.create(id="shop", connector_type="postgresql")
    new = ConversionJob.objects.create
    new(kind=JobKind.DATABASE, source="used shop", credentials_id="shop")
    new(kind=JobKind.FILE, source="slow", seconds=61.0)
    new(kind=JobKind.FILE, source="big", size=11 * 2**20)
    new(kind=JobKind.FILE, source="mine", owner=owner)
    new(kind=JobKind.FILE, source="old", created_at=timezone.now() - timedelta(hours=25), error_code="bad_row")
    assert listed(client, "credentials_id=shop") == listed(client, "kind__exact=database") == {"used shop"}
    assert listed(client, "slower=60") == {"slow"}
    assert listed(client, "larger=10") == {"big"}
    assert listed(client, f"owner={owner.pk}") == {"mine"}
    assert listed(client, "error_code=bad_row") == {"old"}
    assert listed(client, "within=24") == {"used shop", "slow", "big", "mine"}
    assert listed(client, "slower=nonsense") == listed(client, "within=999999999") == set()


def test_values_are_shown_to_their_owner_and_to_who_may_see_them(as_: As) -> None:
    job = succeeded()
    assert SECRET not in page_of(as_("viewer"), job)
    assert SECRET in page_of(as_("operator"), job)
    ConversionJob.objects.filter(pk=job.pk).update(owner=User.objects.get(username="viewer"))
    viewer = Client()
    viewer.force_login(User.objects.get(username="viewer"))
    assert SECRET in page_of(viewer, job)


def test_what_is_kept_of_a_job_can_be_downloaded(as_: As) -> None:
    job = succeeded()
    ConversionJob.objects.filter(pk=job.pk).update(
        result={**RESULT, "rows_skipped": 3, "rejects": f"/jobs/{job.pk}/rejects"}
    )
    links = {f'href="/jobs/{job.pk}/output"', f'href="/jobs/{job.pk}/rejects"'}
    operators, viewers = page_of(as_("operator"), job), page_of(as_("viewer"), job)
    assert all(link in operators for link in links)
    assert not any(link in viewers for link in links)


OTHERS = [
    ("GET", ""),
    ("GET", "/events"),
    ("GET", "/output"),
    ("POST", "/output/link"),
    ("GET", "/rejects"),
    ("GET", "/webhooks"),
    ("POST", "/cancel"),
    ("POST", "/retry"),
]


@pytest.mark.parametrize(("method", "path"), OTHERS)
@pytest.mark.parametrize(("role", "sees"), [("nobody", False), ("viewer", False), ("operator", True), ("admin", True)])
def test_the_api_shows_staff_no_more_of_others_jobs_than_the_console(
    as_: As, method: str, path: str, role: str, sees: bool
) -> None:
    job = succeeded(owner=User.objects.create_user("owner"))
    client = as_(role)
    answer = client.generic(method, f"/jobs/{job.pk}{path}", "{}", content_type="application/json")
    assert ("not yours" not in answer.content.decode()) is sees
    assert (answer.status_code == 404) is not sees or path in ("/output", "/output/link", "/rejects")
    assert bool(client.get("/jobs").json()["results"]) is sees


def test_whoever_may_see_values_only_may_not_end_others_jobs(as_: As) -> None:
    job = running(owner=User.objects.create_user("owner"))
    client = as_("viewer")
    sees = Permission.objects.get(codename="view_jobinspection")
    User.objects.get(username="viewer").user_permissions.add(sees)
    assert client.get(f"/jobs/{job.pk}").status_code == 200
    assert client.post(f"/jobs/{job.pk}/cancel").status_code == 404
    job.refresh_from_db()
    assert job.cancel_requested_at is None
    ConversionJob.objects.filter(pk=job.pk).update(has_output=False)
    assert f"/jobs/{job.pk}/output" not in page_of(as_("operator"), job)


def test_an_inference_shows_no_value_to_who_may_see_none(as_: As) -> None:
    job = ConversionJob.objects.create(kind=JobKind.SCHEMA, source="words.csv")
    assert job.claim("worker:1")
    facts = {"name": "word", "inferred_type": "String", "nullable": False, "null_count": 0, "unique_count": 1}
    column = {**facts, "min_value": SECRET, "max_value": SECRET, "sample_values": [SECRET]}
    assert job.succeed({"schema": {"columns": [column], "total_rows": 1, "total_columns": 1}, "warnings": []})
    assert SECRET not in page_of(as_("viewer"), job)
    assert SECRET in page_of(as_("operator"), job)


def test_values_are_encrypted_and_go_with_their_job_and_hours_in_time() -> None:
    job = succeeded()
    assert SECRET.encode() not in bytes(job.inspection.sealed)
    ConversionJob.objects.update(finished_at=timezone.now() - timedelta(days=31))
    HourTotal.objects.update(hour=timezone.now() - timedelta(days=9))
    assert retention.prune(30).jobs == 1
    assert not JobInspection.objects.exists()
    assert not HourTotal.objects.exists()


def test_a_failure_has_its_reason_and_for_some_its_traceback(as_: As) -> None:
    job = running()
    job.fail(ConversionError("It broke.", code="internal_error", hint="Mend it."), "Traceback: line 7")
    viewer, operator = page_of(as_("viewer"), job), page_of(as_("operator"), job)
    for text in ("It broke.", "Mend it.", "internal_error"):
        assert text in viewer
    assert "line 7" not in viewer
    assert "line 7" in operator


def test_an_action_on_several_asks_first(as_: As) -> None:
    jobs = [running(), running()]
    operator = as_("operator")
    asked = {"action": "cancel_jobs", "_selected_action": [str(job.pk) for job in jobs], "index": "0"}
    page = operator.post(LIST, asked).content.decode()
    assert "Cancel 2 jobs?" in page
    assert not ConversionJob.objects.filter(cancel_requested_at__isnull=False).exists()
    assert "asked to stop" in operator.post(LIST, {**asked, "confirmed": "yes"}, follow=True).content.decode()
    assert ConversionJob.objects.filter(cancel_requested_at__isnull=False).count() == 2


def test_a_viewer_changes_nothing(as_: As) -> None:
    job = running()
    viewer = as_("viewer")
    assert "cancel_jobs" not in page_of(viewer, job)
    viewer.post(LIST, {"action": "cancel_jobs", "_selected_action": str(job.pk), "index": "0", "confirmed": "yes"})
    job.refresh_from_db()
    assert job.cancel_requested_at is None


def test_the_request_is_copied_as_others_repeat_it(as_: As) -> None:
    request = {
        "source_url": "https://a.example.com/it's.csv",
        "output_url": "https://a.example.com/o.parquet",
        "format": "csv",
        "compression": "zstd",
        "options": {"delimiter": ";"},
    }
    page = as_("viewer").get(f"{LIST}{running(request=request).pk}/change/").context
    assert "curl -X POST http://testserver/convert/file" in page["curl"]
    assert "it'\"'\"'s.csv?SIGNATURE" in page["curl"]
    assert page["has_urls"]
    assert page["command"].endswith('--format csv --compression zstd --options \'{"delimiter": ";"}\'')


def test_the_dashboard_shows_nobody_what_they_may_not_see(as_: As) -> None:
    running()
    assert "words.csv" in as_("viewer").get("/admin/").content.decode()
    nobody = as_("nobody")
    assert "words.csv" not in nobody.get("/admin/").content.decode()
    assert nobody.get(f"{LIST}now/").status_code == 403


def test_every_number_of_the_dashboard_leads_to_the_jobs_behind_it(as_: As) -> None:
    succeeded()
    job = running()
    job.fail(ConversionError("It broke.", code="bad_row"))
    client = as_("viewer")
    day = client.get("/admin/").context
    figures = {it["label"]: it for it in day["outcomes"]}
    assert (figures["Succeeded"]["jobs"], figures["Failed"]["jobs"], day["rows_written"]) == (1, 1, 2)
    for link, count in (
        (figures["Succeeded"]["link"], 1),
        (figures["Failed"]["link"], 1),
        (day["codes"][0]["link"], 1),
        (day["throughput"][-1]["link"], 2),
        (next(it for it in day["durations"] if it["jobs"])["link"], 2),
    ):
        assert client.get(link).context["matching"] == count, link
