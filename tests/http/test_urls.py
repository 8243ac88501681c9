"""Signed URLs: what is refused, what is allowed, and that the query stays a secret."""

from __future__ import annotations

import copy
import pickle
from contextlib import suppress
from dataclasses import FrozenInstanceError, asdict
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
import urllib3
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import InvalidRequest
from connectors.urls import UrlPolicy, parse_signed_url
from tests.http.corpus import ALLOWED, HOST, REFUSED, V2, V4

POLICY = UrlPolicy(("r2.cloudflarestorage.com", "s3.amazonaws.com", "storage.googleapis.com"))
DEV = UrlPolicy(POLICY.allowed_domains, dev_hosts=("127.0.0.1:9000", "localhost:9000", "[::1]:9000", "minio.test"))
HOOKS = POLICY.for_webhooks()
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def refusal(url: str, policy: UrlPolicy = POLICY) -> InvalidRequest:
    """The error that a URL is refused with."""
    with pytest.raises(InvalidRequest) as caught:
        parse_signed_url(url, policy, field="source_url", now=NOW)
    return caught.value


@pytest.mark.parametrize("url", [url for urls in REFUSED.values() for url in urls])
def test_it_refuses_what_breaks_a_rule_with_one_sentence_that_names_the_field(url: str) -> None:
    error = refusal(url)
    assert error.http_status == 400
    assert error.message.startswith("source_url ")
    assert error.errors == {"source_url": [error.message]}
    assert "ab12" not in error.message


def test_the_corpus_is_wide() -> None:
    refused = [url for urls in REFUSED.values() for url in urls]
    assert len(set(refused)) == len(refused) >= 100
    assert len(set(ALLOWED)) == len(ALLOWED) >= 100


@pytest.mark.parametrize("url", REFUSED["expired"])
def test_it_says_that_a_url_has_expired_and_when(url: str) -> None:
    error = refusal(url)
    assert error.code == "url_expired"
    assert "has expired at " in error.message


@pytest.mark.parametrize("url", REFUSED["foreign"][:30])
def test_it_says_which_stores_are_allowed(url: str) -> None:
    error = refusal(url)
    assert error.code == "url_host_not_allowed"
    assert "storage.googleapis.com" in error.message


@pytest.mark.parametrize("url", ALLOWED)
def test_it_allows_the_stores_and_keeps_the_url_byte_for_byte(url: str) -> None:
    parsed = parse_signed_url(url, POLICY, now=NOW)
    written = url.split("://", 1)[1].partition("/")[2] if "/" in url.split("://", 1)[1].partition("?")[0] else None
    expected = f"/{written}" if written is not None else "/?" + url.partition("?")[2]
    assert parsed.request_target() == expected
    assert (parsed.scheme, parsed.port, parsed.is_dev) == ("https", 443, False)


@pytest.mark.parametrize("url", ALLOWED)
def test_other_parsers_see_the_host_that_was_checked(url: str) -> None:
    parsed = parse_signed_url(url, POLICY, now=NOW)
    assert urlsplit(url).hostname == parsed.host == urllib3.util.parse_url(url).host


@given(st.text(max_size=60))
def test_text_around_an_allowed_host_never_leads_elsewhere(text: str) -> None:
    for url in (f"https://{text}{HOST}/o?{V4}", f"https://{HOST}{text}/o?{V4}", f"{text}://{HOST}/o?{V4}"):
        try:
            parsed = parse_signed_url(url, POLICY, now=NOW)
        except InvalidRequest:
            continue
        assert parsed.host.endswith(".s3.amazonaws.com")
        assert urlsplit(url).hostname == parsed.host == urllib3.util.parse_url(url).host


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="\\#?"), max_size=80))
def test_a_path_of_visible_characters_is_kept_as_it_is(path: str) -> None:
    parsed = parse_signed_url(f"https://{HOST}/{path}?{V4}", POLICY, now=NOW)
    assert parsed.request_target() == f"/{path}?{V4}"
    assert str(parsed) == f"https://{HOST}/{path}"


@given(st.text())
def test_any_text_is_a_url_or_refused(text: str) -> None:
    with suppress(InvalidRequest):
        assert parse_signed_url(text, POLICY, now=NOW).scheme == "https"


@pytest.mark.parametrize("url", ALLOWED)
def test_its_text_forms_never_show_the_query(url: str) -> None:
    parsed = parse_signed_url(url, POLICY, now=NOW)
    for shown in (str(parsed), repr(parsed), f"{parsed}", f"{parsed!r}", repr([parsed]), "%s" % parsed):  # noqa: UP031
        assert "?" not in shown
        assert "ab12" not in shown


def test_it_cannot_be_changed_after_it_was_checked() -> None:
    parsed = parse_signed_url(ALLOWED[0], POLICY, now=NOW)
    with pytest.raises(FrozenInstanceError):
        parsed.host = "evil.example"  # type: ignore[misc]
    assert copy.deepcopy(parsed) == pickle.loads(pickle.dumps(parsed)) == parsed  # noqa: S301 - our own bytes


def test_it_knows_when_the_signature_ends() -> None:
    url = f"https://{HOST}/o?X-Amz-Signature=ab12&X-Amz-Date=20260101T000000Z&X-Amz-Expires=900"
    assert parse_signed_url(url, POLICY, now=NOW).expires_at == NOW + timedelta(minutes=15)
    assert parse_signed_url(url, POLICY, now=NOW + timedelta(seconds=899)).host == HOST
    with pytest.raises(InvalidRequest, match="has expired at 2026-01-01 00:15:00 UTC"):
        parse_signed_url(url, POLICY, now=NOW + timedelta(seconds=900))


def test_it_tells_whether_it_may_expire_within_a_job() -> None:
    signed = datetime.now(UTC)
    url = f"https://{HOST}/o?X-Amz-Signature=ab12&X-Amz-Date={signed:%Y%m%dT%H%M%SZ}&X-Amz-Expires=900"
    parsed = parse_signed_url(url, POLICY)
    assert parsed.may_expire_within(901)
    assert not parsed.may_expire_within(600)


def test_it_reads_the_headers_that_a_signature_covers() -> None:
    url = f"https://{HOST}/o?{V4.replace('SignedHeaders=host', 'SignedHeaders=content-type%3Bhost')}"
    assert parse_signed_url(url, POLICY, now=NOW).signed_headers == {"content-type", "host"}
    assert parse_signed_url(f"https://{HOST}/o?{V2}", POLICY, now=NOW).signed_headers == frozenset()


@pytest.mark.parametrize(
    "authority", ["127.0.0.1:9000", "localhost:9000", "[::1]:9000", "minio.test", "LOCALHOST:9000"]
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_development_host_may_be_local_and_plain(scheme: str, authority: str) -> None:
    parsed = parse_signed_url(f"{scheme}://{authority}/b/o?{V4}", DEV, now=NOW)
    assert parsed.is_dev
    assert parsed.authority == authority.lower()
    assert str(parsed) == f"{scheme}://{authority.lower()}/b/o"


@pytest.mark.parametrize(
    "url",
    [
        f"http://127.0.0.1/o?{V4}",
        f"http://127.0.0.1:9001/o?{V4}",
        f"http://127.0.0.1:09000/o?{V4}",
        f"http://127.1:9000/o?{V4}",
        f"http://localhost/o?{V4}",
        f"http://localhost.:9000/o?{V4}",
        f"http://sub.localhost:9000/o?{V4}",
        f"http://user@localhost:9000/o?{V4}",
        f"http://minio.test:9000/o?{V4}",
        f"ftp://minio.test/o?{V4}",
        f"http://[::1]/o?{V4}",
        f"http://{HOST}/o?{V4}",
        "http://localhost:9000/o",
    ],
)
def test_only_the_named_development_hosts_are_let_through(url: str) -> None:
    refusal(url, DEV)


@pytest.mark.parametrize(
    "url", ["https://hooks.example.org/in/42?token=x", "https://example.org", "https://a.b/c?Expires=x"]
)
def test_a_webhook_may_go_to_any_public_name_unsigned(url: str) -> None:
    assert parse_signed_url(url, HOOKS, field="webhook_url").expires_at is None


@pytest.mark.parametrize("url", [*REFUSED["confusing"][:12], *REFUSED["address"], *REFUSED["wrong door"]])
def test_a_webhook_obeys_the_other_rules(url: str) -> None:
    refusal(url, HOOKS)


def test_a_policy_survives_the_way_to_the_child() -> None:
    assert UrlPolicy.from_json(asdict(DEV)) == DEV
    assert UrlPolicy.from_json({**asdict(HOOKS), "allowed_domains": list(HOOKS.allowed_domains)}) == HOOKS


def test_an_operators_own_domain_does_not_bring_amazon_with_it() -> None:
    own = UrlPolicy(("storage.example.org",))
    assert parse_signed_url(f"https://a.storage.example.org/o?{V4}", own, now=NOW).host == "a.storage.example.org"
    refusal(f"https://s3.eu-west-1.amazonaws.com/o?{V4}", own)


@pytest.mark.parametrize(
    "domain", [" Storage.Example.org", ".storage.example.org", "*.storage.example.org ", "storage.example.org."]
)
def test_a_domain_is_understood_as_operators_write_it(domain: str) -> None:
    policy = UrlPolicy((domain, "", " ."))
    assert parse_signed_url(f"https://a.storage.example.org/o?{V4}", policy, now=NOW).host == "a.storage.example.org"
    refusal(f"https://evil.example/o?{V4}", policy)
    refusal(f"https://evil-storage.example.org/o?{V4}", policy)
