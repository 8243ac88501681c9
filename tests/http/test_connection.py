"""Where connections go: to the address that was checked, by TLS with the name that was asked for."""

from __future__ import annotations

import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from connectors.addresses import connect, is_public, require_public, resolve
from connectors.errors import LimitReached, UpstreamFailed
from connectors.fetch import download
from connectors.urls import SignedUrl, UrlPolicy, parse_signed_url
from conversions.pipeline.transfer import upload
from tests.http.conftest import parse
from tests.store.client import ObjectStore

PUBLIC = ["8.8.8.8", "1.1.1.1", "52.216.0.1", "142.250.0.1", "2606:4700:4700::1111", "2a00:1450:4001:831::200e",
          "64:ff9b::808:808", "::ffff:8.8.8.8", "172.32.0.1", "11.0.0.1", "100.128.0.1"]  # fmt: skip
HIDDEN = ["0.0.0.0", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254", "169.254.169.254",
          "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1",
          "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
          "168.63.129.16", "::", "::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "::8.8.8.8",
          "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b::a00:1", "64:ff9b:1::808:808", "100::1", "2001::1",
          "2001:db8::1", "2002:7f00:1::", "2002:808:808::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0",
          "fec0::1", "ff02::1"]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", HIDDEN)
def test_an_address_that_leads_inside_is_not(address: str) -> None:
    assert not is_public(address)


@given(st.ip_addresses(v=4).map(str))
def test_no_disguise_makes_an_inner_address_public(address: str) -> None:
    if not is_public(address):
        assert not is_public(f"::ffff:{address}")
        assert not is_public(str(ip_address(int(ip_address("64:ff9b::")) + int(ip_address(address)))))


def test_a_host_with_any_hidden_address_is_refused() -> None:
    require_public("both.example", ["8.8.8.8"])
    with pytest.raises(UpstreamFailed) as caught:
        require_public("both.example", ["8.8.8.8", "10.0.0.1"])
    assert (caught.value.http_status, caught.value.code, caught.value.retryable) == (502, "address_not_public", False)


def test_a_name_that_leads_here_is_refused_unless_it_is_a_development_host(tmp_path: Path) -> None:
    url = SignedUrl("source_url", "https", "localhost", 443, "/o?Signature=s3cret", None, is_dev=False)
    with pytest.raises(UpstreamFailed) as caught:
        fetch(url, tmp_path)
    assert caught.value.code == "address_not_public"
    assert "s3cret" not in caught.value.message


@pytest.mark.parametrize("host", ["does-not-exist.invalid", "bucket.s3.invalid", "a" * 64 + ".example"])
def test_a_name_that_is_not_there_is_a_clear_502(tmp_path: Path, host: str) -> None:
    url = SignedUrl("source_url", "https", host, 443, "/o?Signature=s3cret", None, is_dev=False)
    with pytest.raises(UpstreamFailed) as caught:
        fetch(url, tmp_path)
    assert (caught.value.http_status, caught.value.code) == (502, "host_not_found")
    assert host in caught.value.message


def test_a_resolver_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    test_is_over = threading.Event()

    def hang(*_: object, **__: object) -> list[object]:
        test_is_over.wait()
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    with pytest.raises(UpstreamFailed) as caught:
        resolve("slow.example", 443, 0.1)
    test_is_over.set()
    assert (caught.value.code, caught.value.retryable) == ("host_not_found", True)


def test_it_takes_the_next_address_when_the_first_refuses(store: ObjectStore) -> None:
    with connect(["127.0.0.2", "127.0.0.1"], store.port, 2) as connection:
        assert connection.getpeername() == ("127.0.0.1", store.port)


def test_many_dead_addresses_of_one_family_do_not_hide_a_living_one_of_the_other(store: ObjectStore) -> None:
    dead = [f"100::{number}" for number in range(1, 9)]
    with connect([*dead, "127.0.0.1"], store.port, 2) as connection:
        assert connection.getpeername() == ("127.0.0.1", store.port)


def certificate(directory: Path, name: str) -> Path:
    """A PEM file with a new self-signed certificate for a DNS name or an IP address, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    is_address = name.replace(".", "").isdigit()
    who = x509.IPAddress(ip_address(name)) if is_address else x509.DNSName(name)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([who]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = directory / f"{name}.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return path


def fetch(url: SignedUrl, directory: Path) -> bytes:
    """What a URL brings."""
    to = directory / "fetched"
    download(url, to, max_bytes=None, deadline=time.monotonic() + 10, progress=lambda *_: None)
    return to.read_bytes()


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_https_proves_the_name_that_was_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    pem = certificate(tmp_path, name)
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    with ObjectStore(tmp_path / "store", certificate=pem, server_name=name) as store:
        store.put("o", b"over TLS")
        assert fetch(parse(store.presign("GET", "o"), store.host), tmp_path) == b"over TLS"


def test_a_store_that_reads_in_dribbles_over_tls_ends_at_the_deadline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem = certificate(tmp_path, "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(64 * 2**20)
    with ObjectStore(tmp_path / "store", certificate=pem, server_name="localhost") as store:
        store.inject("slow", method="PUT", seconds=0.05)
        url = parse(store.presign("PUT", "o"), store.host)
        with pytest.raises(LimitReached):
            upload(large, url, deadline=time.monotonic() + 2, progress=lambda _: None)
        assert not store.exists("o")


@pytest.mark.parametrize("trusted", [True, False])
def test_https_refuses_another_name_and_an_unknown_authority(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    trusted: bool,
) -> None:
    pem = certificate(tmp_path, "other.example" if trusted else "localhost")
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    with ObjectStore(tmp_path / "store", certificate=pem, server_name="localhost") as store:
        store.put("o", b"secret")
        with pytest.raises(UpstreamFailed) as caught:
            fetch(parse(store.presign("GET", "o"), store.host), tmp_path)
    assert (caught.value.http_status, caught.value.code) == (502, "storage_certificate_invalid")
    assert not caught.value.retryable


def test_plain_http_on_a_tls_port_is_a_clear_failure(tmp_path: Path) -> None:
    pem = certificate(tmp_path, "localhost")
    with ObjectStore(tmp_path / "store", certificate=pem, server_name="localhost") as store:
        text = store.presign("GET", "o").replace("https://", "http://")
        url = parse_signed_url(text, UrlPolicy((), dev_hosts=(store.host,)))
        with pytest.raises(UpstreamFailed) as caught:
            fetch(url, tmp_path)
    assert caught.value.code == "storage_unavailable"


def test_a_proxy_in_the_environment_is_not_used(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    store.put("proxied", b"direct")
    assert fetch(parse(store.presign("GET", "proxied"), store.host), tmp_path) == b"direct"
