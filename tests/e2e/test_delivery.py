"""What happens when stores misbehave: never a success that is not there, never half a file."""

from __future__ import annotations

import pytest

from tests.conftest import Converter

PEOPLE = b"id,name\n1,Ann\n2,Bob\n"


@pytest.mark.parametrize("fault", ["503", "500", "429", "reset", "wrong_etag"])
def test_a_passing_fault_at_upload_is_survived(converter: Converter, fault: str) -> None:
    converter.store.inject(fault, method="PUT", key=converter.output, times=1)
    metadata, table = converter.convert(PEOPLE, "csv")
    assert table.num_rows == 2
    assert metadata["receipt"]["attempts"] == 2


@pytest.mark.parametrize("fault", ["503", "reset", "truncate"])
def test_a_passing_fault_at_download_is_survived(converter: Converter, fault: str) -> None:
    converter.store.inject(fault, method="GET", key=converter.source, times=1)
    _, table = converter.convert(PEOPLE, "csv")
    assert table.num_rows == 2


@pytest.mark.parametrize(
    ("fault", "code"),
    [("truncate", "source_truncated"), ("403", "source_refused"), ("redirect", "source_refused"),
     ("error_page_200", "source_refused")],
)  # fmt: skip
def test_a_source_that_keeps_failing_is_502_and_nothing_is_delivered(
    converter: Converter, fault: str, code: str
) -> None:
    converter.store.inject(fault, method="GET", key=converter.source, times=1000)
    answer = converter.try_(PEOPLE, "csv")
    assert (answer.status, answer.body["code"]) == (502, code), answer.body
    assert "Signature" not in str(answer.body)
    assert not converter.store.exists(converter.output)


@pytest.mark.parametrize(("fault", "code"), [("403", "upload_refused"), ("redirect", "upload_refused")])
def test_a_store_that_refuses_the_upload_is_502(converter: Converter, fault: str, code: str) -> None:
    converter.store.inject(fault, method="PUT", key=converter.output, times=1000)
    answer = converter.try_(PEOPLE, "csv")
    assert (answer.status, answer.body["code"]) == (502, code), answer.body


def test_a_store_that_never_confirms_the_checksum_is_a_failure(converter: Converter) -> None:
    converter.store.inject("wrong_etag", method="PUT", key=converter.output, times=1000)
    answer = converter.try_(PEOPLE, "csv")
    assert (answer.status, answer.body["code"]) == (502, "delivery_mismatch")


def test_an_expired_url_is_refused_at_once(converter: Converter) -> None:
    request = converter.request(PEOPLE, "csv")
    request["output_url"] = converter.store.presign("PUT", converter.output, expires=-5)
    answer = converter.portal.request("POST", "/convert/file", request)
    assert (answer.status, answer.body["code"]) == (400, "url_expired")
    assert "output_url" in answer.body["detail"]


def test_a_url_that_may_expire_before_the_end_is_a_warning(converter: Converter) -> None:
    request = converter.request(PEOPLE, "csv")
    request["output_url"] = converter.store.presign("PUT", converter.output, expires=60)
    warnings = converter.portal.post("/convert/file", request)["metadata"]["warnings"]
    assert any("output_url expires" in warning for warning in warnings)


def test_a_tampered_url_is_refused_by_the_store_and_said_so(converter: Converter) -> None:
    request = converter.request(PEOPLE, "csv")
    request["output_url"] = request["output_url"].replace("output.parquet", "other.parquet")
    answer = converter.portal.request("POST", "/convert/file", request)
    assert (answer.status, answer.body["code"]) == (502, "upload_refused")
    assert "SignatureDoesNotMatch" in answer.body["detail"]
    assert not converter.store.exists(converter.output.replace("output", "other"))
