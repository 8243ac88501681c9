"""The store allows what was signed, byte for byte and in time, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.store import signature
from tests.store.client import ObjectStore
from tests.store.conftest import CONTENT
from tests.store.wire import ask, md5_etag

NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=200)


def test_it_gives_what_was_put_over_the_wire(store: ObjectStore, key: str) -> None:
    put = ask("PUT", store.presign("PUT", key), b"new content")
    got = ask("GET", store.presign("GET", key))
    assert (put.status, put.etag) == (200, md5_etag(b"new content"))
    assert (got.status, got.etag, got.body) == (200, md5_etag(b"new content"), b"new content")
    assert got.headers["Content-Length"] == "11"
    assert store.get(key) == b"new content"


def test_it_agrees_with_the_published_example_of_a_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signature, "ACCESS_KEY", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setattr(signature, "SECRET_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    at = datetime(2013, 5, 24, tzinfo=UTC)
    url = signature.presign("GET", "https://examplebucket.s3.amazonaws.com", "test.txt", 86400, at)
    assert url.endswith("&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404")


@settings(max_examples=60)
@given(name=NAMES, content=st.binary(max_size=200))
def test_any_name_can_be_signed_stored_and_fetched(store: ObjectStore, name: str, content: bytes) -> None:
    assert ask("PUT", store.presign("PUT", name), content).status == 200
    assert ask("GET", store.presign("GET", name)).body == content == store.get(name)


def test_it_refuses_a_request_without_a_signature(store: ObjectStore, key: str) -> None:
    answer = ask("GET", f"{store.url}/tundra/{key}")
    assert (answer.status, answer.code) == (403, "AccessDenied")


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        ("/folder/", "/folder/x"),
        ("/tundra/", "//tundra/"),
        ("/folder/", "/folder%2F"),
        ("/folder/", "//folder/"),
        ("/folder/", "/./folder/"),
        ("folder", "f%6Flder"),
        ("X-Amz-Expires=900", "X-Amz-Expires=901"),
        ("X-Amz-Expires=900", "X-Amz-Expires=0900"),
        ("&X-Amz-Signature=", "&versionId=1&X-Amz-Signature="),
        ("&X-Amz-Signature=", "&X-Amz-Signature=0"),
        ("X-Amz-SignedHeaders=host", "X-Amz-SignedHeaders=host%3Baccept-encoding"),
        ("%2F", "%2f"),
    ],
)
def test_it_refuses_a_url_that_was_changed(store: ObjectStore, key: str, said: str, instead: str) -> None:
    url = store.presign("GET", key)
    assert said in url
    answer = ask("GET", url.replace(said, instead, 1))
    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")


@pytest.mark.parametrize("place", range(64))
def test_it_refuses_a_signature_with_one_digit_changed(store: ObjectStore, place: int) -> None:
    url, _, signature = store.presign("GET", "folder/any").rpartition("=")
    digit = "0" if signature[place] != "0" else "1"
    answer = ask("GET", f"{url}={signature[:place]}{digit}{signature[place + 1 :]}")
    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")


@pytest.mark.parametrize(("signed", "used"), [("GET", "PUT"), ("PUT", "GET"), ("GET", "HEAD"), ("HEAD", "GET")])
def test_it_refuses_another_method_than_was_signed(store: ObjectStore, key: str, signed: str, used: str) -> None:
    answer = ask(used, store.presign(signed, key), b"overwritten" if used == "PUT" else None)
    assert answer.status == 403
    assert store.get(key) == CONTENT


def test_it_refuses_a_url_that_was_signed_for_another_host(store: ObjectStore, key: str) -> None:
    answer = ask("GET", store.presign("GET", key), Host="s3.amazonaws.com")
    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")


def test_it_refuses_an_expired_url(store: ObjectStore, key: str) -> None:
    url = store.presign("GET", key, expires=60, signed_at=datetime.now(UTC) - timedelta(seconds=61))
    answer = ask("GET", url)
    assert (answer.status, answer.code) == (403, "AccessDenied")
    assert b"expired" in answer.body


def test_it_refuses_a_url_that_is_not_yet_valid(store: ObjectStore, key: str) -> None:
    answer = ask("GET", store.presign("GET", key, signed_at=datetime.now(UTC) + timedelta(hours=1)))
    assert (answer.status, answer.code) == (403, "AccessDenied")


@pytest.mark.parametrize("expires", [604_801, -1])
def test_it_refuses_a_lifetime_that_s3_does_not_allow(store: ObjectStore, key: str, expires: int) -> None:
    answer = ask("GET", store.presign("GET", key, expires))
    assert (answer.status, answer.code) == (400, "AuthorizationQueryParametersError")


def test_it_accepts_a_url_up_to_its_last_minute(store: ObjectStore, key: str) -> None:
    url = store.presign("GET", key, expires=600, signed_at=datetime.now(UTC) - timedelta(seconds=540))
    assert ask("GET", url).status == 200


def test_it_demands_the_headers_that_were_signed(store: ObjectStore, key: str) -> None:
    url = store.presign("PUT", key, signed_headers={"content-type": "text/csv"})
    assert ask("PUT", url, b"a,b\n").status == 403
    assert ask("PUT", url, b"a,b\n", Content_Type="text/html").code == "SignatureDoesNotMatch"
    assert ask("PUT", url, b"a,b\n", Content_Type="text/csv").status == 200
