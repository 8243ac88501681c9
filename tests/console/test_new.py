"""New conversion: who may, what may be said, and what of a request comes back when it is cloned."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework import serializers

from connectors.models import Credential
from conversions.api.database_serializers import ConvertDatabaseSerializer
from conversions.api.serializers import ConvertFileSerializer
from conversions.models import ConversionJob, JobKind
from conversions.new_forms import DatabaseForm, FileForm, RequestForm
from conversions.sealed import seal
from tests.console.conftest import As

pytestmark = pytest.mark.django_db
NEW = "/admin/conversions/conversionjob/new/"
SOURCE = "https://bucket.s3.amazonaws.com/words.csv?X-Amz-Signature=0"
UPLOAD = "0d3f4a52-9d6c-4be7-9fd5-0c5b3a3b8f11"
STEPS = ("", "file/", "database/?credentials_id=shop", "tables/?credentials_id=shop", "upload/")
EVERY_OPTION = {
    "encoding": "cp1252",
    "delimiter": "\t",
    "quote_char": "",
    "has_header": False,
    "decimal_comma": True,
    "date_format": "%d.%m.%Y",
    "null_values": ["-", ""],
    "skip_rows": [0, 4],
    "on_bad_row": "skip",
    "on_cast_error": "null",
    "column_mapping": {"a": "b"},
    "type_overrides": {"a": "Int32"},
}
OTHER_OPTIONS = [{"sheets": "all"}, {"sheet_index": 0}, {"records_path": "data.items", "flatten": True}]


@pytest.mark.parametrize("role", ["nobody", "viewer"])
def test_who_may_not_convert_is_refused_at_every_step(as_: As, role: str) -> None:
    Credential.objects.create(id="shop", connector_type="postgresql", for_everyone=True)
    client = as_(role)
    assert {client.get(f"{NEW}{step}").status_code for step in STEPS} == {403}
    assert client.post(f"{NEW}file/", {"step": "convert", "source_url": SOURCE}).status_code == 403
    assert not ConversionJob.objects.exists()


def test_an_upload_from_another_site_is_refused(as_: As, settings: Any, tmp_path: Any) -> None:
    as_("operator")
    other = Client(enforce_csrf_checks=True)
    other.force_login(User.objects.get(username="operator"))
    content = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\na\n1\n\r\n--x--\r\n'
    answer = other.post(f"{NEW}upload/", content, content_type="multipart/form-data; boundary=x")
    assert answer.status_code == 403


def test_every_option_of_the_api_has_a_field() -> None:
    for form, serializer in ((FileForm, ConvertFileSerializer), (DatabaseForm, ConvertDatabaseSerializer)):
        known: Any = serializer()
        asked = {*known.fields, *known.fields["options"].fields} - {"options", "column_mapping", "type_overrides"}
        assert asked <= form.base_fields.keys(), form


@pytest.mark.parametrize("options", [EVERY_OPTION, *OTHER_OPTIONS], ids=lambda it: ",".join(it)[:30])
def test_a_request_comes_back_whole_from_its_clone(as_: As, options: dict[str, Any]) -> None:
    request = {
        "format": "auto",
        "options": options,
        "compression": "zstd",
        "compression_level": 7,
        "row_group_size": 1000,
        "webhook_url": "https://hooks.example.com/tundra",
        "webhook_events": ["progress"],
    }
    job = ConversionJob.objects.create(
        kind=JobKind.FILE, request=request, webhook=seal({"url": "https://hooks.example.com/tundra"})
    )
    form = as_("operator").get(f"{NEW}file/?from={job.pk}").context["form"]
    assert asked_again(form, ConvertFileSerializer, upload_id=UPLOAD) == {**request, "upload_id": UUID(UPLOAD)}


def asked_again(form: RequestForm, serializer: type[serializers.Serializer[Any]], **more: str) -> Any:
    """What the API's serializer makes of a form that is sent as it came."""
    sent = {field.html_name: field.value() for field in form if field.value() is not None}
    sent["other_options"] = form.fields["other_options"].prepare_value(form["other_options"].initial)
    bound = type(form)({**sent, **more})
    assert bound.is_valid(), bound.errors
    checked = bound.checked(serializer, writes=True)
    assert checked, bound.errors
    return checked


def test_a_webhook_s_secret_is_not_shown_to_who_clones(as_: As) -> None:
    hidden = {"request": {"webhook_url": "https://hooks.example.com/t"}, "webhook": seal({"url": "https://h/?token=1"})}
    job = ConversionJob.objects.create(kind=JobKind.FILE, **hidden)
    assert not as_("operator").get(f"{NEW}file/?from={job.pk}").context["form"]["webhook_url"].value()


def test_what_no_field_shows_is_refused_above_all(as_: As) -> None:
    client = as_("operator")
    gone = {"upload_id": UPLOAD, "format": "auto", "step": "convert"}
    page = client.post(f"{NEW}file/", gone).content.decode()
    assert "There is no such upload" in page
    page = client.post(f"{NEW}file/", {"source_url": SOURCE, "skip_rows": "1, 0", "step": "convert"}).content.decode()
    assert "&#x27;0&#x27; is no row&#x27;s number" in page


def test_the_sidebar_marks_one_entry(as_: As) -> None:
    client = as_("superuser")
    for path, entry in ((NEW, "New conversion"), (f"{NEW}file/", "New conversion"), ("/admin/", "Dashboard")):
        groups = client.get(path).context["sidebar_navigation"]
        assert [it["title"] for group in groups for it in group["items"] if it["active"]] == [entry]
