"""One HTTP exchange with a vetted address: resolved once, checked, connected to, and never redirected.

The standard library's client is enough, because the connection is made here: it sends the target byte for byte, and
unlike urllib3 it never logs a URL.
"""

from __future__ import annotations

import http.client
import io
import os
import socket
import ssl
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import certifi

from connectors.addresses import connect, require_public, resolve
from connectors.errors import LimitReached, UpstreamFailed
from connectors.retries import Transient
from connectors.urls import SignedUrl

CONNECT_SECONDS = 5.0
SILENT_SECONDS = 60.0
BLOCK_BYTES = 256 * 1024


class Answer:
    """A store's answer: its status, its headers, and its body still on the wire."""

    def __init__(self, url: SignedUrl, response: http.client.HTTPResponse, deadline: float) -> None:
        self._url = url
        self._response = response
        self._deadline = deadline
        self.status = response.status
        self.headers = response.headers

    @property
    def length(self) -> int | None:
        """Bytes of the body, if the store said it."""
        said = self.headers.get("Content-Length", "")
        return int(said) if said.isascii() and said.isdigit() and not self.is_chunked else None

    @property
    def is_chunked(self) -> bool:
        """Whether the body says itself where it ends."""
        return bool(self._response.chunked)

    def read(self, size: int = BLOCK_BYTES) -> bytes:
        """The body's next bytes; empty at its end, or where the store ended it.

        Raises:
            Transient: the connection broke, or a chunked body ended early.
            LimitReached: the deadline has passed.
        """
        with _failures_of(self._url, self._deadline):
            try:
                return self._response.read(size)
            except http.client.IncompleteRead:
                raise Transient(
                    f"{self._url.host} ended its answer to {self._url.field_name} early.", code="source_truncated"
                ) from None

    def blocks(self) -> Iterator[bytes]:
        """The body in blocks."""
        while block := self.read():
            yield block


@contextmanager
def exchange(
    method: str,
    url: SignedUrl,
    *,
    deadline: float,
    headers: Mapping[str, str] | None = None,
    body: Iterable[bytes] = (),
) -> Iterator[Answer]:
    """Send one request and yield its answer with the body unread.

    The whole exchange, reading the body included, ends at ``deadline`` (monotonic seconds), however slowly the other
    side reads or writes, and earlier if it is silent for ``SILENT_SECONDS``.

    Raises:
        Transient: no connection, a reset, silence.
        UpstreamFailed: the host or its certificate is not what it should be.
        LimitReached: the deadline has passed.
    """
    wire = _open(url, deadline)
    try:
        connection = http.client.HTTPConnection(url.host)
        connection.sock = _TimedSocket(wire, deadline)
        yield Answer(url, _ask(connection, method, url, headers or {}, body, deadline), deadline)
    finally:
        wire.close()


def _open(url: SignedUrl, deadline: float) -> socket.socket:
    """A connection to a vetted address of the URL's host, by TLS with its name where the scheme is https."""
    until = min(time.monotonic() + CONNECT_SECONDS, deadline)
    addresses = resolve(url.host, url.port, until - time.monotonic())
    if not url.is_dev:
        require_public(url.host, addresses)
    with _failures_of(url, deadline):
        wire = _reach(url, addresses, until)
        if url.scheme == "http":
            return wire
        try:
            return _trust().wrap_socket(wire, server_hostname=url.host)
        except BaseException:
            wire.close()
            raise


def _reach(url: SignedUrl, addresses: list[str], until: float) -> socket.socket:
    try:
        return connect(addresses, url.port, until - time.monotonic())
    except TimeoutError:
        # Not worth another try at once: this one has waited for as long as a caller should.
        raise UpstreamFailed(
            f"{url.host} could not be reached within {CONNECT_SECONDS:g} seconds.",
            code="storage_unavailable",
            retryable=True,
        ) from None


def _trust() -> ssl.SSLContext:
    """SSL_CERT_FILE, where set, replaces the certificate authorities of certifi."""
    return ssl.create_default_context(cafile=None if os.environ.get("SSL_CERT_FILE") else certifi.where())


def _ask(
    connection: http.client.HTTPConnection,
    method: str,
    url: SignedUrl,
    headers: Mapping[str, str],
    body: Iterable[bytes],
    deadline: float,
) -> http.client.HTTPResponse:
    sent = {"Host": url.authority, "User-Agent": "halatio-tundra", "Accept-Encoding": "identity", "Connection": "close"}
    with _failures_of(url, deadline):
        connection.putrequest(method, url.request_target(), skip_host=True, skip_accept_encoding=True)
        for name, value in {**sent, **headers}.items():
            connection.putheader(name, value)
        connection.endheaders()
    is_whole = _send(connection, body, url, deadline)
    with _failures_of(url, deadline):
        response = connection.getresponse()
    if not is_whole and response.status < 300:
        raise Transient(f"{url.host} broke the connection.", code="storage_unavailable")
    return response


def _send(connection: http.client.HTTPConnection, body: Iterable[bytes], url: SignedUrl, deadline: float) -> bool:
    """Send the body; False if the store stopped reading, as it does when it has already answered with a refusal."""
    for block in body:
        with _failures_of(url, deadline):
            try:
                connection.send(block)
            except ConnectionError:
                return False
    return True


@contextmanager
def _failures_of(url: SignedUrl, deadline: float) -> Iterator[None]:
    """Native errors in our words. Their own texts may hold what a store sent, so they are not passed on."""
    try:
        yield
    except ssl.SSLCertVerificationError:
        raise UpstreamFailed(
            f"{url.host} has no valid certificate for its name.", code="storage_certificate_invalid"
        ) from None
    except (OSError, http.client.HTTPException) as error:
        if time.monotonic() >= deadline:
            raise LimitReached(
                f"The time for this conversion ran out while {url.host} was still busy with {url.field_name}.",
                code="processing_time_exceeded",
            ) from None
        raise Transient(f"{url.host} {_what_happened(error)}.", code="storage_unavailable") from None


def _what_happened(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "did not answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "refused the connection"
    return "broke the connection" if isinstance(error, OSError) else "gave an answer that is not HTTP, or half of one"


class _TimedSocket:
    """A socket for http.client on which nothing outlives the deadline: every operation gets only the time left.

    A time-out per operation alone never ends a peer that dribbles.
    """

    def __init__(self, wire: socket.socket, deadline: float) -> None:
        self._wire = wire
        self._deadline = deadline

    def sendall(self, content: bytes) -> None:
        unsent = memoryview(content)
        while unsent:
            self._wire.settimeout(self._seconds_left())
            unsent = unsent[self._wire.send(unsent) :]

    def receive_into(self, buffer: Any) -> int:
        self._wire.settimeout(self._seconds_left())
        return self._wire.recv_into(buffer)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Incoming(self), BLOCK_BYTES)

    def close(self) -> None:
        """Left to ``exchange``: http.client closes before the body of a last answer is read."""

    def _seconds_left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return min(left, SILENT_SECONDS)


class _Incoming(io.RawIOBase):
    """The receiving side of a timed socket as a file."""

    def __init__(self, wire: _TimedSocket) -> None:
        super().__init__()
        self._wire = wire

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._wire.receive_into(buffer)
