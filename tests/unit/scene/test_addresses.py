"""A scene comes from public addresses, and from the private networks that an administrator allows."""

from __future__ import annotations

import pytest

from blendersessions.model import network
from scene.addresses import NEVER_OPEN, Network, could_be_address, is_allowed, parse_networks

PUBLIC = ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
REFUSED = [
    *("0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.8.8.8", "169.254.169.254", "172.16.3.4"),  # noqa: S104
    *("192.0.2.1", "192.168.1.1", "198.18.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "::127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe"),
    *("64:ff9b:1::1", "100::1", "2001:0:1::1", "2001:db8::1", "2002:7f00:1::1", "fc00::1", "fd00:ec2::254", "fe80::1"),
    *(
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "4000::1",
        "",
        "example.org",
        "1.2.3",
        "2130706433",
        "0x7f000001",
        "1.2.3.4.",
    ),
]


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_allowed(address: str) -> None:
    assert is_allowed(address, ())


@pytest.mark.parametrize("address", REFUSED)
def test_any_other_address_is_refused(address: str) -> None:
    assert not is_allowed(address, ())


def test_allowed_networks_are_allowed_too_and_nothing_else() -> None:
    networks = parse_networks("10.1.0.0/16, fd00:1::/32")
    assert is_allowed("10.1.2.3", networks)
    assert is_allowed("::ffff:10.1.2.3", networks)
    assert is_allowed("fd00:1::5", networks)
    assert not is_allowed("10.2.0.1", networks)
    assert not is_allowed("fd00:2::1", networks)


NEVER = [
    *("127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::1"),
    *("169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a9fe:a9fe"),
    *("fe80::1", "fe80::1%eth0"),
    *("fd00:ec2::254", "fd20:ce::254", "fd00:c1::a9fe:a9fe", "100.100.100.200", "192.0.0.192", "168.63.129.16"),
    *("224.0.0.1", "ff02::1", "255.255.255.255", "0.0.0.0", "0.1.2.3", "::"),  # noqa: S104
]


@pytest.mark.parametrize("address", NEVER)
def test_loopback_link_local_and_metadata_are_refused_whatever_is_allowed(address: str) -> None:
    assert not is_allowed(address, parse_networks("0.0.0.0/0,::/0"))
    assert not is_allowed(address, ())


@pytest.mark.parametrize("closed", NEVER_OPEN)
def test_no_network_opens_what_is_never_open(closed: Network) -> None:
    for allowed in (closed, closed.supernet()) if closed.prefixlen else (closed,):
        assert not is_allowed(str(closed[0]), (allowed,))
        assert not is_allowed(str(closed[-1]), (allowed,))


def test_the_operator_has_the_same_list() -> None:
    assert tuple(map(str, NEVER_OPEN)) == network.NEVER_OPEN


@pytest.mark.parametrize("text", ["", ",", "garbage", "10.0.0.1/8", "10.0.0.0/40"])
def test_what_is_no_network_allows_nothing(text: str) -> None:
    assert parse_networks(text) == ()


@pytest.mark.parametrize("host", ["1.2.3.4", "2130706433", "127.1", "1.2.3.4.", "::1", "::ffff:1.2.3.4", "٣"])
def test_what_the_client_takes_for_an_address_is_checked_as_one(host: str) -> None:
    assert could_be_address(host)


@pytest.mark.parametrize("host", ["example.org", "0x7f000001", "1.example"])
def test_other_hosts_are_looked_up(host: str) -> None:
    assert not could_be_address(host)
