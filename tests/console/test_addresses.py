"""Addresses that nobody was given: whatever is typed, a page answers, and never with a fault of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.models import Credential
from tests.console.conftest import As

pytestmark = pytest.mark.django_db
JUNK = ("xyz", "9" * 20, "%00")
JOBS = "conversions/conversionjob"
ASKED = {
    JOBS: "q p o e error_code slower larger within owner credentials_id status__exact finished_at__gte seconds__gt",
    f"{JOBS}/new": "from",
    f"{JOBS}/new/file": "from upload_id",
    f"{JOBS}/new/database": "from credentials_id",
    f"{JOBS}/new/tables": "credentials_id",
    "conversions/schedule": "q p o is_paused__exact owner__id__exact",
    "conversions/schedule/add": "job",
    "conversions/apikey": "q p o user__id__exact created_at__gte expires_at__isnull",
    "connectors/credential": "q p o connector_type for_everyone__exact",
    "connectors/event": "q p o by at__gte",
    "auth/user": "q p o groups__id__exact is_active__exact",
}
IDS = {
    "conversions/conversionjob": "change history progress",
    "conversions/schedule": "change delete history",
    "conversions/apikey": "change history",
    "connectors/credential": "change delete history rotate",
    "connectors/event": "change",
    "auth/user": "change delete password",
}


def addresses() -> Iterator[str]:
    """Every page with every parameter and id that it takes, filled with junk."""
    for junk in JUNK:
        for page, names in ASKED.items():
            yield from (f"/admin/{page}/?{name}={junk}" for name in names.split())
        for page, views in IDS.items():
            yield from (f"/admin/{page}/{junk}/{view}/" for view in views.split())
        yield f"/admin/{JOBS}/new/look/{junk}/"
        yield f"/admin/{JOBS}/{junk}/webhooks/{junk}/redeliver/"


def test_junk_is_no_fault_of_a_page(as_: As) -> None:
    client = as_("superuser")
    client.raise_request_exception = False
    statuses = {address: client.get(address).status_code for address in addresses()}
    assert {address: status for address, status in statuses.items() if status >= 500} == {}
    assert {statuses[f"/admin/{JOBS}/new/{page}?from=xyz"] for page in ("", "file/", "database/")} == {404}


def test_a_database_without_its_secret_says_so(as_: As) -> None:
    Credential.objects.create(id="shop", connector_type="postgresql", for_everyone=True)
    page = as_("operator").get(f"/admin/{JOBS}/new/database/?credentials_id=shop&table_name=%00")
    assert page.status_code == 200
