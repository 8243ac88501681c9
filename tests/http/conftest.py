"""A store to download from and to deliver to, and stores that lie in ways of their own."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from connectors import retries
from connectors.fetch import Fetched, download
from connectors.urls import SignedUrl, UrlPolicy, parse_signed_url
from conversions.pipeline.transfer import Receipt, upload
from tests.store.client import ObjectStore

CONTENT = bytes(range(256)) * 4000


class Edge:
    """Downloads and deliveries of one object, by signed URLs of a store."""

    def __init__(self, store: ObjectStore, directory: Path, key: str) -> None:
        self.store = store
        self.key = key
        self.file = directory / "downloaded"
        self.source = directory / "source"
        self.source.write_bytes(CONTENT)
        self.told: list[tuple[int, int | None]] = []
        self.sent: list[int] = []

    def url(self, method: str, **signing: object) -> SignedUrl:
        """A parsed URL of the object."""
        field = "output_url" if method == "PUT" else "source_url"
        return parse(self.store.presign(method, self.key, **signing), self.store.host, field)  # type: ignore[arg-type]

    def download(self, url: SignedUrl | None = None, *, max_bytes: int | None = None, seconds: float = 20) -> Fetched:
        """Download the object to ``file``."""
        return download(
            url or self.url("GET"),
            self.file,
            max_bytes=max_bytes,
            deadline=time.monotonic() + seconds,
            progress=lambda read, total: self.told.append((read, total)),
        )

    def upload(self, url: SignedUrl | None = None, *, seconds: float = 20) -> Receipt:
        """Deliver ``source`` to the object."""
        return upload(
            self.source,
            url or self.url("PUT"),
            deadline=time.monotonic() + seconds,
            progress=self.sent.append,
        )

    def requests(self) -> list[dict[str, object]]:
        """What the store was asked about the object."""
        return [request for request in self.store.requests() if str(request["key"]).endswith(f"/{self.key}")]


def parse(url: str, host: str, field: str = "source_url") -> SignedUrl:
    """A URL whose host is a development host."""
    return parse_signed_url(url, UrlPolicy((), dev_hosts=(host,)), field=field)


@pytest.fixture
def edge(store: ObjectStore, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Edge]:
    """An object of this test's own in the shared store; faults are gone after the test."""
    edge = Edge(store, tmp_path, f"{request.module.__name__}/{request.node.name}")
    store.put(edge.key, CONTENT)
    yield edge
    store.clear_faults()


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries follow each other quickly."""
    monkeypatch.setattr(retries, "FIRST_PAUSE_SECONDS", 0.01)


Server = Callable[..., SignedUrl]


@pytest.fixture
def answering() -> Iterator[Server]:
    """A server that answers each connection with the next of some raw answers, the last one for ever."""
    listening: list[socket.socket] = []

    def start(*answers: bytes, field: str = "source_url") -> SignedUrl:
        listener = socket.create_server(("127.0.0.1", 0))
        listening.append(listener)
        threading.Thread(target=_serve, args=(listener, answers), daemon=True).start()
        host = f"127.0.0.1:{listener.getsockname()[1]}"
        return parse(f"http://{host}/o?Signature=s3cret&Expires=4102444800", host, field)

    yield start
    for listener in listening:
        # Closing alone does not wake a thread that waits in accept.
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _serve(listener: socket.socket, answers: tuple[bytes, ...]) -> None:
    number = 0
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection, suppress(OSError):
            _swallow_request(connection)
            connection.sendall(answers[min(number, len(answers) - 1)])
        number += 1


def _swallow_request(connection: socket.socket) -> None:
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536)
    head, _, body = received.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        body += connection.recv(65536)
