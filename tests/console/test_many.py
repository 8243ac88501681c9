"""No page counts or asks much, with 100,000 jobs in the table."""

from __future__ import annotations

import uuid

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from connectors.models import Credential, Event
from conversions import keys
from conversions.models import ConversionJob, JobKind, Schedule
from tests.console.conftest import As
from tests.console.test_jobs import RESULT

pytestmark = pytest.mark.django_db
LIST = "/admin/conversions/conversionjob/"
MANY = 100_000


def fill(count: int) -> None:
    """Many jobs, a minute apart, multiplied by the database: every hundredth has failed."""
    ConversionJob.objects.create(id=uuid.UUID(int=0), kind=JobKind.FILE, result=RESULT)
    columns = {str(field.column): f"j.{field.column}" for field in ConversionJob._meta.concrete_fields} | {
        "id": "printf('%08x0000400080000000%08x', n, n)",
        "status": "CASE WHEN n % 100 THEN 'succeeded' ELSE 'failed' END",
        "error_code": "CASE WHEN n % 100 THEN '' ELSE 'bad_row' END",
        "source": "'https://bucket.example.com/file-' || n || '.csv'",
        "created_at": "strftime('%Y-%m-%d %H:%M:%f', 'now', -n || ' minutes')",
        "finished_at": "strftime('%Y-%m-%d %H:%M:%f', 'now', -n || ' minutes')",
        "seconds": "n % 1000 / 100.0",
        "size": "n * 100",
    }
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count}) "
            f"INSERT INTO conversions_conversionjob ({', '.join(columns)}) "
            f"SELECT {', '.join(columns.values())} FROM numbers, conversions_conversionjob j"
        )


SOME_JOB = "0000000a-0000-4000-8000-00000000000a"
PAGES = {
    LIST: 50,
    f"{LIST}?p=900": 50,
    f"{LIST}?status__exact=failed": 50,
    f"{LIST}?error_code=bad_row&slower=1": 50,
    f"{LIST}?larger=10": 0,
    f"{LIST}?slower=10": 0,
    f"{LIST}?within=1": 50,
    f"{LIST}?o=-6": 50,
    f"{LIST}?q=file-19999.csv": 1,
    f"{LIST}?q=file-99999.csv": 0,
    f"{LIST}?q=0001869e": 1,
    "/admin/": None,
    f"{LIST}now/": None,
    f"{LIST}{SOME_JOB}/change/": None,
    f"{LIST}new/": None,
    f"{LIST}new/file/?from={SOME_JOB}": None,
    f"{LIST}new/database/?credentials_id=shop": None,
    "/admin/conversions/schedule/": 1,
    f"/admin/conversions/schedule/add/?job={SOME_JOB}": None,
    "/admin/conversions/schedule/1/change/": None,
    "/admin/conversions/apikey/": 1,
    "/admin/conversions/apikey/add/": None,
    "/admin/conversions/apikey/1/change/": None,
    "/admin/connectors/credential/": 1,
    "/admin/connectors/credential/add/": None,
    "/admin/connectors/credential/shop/change/": None,
    "/admin/connectors/credential/shop/rotate/": None,
    "/admin/connectors/event/": 100,
    "/admin/connectors/event/?q=nobody": 0,
    "/admin/auth/user/": 1,
    "/admin/auth/user/1/change/": None,
    "/admin/auth/group/": 3,
}


def fill_the_rest() -> None:
    """One of everything else, and a long record."""
    user = User.objects.get()
    Credential.objects.create(id="shop", connector_type="postgresql", for_everyone=True)
    request = {"connector_type": "postgresql", "credentials_id": "shop", "table_name": "orders"}
    Schedule.objects.create(name="daily", cron="0 6 * * *", owner=user, request=request, next_run_at=timezone.now())
    keys.create("nightly", user)
    Event.objects.bulk_create(Event(subject="credential shop", action="used", actor="user ada") for _ in range(1000))


def test_no_page_counts_or_asks_much_with_many_jobs(as_: As) -> None:
    client = as_("superuser")
    fill(MANY)
    fill_the_rest()
    for path, expected in PAGES.items():
        with CaptureQueriesContext(connection) as asked:
            answer = client.get(path)
        assert answer.status_code == 200, path
        assert len(asked) < 15, path
        assert not [it for it in asked.captured_queries if counts_all(it["sql"])], path
        if expected is not None:
            assert len(answer.context["cl"].result_list) == expected, path


def counts_all(sql: str) -> bool:
    """Whether a query counts a table that grows with the jobs."""
    return "COUNT(" in sql and not {"WHERE", "LIMIT"} & set(sql.split()) and ("conversionjob" in sql or "event" in sql)
