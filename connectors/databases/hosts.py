"""Which machines may be connected to: a name is resolved once, checked, and that very address is used."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from connectors import addresses
from connectors.databases.failures import connection_failed

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Where clouds keep the machine's own credentials, beyond the link-local addresses.
_METADATA = frozenset({ipaddress.ip_address("fd00:ec2::254"), ipaddress.ip_address("100.100.100.200"),
                       ipaddress.ip_address("168.63.129.16"), ipaddress.ip_address("192.0.0.192")})  # fmt: skip
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_THIS_HOST = ipaddress.ip_network("0.0.0.0/8")


@dataclass(frozen=True, slots=True)
class HostPolicy:
    """Where database connections may go.

    Attributes:
        allow_loopback: whether this machine itself is a legal target (``ENV=dev``).
        sqlite_directory: the only directory whose SQLite files may be opened; None: the connector is off.
    """

    allow_loopback: bool = False
    sqlite_directory: Path | None = None


def resolve(host: str, port: int, policy: HostPolicy, timeout: float) -> list[str]:
    """The addresses of a host that may be connected to, in the order to try them.

    Args:
        host: a name or an address.
        port: only for the resolver.
        policy: what is allowed.
        timeout: seconds the resolver may take.

    Raises:
        UpstreamFailed: ``host_not_found``.
        InvalidRequest: ``host_not_allowed``: every address it has is forbidden.
    """
    found = addresses.resolve(host, port, timeout)
    allowed = [each for each in found if _is_allowed(ipaddress.ip_address(each.partition("%")[0]), policy)]
    if allowed:
        return allowed
    raise connection_failed(
        "host_not_allowed", f"The host '{host}' is at an address that the portal does not connect to."
    )


def _is_allowed(address: Address, policy: HostPolicy) -> bool:
    plain = _plain(address)
    if plain in _METADATA or plain.is_link_local or plain.is_multicast or plain.is_unspecified:
        return False
    if plain.is_loopback:
        return policy.allow_loopback
    return not (plain.version == 4 and (plain in _THIS_HOST or plain.is_reserved))


def _plain(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for, if it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
