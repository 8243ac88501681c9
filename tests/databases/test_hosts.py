"""Which machines may be connected to: never a cloud's metadata, this machine only where that is allowed."""

from __future__ import annotations

import pytest

from connectors.databases.hosts import HostPolicy, resolve
from connectors.errors import ConversionError, InvalidRequest

OPEN = HostPolicy(allow_loopback=True)


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",  # the metadata of most clouds
        "169.254.170.2",  # of containers
        "fe80::1",
        "fd00:ec2::254",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "0.0.0.0",
        "0.1.2.3",
        "::",
        "224.0.0.1",
        "ff02::1",
        "255.255.255.255",
        "2852039166",  # 169.254.169.254 as one number
        "0xa9fea9fe",
    ],
)
@pytest.mark.parametrize("policy", [HostPolicy(), OPEN])
def test_some_addresses_are_never_connected_to(host: str, policy: HostPolicy) -> None:
    with pytest.raises(InvalidRequest) as caught:
        resolve(host, 5432, policy, 3)
    assert caught.value.code == "host_not_allowed"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost", "::ffff:127.0.0.1", "2130706433"])
def test_this_machine_is_a_target_only_where_allowed(host: str) -> None:
    assert resolve(host, 5432, OPEN, 3)
    with pytest.raises(InvalidRequest, match="does not connect to"):
        resolve(host, 5432, HostPolicy(), 3)


@pytest.mark.parametrize(
    "host", ["10.1.2.3", "192.168.0.9", "172.16.5.5", "8.8.8.8", "2001:4860:4860::8888", "fd12::5"]
)
def test_private_and_public_addresses_are_targets(host: str) -> None:
    assert resolve(host, 5432, HostPolicy(), 3) == [host]


def test_an_unknown_name_is_not_found() -> None:
    with pytest.raises(ConversionError) as caught:
        resolve("no-such-host.invalid", 5432, OPEN, 3)
    assert (caught.value.code, caught.value.http_status) == ("host_not_found", 502)
