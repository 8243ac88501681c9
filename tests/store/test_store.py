"""The store keeps objects whole, as S3 does, and is a process of its own."""

from __future__ import annotations

import base64
import hashlib
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.store.client import ObjectStore
from tests.store.conftest import CONTENT
from tests.store.wire import ask, md5_etag, put_head, say


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("bytes=0-0", 0, 1), ("bytes=5-9", 5, 10), ("bytes=100-", 100, 10240), ("bytes=10000-99999", 10000, 10240)],
)
def test_it_gives_the_range_that_is_asked_for(store: ObjectStore, key: str, asked: str, start: int, end: int) -> None:
    answer = ask("GET", store.presign("GET", key), Range=asked)
    assert (answer.status, answer.body) == (206, CONTENT[start:end])
    assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/{len(CONTENT)}"
    assert answer.headers["Content-Length"] == str(end - start)


def test_it_refuses_a_range_past_the_end(store: ObjectStore, key: str) -> None:
    answer = ask("GET", store.presign("GET", key), Range="bytes=10240-")
    assert (answer.status, answer.code) == (416, "InvalidRange")


def test_it_gives_an_object_only_while_it_matches(store: ObjectStore, key: str) -> None:
    url = store.presign("GET", key)
    assert ask("GET", url, If_Match=md5_etag(CONTENT)).body == CONTENT
    store.put(key, b"something else")
    answer = ask("GET", url, If_Match=md5_etag(CONTENT))
    assert (answer.status, answer.code) == (412, "PreconditionFailed")


def test_head_says_what_get_would(store: ObjectStore, key: str) -> None:
    answer = ask("HEAD", store.presign("HEAD", key))
    assert (answer.status, answer.etag, answer.body) == (200, md5_etag(CONTENT), b"")
    assert answer.headers["Content-Length"] == str(len(CONTENT))


def test_it_knows_an_empty_object_from_none(store: ObjectStore, key: str) -> None:
    store.put(key, b"")
    assert ask("GET", store.presign("GET", key)).body == b""
    answer = ask("GET", store.presign("GET", "folder/missing"))
    assert (answer.status, answer.code) == (404, "NoSuchKey")
    assert not store.exists("folder/missing")


@pytest.mark.parametrize(
    "lines", [(), ("Transfer-Encoding: chunked",), ("Transfer-Encoding: chunked", "Content-Length: 3")]
)
def test_it_demands_a_content_length(store: ObjectStore, key: str, lines: tuple[str, ...]) -> None:
    answered = say(store, put_head(store, key, *lines), b"3\r\nnew\r\n0\r\n\r\n")
    assert answered.startswith(b"HTTP/1.1 411 ")
    assert b"<Code>MissingContentLength</Code>" in answered
    assert store.get(key) == CONTENT


def test_it_checks_the_digest_that_is_sent(store: ObjectStore, key: str) -> None:
    digest = base64.b64encode(hashlib.md5(b"right", usedforsecurity=False).digest()).decode()
    url = store.presign("PUT", key)
    wrong = ask("PUT", url, b"wrong", Content_MD5=digest)
    assert (wrong.status, wrong.code, store.get(key)) == (400, "BadDigest", CONTENT)
    assert ask("PUT", url, b"right", Content_MD5=digest).status == 200
    assert store.get(key) == b"right"


def test_an_upload_that_breaks_off_leaves_what_was_there(store: ObjectStore, key: str) -> None:
    with pytest.raises(ConnectionResetError):
        say(store, put_head(store, key, "Content-Length: 100"), b"only this")
    assert store.get(key) == CONTENT
    with pytest.raises(ConnectionResetError):
        say(store, put_head(store, f"{key}.new", "Content-Length: 100"), b"only this")
    assert not store.exists(f"{key}.new")


def test_a_reader_sees_one_whole_object_while_it_is_overwritten(store: ObjectStore, key: str) -> None:
    versions = [bytes([letter]) * 10_000 for letter in b"ABCDEFGH"]
    store.put(key, versions[0])
    put, get = store.presign("PUT", key), store.presign("GET", key)
    with ThreadPoolExecutor(4) as pool:
        asked = [(pool.submit(ask, "PUT", put, version), pool.submit(ask, "GET", get)) for version in versions * 20]
    assert {write.result().status for write, _ in asked} == {200}
    assert all(read.result().body in versions for _, read in asked)


def test_its_log_names_requests_but_no_signature(store: ObjectStore, key: str) -> None:
    store.inject("503", key=key)
    url = store.presign("GET", key)
    ask("GET", url)
    ask("GET", url, Range="bytes=0-1")
    entries = [entry for entry in store.requests("GET") if entry["key"].endswith(key)]
    assert [(entry["status"], entry["fault"]) for entry in entries] == [(503, "503"), (206, None)]
    assert entries[1]["headers"]["range"] == "bytes=0-1"
    assert "X-Amz-Signature" not in str(entries)


def test_objects_survive_a_restart_on_the_same_port(tmp_path: Path) -> None:
    with ObjectStore(tmp_path) as store:
        port, url = store.port, store.presign("GET", "kept")
        ask("PUT", store.presign("PUT", "kept"), b"content")
        store.stop()
        with pytest.raises(ConnectionRefusedError):
            ask("GET", url)
        store.start(port)
        assert ask("GET", url).body == b"content"


def test_it_ends_with_whoever_started_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.store", "--directory", str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert int(process.stdout.readline()) > 0
        process.stdin.close()
        assert process.wait(timeout=10) == 0


def test_it_speaks_https_with_a_given_certificate(tmp_path: Path) -> None:
    certificate = certificate_for("localhost", tmp_path / "certificate.pem")
    trusting = ssl.create_default_context(cafile=str(certificate))
    with ObjectStore(tmp_path / "store", certificate=certificate, server_name="localhost") as store:
        store.put("secret", CONTENT)
        with urllib.request.urlopen(store.presign("GET", "secret"), timeout=10, context=trusting) as answer:
            assert answer.read() == CONTENT
        with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
            urllib.request.urlopen(store.presign("GET", "secret"), timeout=10)


def certificate_for(host: str, file: Path) -> Path:
    """A self-signed certificate of today with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(1)
    )
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
    plain = serialization.NoEncryption()
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    file.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM) + secret)
    return file
