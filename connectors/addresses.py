"""From a host's name to a connection to one of its addresses, which has to be public."""

from __future__ import annotations

import queue
import socket
import threading
import time
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from connectors.errors import UpstreamFailed

# What ipaddress calls global and what still leads inside: 6to4, Teredo, local NAT64 and IPv4-compatible addresses carry
# another address, 6to4 relays forward to one, and one address of Azure is the host's own metadata service.
_HIDDEN = [
    ip_network(net)
    for net in ("2002::/16", "2001::/32", "64:ff9b:1::/48", "::/96", "fec0::/10", "192.88.99.0/24", "168.63.129.16/32")
]
_NAT64 = ip_network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """Whether an address is on the public internet, and so is any IPv4 address that it carries."""
    parsed = ip_address(address)
    if isinstance(parsed, IPv6Address) and (inner := _carried(parsed)):
        return is_public(str(inner))
    if parsed.is_multicast or parsed.is_reserved or not parsed.is_global:
        return False
    return not any(parsed in net for net in _HIDDEN)


def _carried(address: IPv6Address) -> IPv4Address | None:
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped


def resolve(host: str, port: int, seconds: float) -> list[str]:
    """The addresses of a host, in the resolver's order, within so many seconds.

    Raises:
        UpstreamFailed: the name does not resolve (``host_not_found``); retryable where the resolver may mend.
    """
    answer: queue.SimpleQueue[list[str] | OSError] = queue.SimpleQueue()
    # getaddrinfo knows no time-out, so it runs where nobody has to wait for it.
    threading.Thread(target=_look_up, args=(host, port, answer), daemon=True).start()
    try:
        found = answer.get(timeout=max(seconds, 0.01))
    except queue.Empty:
        found = TimeoutError()
    if isinstance(found, OSError):
        passing = isinstance(found, TimeoutError) or found.errno == socket.EAI_AGAIN
        raise UpstreamFailed(f"The host {host} could not be found.", code="host_not_found", retryable=passing)
    return found


def _look_up(host: str, port: int, answer: queue.SimpleQueue[list[str] | OSError]) -> None:
    try:
        entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        answer.put(list(dict.fromkeys(str(entry[4][0]) for entry in entries)))
    except (OSError, UnicodeError) as error:
        answer.put(error if isinstance(error, OSError) else OSError())


def require_public(host: str, addresses: list[str]) -> None:
    """Refuse a host if any of its addresses is not public: the next connection might take that one.

    Raises:
        UpstreamFailed: with code ``address_not_public``.
    """
    if hidden := [address for address in addresses if not is_public(address)]:
        raise UpstreamFailed(
            f"The host {host} leads to {hidden[0]}, which is not a public address.", code="address_not_public"
        )


def connect(addresses: list[str], port: int, seconds: float) -> socket.socket:
    """A connection to the first address that takes it; the time is shared among those left to try.

    Raises:
        OSError: none did; the last one's error.
    """
    until = time.monotonic() + seconds
    candidates = _candidates(addresses)
    failure: OSError = TimeoutError()
    for number, address in enumerate(candidates):
        share = (until - time.monotonic()) / (len(candidates) - number)
        try:
            return socket.create_connection((address, port), timeout=max(share, 0.01))
        except OSError as error:
            failure = error
    raise failure


def _candidates(addresses: list[str]) -> list[str]:
    """Two of each family, in the given order: stores have many, and too many would have too little time each."""
    version_6 = [address for address in addresses if ":" in address][:2]
    version_4 = [address for address in addresses if ":" not in address][:2]
    return [address for address in addresses if address in version_6 + version_4]
