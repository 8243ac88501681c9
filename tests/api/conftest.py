"""A portal that lets nobody in without a key, and people with keys."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.manage import manage
from tests.portal import Answer, Portal
from tests.store.client import ObjectStore

AUDIENCE = "https://tundra.example.com"


@dataclass(frozen=True, slots=True)
class Client:
    """A program with a key."""

    portal: Portal
    token: str

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """One request with the key."""
        return self.portal.request(method, path, body, Authorization=f"Bearer {self.token}", **headers)


class Issuer:
    """Signs identity tokens as Google does, and serves the certificate to check them by."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public: dict[str, Any] = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key()))
        served = json.dumps({"keys": [{**public, "kid": "1", "use": "sig", "alg": "RS256"}]}).encode()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(served)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/certs"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def token(self, **claims: Any) -> str:
        """A signed token."""
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": "1"})

    def close(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="package")
def issuer() -> Iterator[Issuer]:
    """An issuer of identity tokens."""
    running = Issuer()
    yield running
    running.close()


@pytest.fixture(scope="package")
def guarded(tmp_path_factory: pytest.TempPathFactory, store: ObjectStore, issuer: Issuer) -> Iterator[Portal]:
    """A portal with ``API_AUTH=key``, one worker, two users and short lists of who may do what."""
    home = tmp_path_factory.mktemp("guarded")
    settings = {
        "API_AUTH": "key",
        "MAX_CONCURRENT_CONVERSIONS": "1",
        "RATE_LIMIT_CONVERT": "1000/m",
        "RATE_LIMIT_INFER": "3/h",
        "ALLOWED_ORIGINS": "https://app.example.com",
        "OIDC_AUDIENCE": AUDIENCE,
        "OIDC_CERTIFICATES_URL": issuer.url,
    }
    with Portal(home, store_hosts=[store.host], **settings) as running:
        people = (("ada", "ada@example.com"), ("bob", "bob@example.com"))
        for name, email in people:
            run(
                home,
                "shell",
                "-c",
                f"from django.contrib.auth.models import User; User.objects.create_user('{name}', '{email}')",
            )
        yield running


def run(home: Path, *arguments: str) -> str:
    """A command of the guarded portal; what it printed."""
    done = manage(home, *arguments, data_dir=home)
    assert done.returncode == 0, done.stderr
    return done.stdout


def client(portal: Portal, name: str, user: str, *options: str) -> Client:
    """A client with a new key."""
    printed = run(portal.data_dir, "create_api_key", name, "--user", user, *options)
    return Client(portal, printed.splitlines()[-1])


@pytest.fixture(scope="package")
def ada(guarded: Portal) -> Client:
    """A program of ada's that may do everything."""
    return client(guarded, "everything", "ada")


@pytest.fixture(scope="package")
def bob(guarded: Portal) -> Client:
    """A program of bob's that may do everything."""
    return client(guarded, "everything", "bob")
