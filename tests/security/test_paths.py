"""No name that a caller gives leads to a file that is not meant, and honest names that look odd work."""

from __future__ import annotations

import http.client
import io
import os
import re
import shutil
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.test import Client

from connectors.databases.credentials import Credentials
from connectors.databases.hosts import HostPolicy
from connectors.databases.opening import open_database
from connectors.databases.request import DatabaseRequest
from connectors.errors import ConversionError, UnreadableFile
from connectors.files.opening import open_file
from connectors.files.options import FileOptions
from connectors.source import Context
from conversions import outputs, storage
from conversions.models import ConversionJob, JobKind, JobStatus
from conversions.pipeline.transfer import deliver_to_path
from tests.portal import Portal
from tests.security.paths import ADDRESSES, FILE_NAMES, MEMBER_NAMES, SQLITE_ALLOWED, SQLITE_REFUSED


@pytest.fixture
def uncounted() -> None:
    """No rate limit is near."""
    cache.clear()


def short(name: str) -> str:
    """A test's name."""
    return ascii(name)[:40]


def test_the_corpus_is_wide() -> None:
    corpora = (SQLITE_REFUSED, SQLITE_ALLOWED, list(FILE_NAMES), MEMBER_NAMES, ADDRESSES)
    assert all(len(set(corpus)) == len(corpus) for corpus in corpora)
    assert len(SQLITE_REFUSED) + len(ADDRESSES) + len(MEMBER_NAMES) >= 100
    assert sum(map(len, corpora)) >= 200


@pytest.fixture(scope="module")
def allowed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that SQLite files may be in, among others."""
    outside = tmp_path_factory.mktemp("sqlite")
    inside, twin = outside / "allowed", outside / "allowed-twin"
    for directory in (inside, twin, inside / "sub"):
        directory.mkdir()
    for path, text in ((inside / "data.sqlite", "inside"), (outside / "outside.sqlite", "outside")):
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("CREATE TABLE t AS SELECT ? AS said", [text])
    plain = [name for name in SQLITE_ALLOWED if "/" not in name and name not in ("data.sqlite", "inner.sqlite")]
    for name in ("sub/data.sqlite", *plain):
        shutil.copy(inside / "data.sqlite", inside / name)
    shutil.copy(outside / "outside.sqlite", twin / "data.sqlite")
    (inside / "inner.sqlite").symlink_to(inside / "data.sqlite")
    (inside / "link.sqlite").symlink_to(outside / "outside.sqlite")
    (inside / "link").symlink_to(outside)
    (inside / "loop").symlink_to(inside / "loop")
    os.mkfifo(inside / "pipe")
    return inside


def said_by(allowed: Path, name: str) -> list[str]:
    """What the table in a SQLite file says."""
    database = name.replace("{inside}", str(allowed)).replace("{outside}", str(allowed.parent))
    request = DatabaseRequest.parse({"connector_type": "sqlite", "table_name": "t"})
    policy = HostPolicy(sqlite_directory=allowed)
    credentials = Credentials.parse("sqlite", {"database": database})
    with open_database(request, credentials, Context(temp_dir=allowed.parent), policy, 30.0) as source:
        return [said for batch in source.batches() for said in batch.column(0).to_pylist()]


@pytest.mark.parametrize("name", SQLITE_REFUSED, ids=short)
def test_no_sqlite_file_outside_the_directory_is_opened(allowed: Path, name: str) -> None:
    with pytest.raises(ConversionError) as caught:
        said_by(allowed, name)
    assert caught.value.code in ("host_not_allowed", "database_not_found", "invalid_credentials")


@pytest.mark.parametrize("name", SQLITE_ALLOWED, ids=short)
def test_a_sqlite_file_inside_is_opened_whatever_it_is_called(allowed: Path, name: str) -> None:
    assert said_by(allowed, name) == ["inside"]


@pytest.mark.parametrize("name", FILE_NAMES, ids=short)
@pytest.mark.django_db
def test_a_download_has_a_name_that_no_header_and_no_disk_minds(
    name: str,
) -> None:
    owner = User.objects.create_superuser("ada")
    job = ConversionJob.objects.create(
        kind=JobKind.FILE,
        status=JobStatus.SUCCEEDED,
        owner=owner,
        source=name[:500].replace("\0", ""),
        has_output=True,
        result={"receipt": {"bytes": 4, "sha256": "ab"}},
    )
    storage.save(outputs.stored_as(job), ContentFile(b"PAR1"))
    browser = Client()
    browser.force_login(owner)
    answer = browser.get(f"/jobs/{job.pk}/output")
    assert b"".join(answer) == b"PAR1"
    outputs.remove(job)
    found = re.fullmatch(
        r'attachment; filename="([A-Za-z0-9 ()+-][A-Za-z0-9._ ()+-]*)\.parquet"', answer.headers["Content-Disposition"]
    )
    assert found
    expected = FILE_NAMES[name]
    assert expected is None or found[1] == expected


@pytest.mark.parametrize("name", FILE_NAMES, ids=short)
@pytest.mark.django_db
@pytest.mark.usefixtures("uncounted")
def test_an_upload_is_stored_under_a_name_of_ours(name: str, settings: LazySettings) -> None:
    browser = Client()
    browser.force_login(User.objects.create_superuser("ada"))
    file = io.BytesIO(b"id\n1\n")
    file.name = name
    answer = browser.post("/uploads", {"file": file})
    store = Path(settings.STORAGES["kept"]["OPTIONS"]["location"])
    if answer.status_code == 400:  # Django takes it for no file: it has no name that is one
        assert answer.json()["code"] in ("invalid_request", "parse_error")
        return
    upload_id = answer.json()["upload_id"]
    assert (store / "uploads" / upload_id).read_bytes() == b"id\n1\n"
    assert not re.search(r"[/\\\0\r\n]", answer.json()["filename"])
    assert browser.delete(f"/uploads/{upload_id}").status_code == 204


def archive(directory: Path, *members: str | zipfile.ZipInfo) -> Path:
    """A zip archive whose members are CSV."""
    path = directory / "archive.zip"
    with zipfile.ZipFile(path, "w") as made:
        for member in members:
            made.writestr(member, "id\n1\n")
    return path


def rows_of(path: Path, directory: Path) -> list[Any]:
    """What the file holds."""
    with open_file(path, "csv", FileOptions(), Context(temp_dir=directory)) as source:
        return [row for batch in source.batches() for row in batch.to_pylist()]


@pytest.mark.parametrize("name", MEMBER_NAMES, ids=short)
def test_a_members_name_is_never_a_path(tmp_path: Path, name: str) -> None:
    work = tmp_path / "a" / "b" / "work"
    work.mkdir(parents=True)
    link = zipfile.ZipInfo(name)
    link.external_attr = 0o120777 << 16  # it says that it is a symbolic link
    for member in (name, link):
        assert rows_of(archive(tmp_path, member), work) == [{"id": 1}]
    assert [path for path in tmp_path.rglob("*") if path.is_symlink() or "evil" in path.name] == []
    assert {path.parent for path in tmp_path.rglob("*") if path.is_file()} <= {tmp_path, work}


@pytest.mark.parametrize("name", MEMBER_NAMES, ids=short)
def test_members_that_are_too_many_are_named_in_one_short_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnreadableFile) as caught:
        rows_of(archive(tmp_path, name, f"{name}2"), tmp_path)
    assert caught.value.code == "ambiguous_archive"
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 600


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("directory", "destination_not_writable"),
        ("directory/.", "destination_not_writable"),
        (".", "destination_not_writable"),
        ("..", "destination_not_writable"),
        ("pipe", "destination_not_writable"),
        ("/dev/null", "destination_not_writable"),
        ("/dev/full", "destination_not_writable"),
        ("/proc/self/mem", "destination_not_writable"),
        ("/proc/x.parquet", "destination_not_writable"),
        ("missing/x.parquet", "destination_not_writable"),
        ("file/x.parquet", "destination_not_writable"),
        ("loop", "destination_not_writable"),
        ("x" * 300, "destination_not_writable"),
        ("plain.parquet", None),
        ("directory/../plain.parquet", None),
        ("directory/plain.parquet", None),
        ("with space.parquet", None),
        ("..x.parquet", None),
        ("-rf", None),
        ("$(id).parquet", None),
        ("n\u00e4me\n.parquet", None),
        ("link", None),
    ],
    ids=str,
)
def test_a_local_destination_is_a_file_that_is_replaced_or_refused(tmp_path: Path, name: str, code: str | None) -> None:
    (made := tmp_path / "made").write_bytes(b"PAR1")
    home = tmp_path / "home"
    (home / "directory").mkdir(parents=True)
    (home / "file").write_text("kept")
    (home / "link").symlink_to(home / "file")
    (home / "loop").symlink_to(home / "loop")
    os.mkfifo(home / "pipe")
    if code is None:
        deliver_to_path(made, home / name)
        assert (home / name).read_bytes() == b"PAR1"
    else:
        with pytest.raises(ConversionError) as caught:
            deliver_to_path(made, home / name)
        assert caught.value.code == code
    assert [path for path in tmp_path.rglob("*") if path.name.endswith(".part")] == []
    assert (home / "link").is_symlink()


@pytest.mark.parametrize("path", ADDRESSES)
def test_no_address_of_the_portal_leads_to_a_file(portal: Portal, path: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", portal.port, timeout=60)
    connection.request("GET", path)  # as it stands: nothing here tidies it
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert 400 <= answer.status < 500 or answer.headers["Location"].startswith("/admin/login/")
    assert b"root:" not in body
    assert b"SQLite format" not in body


@pytest.mark.django_db
def test_the_token_of_a_link_is_in_no_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    assert Client().get("/outputs/needle-in-a-link").status_code == 404
    assert "/outputs/…" in caplog.text
    assert "needle" not in caplog.text
