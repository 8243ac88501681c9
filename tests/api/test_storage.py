"""Uploads and kept outputs: whose they are, how long they stay, and whether the portal keeps any."""

from __future__ import annotations

import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser
from django.utils import timezone
from pytest_django import Settings

from conversions import retention, services, uploads
from conversions.models import ConversionJob, JobKind, JobStatus, Upload
from tests.api.conftest import Client, client, run
from tests.e2e.test_uploads import PEOPLE, multipart
from tests.portal import Portal


def upload_by(caller: Client) -> str:
    body, content_type = multipart(PEOPLE)
    answer = caller.request("POST", "/uploads", body, Content_Type=content_type)
    assert answer.status == 201, answer.body
    return str(answer.body["upload_id"])


def test_an_upload_is_its_owners_alone(ada: Client, bob: Client, guarded: Portal) -> None:
    upload_id = upload_by(ada)
    for answer in (
        bob.request("GET", f"/uploads/{upload_id}"),
        bob.request("DELETE", f"/uploads/{upload_id}"),
        bob.request("POST", "/convert/file", {"upload_id": upload_id, "format": "csv"}),
    ):
        assert (answer.status, answer.body["code"]) == (404, "upload_not_found")
    assert guarded.request("GET", f"/uploads/{upload_id}").status == 401
    assert ada.request("GET", f"/uploads/{upload_id}").status == 200


def test_an_output_is_its_owners_alone_but_for_links(ada: Client, bob: Client, guarded: Portal) -> None:
    output = ada.request("POST", "/convert/file", {"upload_id": upload_by(ada), "format": "csv"}).body["output"]
    assert ada.request("HEAD", output).status == 200
    assert bob.request("GET", output).status == 404
    assert bob.request("POST", f"{output}/link", {}).status == 404
    link = ada.request("POST", f"{output}/link", {}).body["url"]
    assert guarded.request("HEAD", link.removeprefix(guarded.url)).status == 200


def test_a_key_needs_the_scope(guarded: Portal) -> None:
    reader = client(guarded, "reads", "ada", "--scope", "read-jobs")
    body, content_type = multipart(PEOPLE)
    assert reader.request("POST", "/uploads", body, Content_Type=content_type).status == 403
    infers = client(guarded, "infers", "ada", "--scope", "infer")
    assert infers.request("GET", f"/jobs/{uuid.uuid4()}/output").status == 403


def test_a_pruned_job_takes_its_output_along(ada: Client, guarded: Portal) -> None:
    done = ada.request("POST", "/convert/file", {"upload_id": upload_by(ada), "format": "csv"}).body
    directory = guarded.data_dir / "store" / "outputs" / done["job_id"]
    assert [file.name for file in directory.iterdir()] == ["1-output.parquet"]
    run(guarded.data_dir, "prune_jobs", "--days", "0")
    assert not directory.exists()
    assert ada.request("GET", done["output"]).status == 404


@pytest.fixture
def kept(tmp_path: Path, settings: Settings, db: None) -> Path:
    """The portal's own store, in this process."""
    backend = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}}
    settings.STORAGES = {**settings.STORAGES, "kept": backend}
    return tmp_path


def expired_upload() -> Upload:
    upload = uploads.keep(SimpleUploadedFile("a.csv", PEOPLE), "digest", None)
    Upload.objects.filter(pk=upload.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    upload.refresh_from_db()
    return upload


def job_on(upload: Upload) -> ConversionJob:
    request = {"upload_id": str(upload.pk), "format": "csv", "options": {}}
    return services.submit(services.Submission(JobKind.FILE, request, {}, "a.csv", upload=upload))


def test_an_expired_upload_goes_when_no_job_needs_it(kept: Path) -> None:
    free, needed = expired_upload(), expired_upload()
    job = job_on(needed)
    assert retention.prune(30).uploads == 1
    assert [file.name for file in (kept / "uploads").iterdir()] == [str(needed.pk)]
    services.cancel(job)
    assert retention.prune(30).uploads == 1
    assert not list((kept / "uploads").iterdir())
    assert not Upload.objects.filter(pk__in=[free.pk, needed.pk]).exists()


def test_an_expired_upload_is_no_source_any_more(kept: Path, client: Browser) -> None:
    upload = expired_upload()
    assert client.get(f"/uploads/{upload.pk}").status_code == 404
    answer = client.post(
        "/convert/file", {"upload_id": str(upload.pk), "format": "csv"}, content_type="application/json"
    )
    assert (answer.status_code, answer.json()["code"]) == (404, "upload_not_found")


def test_an_old_output_goes_before_its_job(kept: Path, client: Browser) -> None:
    job = job_on(expired_upload())
    directory = kept / "outputs" / str(job.pk)
    directory.mkdir(parents=True)
    (directory / "0-output.parquet").write_bytes(b"PAR1")
    ended: dict[str, Any] = {"receipt": {"bytes": 4, "sha256": "0" * 64}, "rows": 0}
    ConversionJob.objects.filter(pk=job.pk).update(
        status=JobStatus.SUCCEEDED, has_output=True, result=ended, finished_at=timezone.now() - timedelta(days=6)
    )
    assert retention.prune(30).outputs == 0
    assert b"".join(client.get(f"/jobs/{job.pk}/output")) == b"PAR1"
    ConversionJob.objects.filter(pk=job.pk).update(finished_at=timezone.now() - timedelta(days=8))
    assert retention.prune(30).outputs == 1
    assert not directory.exists()
    answer = client.get(f"/jobs/{job.pk}/output")
    assert (answer.status_code, answer.json()["code"]) == (410, "output_removed")
    assert client.get(f"/jobs/{job.pk}").json()["output"] is None


def test_where_outputs_are_not_kept_an_output_url_is_required(
    kept: Path, client: Browser, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = uploads.keep(SimpleUploadedFile("a.csv", PEOPLE), "digest", None)
    monkeypatch.setattr(settings.TUNDRA, "KEEP_OUTPUTS", False)
    answer = client.post(
        "/convert/file", {"upload_id": str(upload.pk), "format": "csv"}, content_type="application/json"
    )
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["output_url"])
    assert not ConversionJob.objects.exists()
