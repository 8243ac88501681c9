"""Speaking to the store over a socket, byte for byte."""

from __future__ import annotations

import hashlib
import http.client
import socket
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.store.client import ObjectStore


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back over the wire."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str | None:
        """The code of S3's error XML."""
        return ET.fromstring(self.body).findtext("Code")  # noqa: S314 - our own store's answer

    @property
    def etag(self) -> str:
        """The ETag header."""
        return self.headers["ETag"]


def ask(method: str, url: str, body: bytes | None = None, **headers: str) -> Answer:
    """Send a request with its path and query as they stand in the URL; underscores in header names become dashes."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, url.removeprefix(f"http://{parts.netloc}"), body, named)
        response = connection.getresponse()
        return Answer(response.status, dict(response.headers), response.read())
    finally:
        connection.close()


def say(store: ObjectStore, head: str, body: bytes = b"") -> bytes:
    """Send these very bytes, say no more, and return whatever is answered until the end."""
    with socket.create_connection(("127.0.0.1", store.port), timeout=10) as wire:
        wire.sendall(head.encode() + body)
        wire.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: wire.recv(65536), b""))


def put_head(store: ObjectStore, key: str, *lines: str) -> str:
    """The head of a signed PUT with these header lines."""
    target = store.presign("PUT", key).removeprefix(store.url)
    return "\r\n".join([f"PUT {target} HTTP/1.1", f"Host: {store.host}", *lines, "", ""])


def md5_etag(content: bytes) -> str:
    """The ETag of an object that was stored by one PUT."""
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
