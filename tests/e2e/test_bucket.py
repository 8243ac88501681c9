"""Uploads and kept outputs in a bucket: on a store that checks S3's signatures, and what can be seen of Google's."""

from __future__ import annotations

import hashlib
import io
import json
import sqlite3
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pytest_django import Settings

from connectors.errors import InvalidRequest
from connectors.urls import UrlPolicy, parse_signed_url
from conversions import storage
from tests.e2e.test_outputs import get
from tests.e2e.test_uploads import PEOPLE, send, upload
from tests.manage import manage
from tests.portal import Portal
from tests.store import signature
from tests.store.client import ObjectStore
from tundra_site.storage import backend, problem


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """The portal's bucket: no store that callers may name."""
    with ObjectStore(tmp_path_factory.mktemp("bucket")) as running:
        yield running


@pytest.fixture(scope="module")
def clouded(tmp_path_factory: pytest.TempPathFactory, bucket: ObjectStore) -> Iterator[Portal]:
    """A portal whose own store is a bucket."""
    home = tmp_path_factory.mktemp("clouded")
    with Portal(
        home,
        RATE_LIMIT_ENABLED="false",
        MAX_CONCURRENT_CONVERSIONS="1",
        SQLITE_DIRECTORY=str(home),
        STORAGE_URL=f"s3://tundra/of portal?endpoint={bucket.url}&region={signature.REGION}",
        AWS_ACCESS_KEY_ID=signature.ACCESS_KEY,
        AWS_SECRET_ACCESS_KEY=signature.SECRET_KEY,
    ) as running:
        yield running


def convert(portal: Portal) -> dict[str, Any]:
    """Convert an upload into the bucket."""
    return portal.post("/convert/file", {"upload_id": upload(portal), "format": "csv"})


def key_of(done: dict[str, Any], attempt: int = 1) -> str:
    """Where the output of an attempt is."""
    return f"of portal/outputs/{done['job_id']}/{attempt}-output.parquet"


def test_upload_and_output_are_in_the_bucket(clouded: Portal, bucket: ObjectStore) -> None:
    upload_id = upload(clouded)
    assert bucket.get(f"of portal/uploads/{upload_id}") == PEOPLE
    done = clouded.post("/convert/file", {"upload_id": upload_id, "format": "csv"})
    content = bucket.get(key_of(done))
    assert done["metadata"]["receipt"]["sha256"] == hashlib.sha256(content).hexdigest()
    assert done["metadata"]["receipt"]["verified"] == "md5"
    assert done["metadata"]["warnings"] is None
    assert pq.read_table(io.BytesIO(content)).num_rows == 2
    assert clouded.request("DELETE", f"/uploads/{upload_id}").status == 204
    assert not bucket.exists(f"of portal/uploads/{upload_id}")
    assert not list((clouded.data_dir / "tmp").iterdir())


def test_the_output_is_downloaded_through_the_portal(clouded: Portal, bucket: ObjectStore) -> None:
    done = convert(clouded)
    content = bucket.get(key_of(done))
    assert get(clouded, done["output"])[::2] == (200, content)
    status, headers, part = get(clouded, done["output"], Range="bytes=-4")
    assert (status, part) == (206, b"PAR1")
    assert headers["Content-Range"] == f"bytes {len(content) - 4}-{len(content) - 1}/{len(content)}"


def test_a_link_is_the_buckets_own(clouded: Portal, bucket: ObjectStore) -> None:
    done = convert(clouded)
    link = clouded.request("POST", f"{done['output']}/link", {"expires_in": 60}).body["url"]
    assert link.startswith(f"{bucket.url}/tundra/of%20portal/outputs/")
    assert "people.parquet" in link
    with urllib.request.urlopen(link) as answer:
        assert answer.read() == bucket.get(key_of(done))


def test_a_query_is_kept_too(clouded: Portal, bucket: ObjectStore) -> None:
    with closing(sqlite3.connect(clouded.data_dir / "shop.db")) as database, database:
        database.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY)")
        database.execute("INSERT INTO orders VALUES (1), (2), (3)")
    stored = manage(
        clouded.data_dir,
        *("store_credentials", "shop", "--connector-type", "sqlite"),
        given=json.dumps({"database": "shop.db"}),
        data_dir=clouded.data_dir,
        SQLITE_DIRECTORY=str(clouded.data_dir),
    )
    assert stored.returncode == 0, stored.stderr
    done = clouded.post(
        "/convert/database", {"connector_type": "sqlite", "credentials_id": "shop", "table_name": "orders"}
    )
    _, headers, content = get(clouded, done["output"])
    assert headers["Content-Disposition"] == 'attachment; filename="orders.parquet"'
    assert pq.read_table(io.BytesIO(content))["id"].to_pylist() == [1, 2, 3]


def test_the_bucket_is_no_store_for_callers(clouded: Portal, bucket: ObjectStore) -> None:
    request = {"upload_id": upload(clouded), "format": "csv", "output_url": bucket.presign("PUT", "elsewhere")}
    answer = clouded.request("POST", "/convert/file", request)
    assert (answer.status, list(answer.body["errors"])) == (400, ["output_url"])


def test_delivery_is_repeated_as_to_any_store(clouded: Portal, bucket: ObjectStore) -> None:
    upload_id = upload(clouded)
    bucket.inject("503", method="PUT", times=1)
    done = clouded.post("/convert/file", {"upload_id": upload_id, "format": "csv"})
    assert done["metadata"]["receipt"]["attempts"] == 2


def test_a_conversion_that_failed_can_be_retried_and_leaves_nothing_meanwhile(
    clouded: Portal, bucket: ObjectStore
) -> None:
    upload_id = upload(clouded)
    bucket.inject("store_then_reset", method="PUT", times=1)
    bucket.inject("403", method="PUT", times=1)
    failed = clouded.request("POST", "/convert/file", {"upload_id": upload_id, "format": "csv"})
    assert (failed.status, failed.body["code"]) == (502, "upload_refused")
    job = clouded.request("GET", "/jobs?status=failed&page_size=1").body["results"][0]
    assert not bucket.exists(key_of(job))
    assert clouded.request("POST", f"/jobs/{job['job_id']}/retry").status == 202
    while (now := clouded.request("GET", f"/jobs/{job['job_id']}").body)["status"] not in ("succeeded", "failed"):
        pass
    assert now["output"]
    assert bucket.exists(key_of(job, attempt=2))
    assert not bucket.exists(key_of(job))


def test_rows_that_were_left_out_are_kept_in_the_bucket(clouded: Portal, bucket: ObjectStore) -> None:
    request = {"upload_id": upload(clouded, b"a,b\n1,2\n3\n"), "format": "csv", "options": {"on_bad_row": "skip"}}
    bucket.inject("503", method="PUT", times=1)
    done = clouded.post("/convert/file", request)
    rejects = clouded.request("GET", done["metadata"]["rejects"])
    assert rejects.body.encode() == bucket.get(f"of portal/rejects/{done['job_id']}/1.ndjson")
    assert json.loads(rejects.body)["line"] == 3
    assert not list(clouded.data_dir.rglob("*.ndjson"))


def test_where_they_cannot_be_kept_nothing_is_delivered(clouded: Portal, bucket: ObjectStore) -> None:
    request = {"upload_id": upload(clouded, b"a,b\n1,2\n3\n"), "format": "csv", "options": {"on_bad_row": "skip"}}
    bucket.inject("403", method="PUT", times=1)
    failed = clouded.request("POST", "/convert/file", request)
    assert (failed.status, failed.body["code"]) == (502, "upload_refused")
    job = clouded.request("GET", "/jobs?status=failed&page_size=1").body["results"][0]
    assert not bucket.exists(key_of(job))


def test_nothing_secret_is_shown_or_kept(clouded: Portal) -> None:
    job_id = convert(clouded)["job_id"]
    job = json.dumps(clouded.request("GET", f"/jobs/{job_id}").body)
    database = b"".join(path.read_bytes() for path in clouded.data_dir.glob("db.sqlite3*"))
    for place in (job.encode(), database, clouded.output.encode()):
        assert b"X-Amz-Signature" not in place
        assert signature.SECRET_KEY.encode() not in place


def test_a_bucket_that_is_away_is_said_to_be(clouded: Portal, bucket: ObjectStore) -> None:
    done = convert(clouded)
    port = bucket.port
    bucket.stop()
    try:
        refused = send(clouded)
        assert (refused.status, refused.body["code"]) == (503, "storage_unavailable")
        assert get(clouded, done["output"])[0] == 502
    finally:
        bucket.start(port)
    assert get(clouded, done["output"])[0] == 200


def test_google_signs_urls_that_are_allowed_for_the_portal_alone(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    account = {"type": "service_account", "project_id": "p", "private_key_id": "1", "private_key": pem}
    account |= {"client_email": "tundra@p.iam.gserviceaccount.com", "token_uri": "https://oauth2.googleapis.com/token"}
    (tmp_path / "key.json").write_text(json.dumps(account))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
    monkeypatch.setattr(settings.TUNDRA, "STORAGE_URL", "gs://bucket/prefix")
    settings.STORAGES = {**settings.STORAGES, "kept": backend("gs://bucket/prefix", tmp_path)}
    url = storage.signed_url("PUT", "outputs/1/output.parquet", 60)
    parsed = parse_signed_url(url, storage.url_policy(url))
    assert str(parsed) == "https://storage.googleapis.com/bucket/prefix/outputs/1/output.parquet"
    assert not parsed.may_expire_within(50)
    assert parsed.may_expire_within(61)
    assert not parsed.is_dev
    with pytest.raises(InvalidRequest):
        parse_signed_url(url, UrlPolicy(("s3.amazonaws.com",)))
    assert "a.parquet" in storage.signed_url("GET", "outputs/1/output.parquet", 60, "a.parquet")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("s3://bucket/prefix?region=eu-central-1&endpoint=https://minio.example.com", None),
        ("gs://bucket", None),
        ("bucket", "must be like"),
        ("s3:///prefix", "must be like"),
        ("s3://bucket?key=secret", "'key'"),
        ("gs://bucket?region=eu", "'region'"),
    ],
)
def test_a_storage_url_is_checked_at_the_start(url: str, said: str | None) -> None:
    assert (said or "None") in str(problem(url))
