"""One HTTP exchange with a vetted address: resolved once, checked, connected to, and never redirected."""

from __future__ import annotations

import contextlib
import http.client
import os
import random
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Protocol, TypeVar

import certifi
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.response import HTTPResponse

from connectors.errors import UpstreamFailed
from connectors.urls import SignedUrl

T = TypeVar("T")
TRIES = 4
TRANSIENT_STATUSES = (408, 429, 500, 502, 503, 504)
CONNECT_SECONDS = 5.0
READ_SECONDS = 60.0
# Ranges that ipaddress calls global and that still lead back inside: NAT64, 6to4 and Teredo carry IPv4 addresses.
_TRANSLATED = tuple(ip_network(net) for net in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"))
_BLOCK_BYTES = 256 * 1024
_ERROR_CODE_BYTES = 4096
_STORE_CODE = re.compile(rb"<Code>([A-Za-z0-9]{1,64})</Code>")
_TIMEOUTS = (TimeoutError, urllib3.exceptions.TimeoutError)
_HINTS = {
    403: "The signature may have expired, or be for another method or object: sign the URL again.",
    404: "Check that the object exists and that its name is spelled the same.",
}


class Readable(Protocol):
    """A body to send."""

    def read(self, size: int = -1, /) -> bytes: ...


class TransientFailure(Exception):
    """The exchange may work if repeated: says why, and after how many seconds the store wants it."""

    def __init__(self, error: UpstreamFailed, retry_after: float | None = None) -> None:
        super().__init__(error.message)
        self.error = error
        self.retry_after = retry_after


def resolve(url: SignedUrl, seconds: float = CONNECT_SECONDS) -> str:
    """The one address that will be connected to: public, or anything for a dev host.

    Raises:
        UpstreamFailed: the name does not resolve (``host_not_found``) or leads to an address that is not public.
    """
    pool = ThreadPoolExecutor(1)
    try:
        found = pool.submit(socket.getaddrinfo, url.host, url.port, 0, socket.SOCK_STREAM).result(seconds)
    except (FutureTimeout, OSError):
        raise UpstreamFailed(f"The host {url.host} could not be found.", code="host_not_found") from None
    finally:
        pool.shutdown(wait=False)
    addresses = [str(entry[4][0]) for entry in found]
    if not url.is_dev and (hidden := [address for address in addresses if not is_public(address)]):
        raise UpstreamFailed(
            f"The host {url.host} leads to {hidden[0]}, which is not a public address.",
            code="address_not_public",
        )
    return addresses[0]


def is_public(address: str) -> bool:
    """Whether an address is on the public internet and carries no other address inside."""
    parsed: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped:
            return is_public(str(parsed.ipv4_mapped))
        if any(parsed in net for net in _TRANSLATED):
            return False
    return parsed.is_global and not parsed.is_multicast and not parsed.is_reserved


@contextlib.contextmanager
def exchange(
    method: str,
    url: SignedUrl,
    *,
    deadline: float,
    headers: Mapping[str, str] | None = None,
    body: Readable | None = None,
) -> Iterator[HTTPResponse]:
    """Send one request and yield its answer with the body unread.

    The whole exchange, reading the body included, ends at ``deadline`` (monotonic seconds), however slowly the other
    side reads or writes.

    Raises:
        TransientFailure: no connection, a reset, a time-out.
        UpstreamFailed: the host or its certificate is not what it should be, or the deadline passed.
    """
    connection = _connection(url, resolve(url))
    guard = _Guard(connection, deadline)
    try:
        with guard:
            yield _send(connection, method, url, headers or {}, body)
    except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as error:
        raise _failure(url, error, out_of_time=guard.fired) from None
    finally:
        connection.close()


def refusal(url: SignedUrl, answer: HTTPResponse, code: str) -> UpstreamFailed:
    """What a store's answer other than success means: its status and its own error code, never its body."""
    found = _STORE_CODE.search(answer.read(_ERROR_CODE_BYTES, decode_content=False) or b"")
    reason = f"HTTP {answer.status}" + (f", {found[1].decode()}" if found else "")
    if 300 <= answer.status < 400:
        return UpstreamFailed(
            f"{url.host} answered with a redirect (HTTP {answer.status}), which is not followed.", code=code
        )
    return UpstreamFailed(f"{url.host} refused the request ({reason}).", code=code, hint=_HINTS.get(answer.status))


def raise_if_transient(url: SignedUrl, answer: HTTPResponse, code: str) -> None:
    """Signal the statuses that stores themselves say to repeat."""
    if answer.status in TRANSIENT_STATUSES:
        raise TransientFailure(refusal(url, answer, code), _retry_after(answer))


def repeat(step: Callable[[int], T], *, deadline: float) -> T:
    """Run an exchange until it works, at most ``TRIES`` times with growing pauses and never past the deadline.

    Args:
        step: called with the number of the try, from 1.
        deadline: monotonic seconds.

    Raises:
        UpstreamFailed: the last try's failure, or one that repeating does not mend.
    """
    for number in range(1, TRIES + 1):
        try:
            return step(number)
        except TransientFailure as failure:
            pause = max(failure.retry_after or 0, 0.4 * 2**number * random.uniform(0.5, 1))  # noqa: S311 - jitter
            if number == TRIES or time.monotonic() + pause > deadline:
                raise failure.error from None
            time.sleep(pause)
    raise AssertionError("unreachable")


def _connection(url: SignedUrl, address: str) -> HTTPConnection:
    if url.scheme == "http":
        return HTTPConnection(address, url.port, timeout=CONNECT_SECONDS, blocksize=_BLOCK_BYTES)
    return HTTPSConnection(
        address,
        url.port,
        timeout=CONNECT_SECONDS,
        blocksize=_BLOCK_BYTES,
        server_hostname=url.host,
        assert_hostname=url.host,
        cert_reqs="CERT_REQUIRED",
        ca_certs=os.environ.get("SSL_CERT_FILE") or certifi.where(),
    )


def _send(
    connection: HTTPConnection,
    method: str,
    url: SignedUrl,
    headers: Mapping[str, str],
    body: Readable | None,
) -> HTTPResponse:
    connection.connect()
    connection.sock.settimeout(READ_SECONDS)
    sent = {"Host": url.authority, "Accept-Encoding": "identity", "User-Agent": "halatio-tundra", **headers}
    # A store may refuse before it has read the body: then writing fails, and its answer says why.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        connection.request(
            method,
            url.target,
            _blocks(body),
            sent,
            preload_content=False,
            decode_content=False,
            enforce_content_length=False,  # whoever reads the body counts it and says what is missing
        )
    return connection.getresponse()


def _blocks(body: Readable | None) -> Iterator[bytes] | None:
    return iter(lambda: body.read(_BLOCK_BYTES), b"") if body is not None else None


def _failure(url: SignedUrl, error: Exception, *, out_of_time: bool) -> Exception:
    if out_of_time:
        return UpstreamFailed(f"{url.host} was too slow: the time for this job ran out.", code="storage_timeout")
    if isinstance(error, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in str(error):
        return UpstreamFailed(f"{url.host} has no valid certificate for its name.", code="storage_certificate_invalid")
    kind = "did not answer in time" if isinstance(error, _TIMEOUTS) else "broke the connection or could not be reached"
    return TransientFailure(UpstreamFailed(f"{url.host} {kind}.", code="storage_unavailable"))


def _retry_after(answer: HTTPResponse) -> float | None:
    value = answer.headers.get("Retry-After", "")
    return min(float(value), 30.0) if value.isdigit() else None


class _Guard:
    """Cuts the connection at the deadline: time-outs per read never end a peer that dribbles."""

    def __init__(self, connection: HTTPConnection, deadline: float) -> None:
        self.fired = False
        self._connection = connection
        self._timer = threading.Timer(max(deadline - time.monotonic(), 0), self._cut)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def _cut(self) -> None:
        self.fired = True
        if self._connection.sock is not None:
            with contextlib.suppress(OSError):  # it may have just ended by itself
                self._connection.sock.shutdown(socket.SHUT_RDWR)
