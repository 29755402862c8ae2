"""Decides which addresses a scene may be fetched from."""

import contextlib
import ipaddress
from collections.abc import Iterable, Iterator
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

NEVER_OPEN: Final = tuple(
    map(
        ipaddress.ip_network,
        (
            "0.0.0.0/8",
            "100.100.100.200/32",
            "127.0.0.0/8",
            "168.63.129.16/32",
            "169.254.0.0/16",
            "192.0.0.192/32",
            "224.0.0.0/4",
            "255.255.255.255/32",
            "::/128",
            "::1/128",
            "64:ff9b:1::/48",
            "fd00:c1::a9fe:a9fe/128",
            "fd00:ec2::/32",
            "fd20:ce::254/128",
            "fe80::/10",
            "ff00::/8",
        ),
    )
)
"""What no setting opens: loopback, link-local and multicast networks, and the metadata services of Alibaba, Amazon,
Azure, Google and Oracle. What is behind a NAT64 of one's own (RFC 8215) could be any of them. The operator has the same
list."""
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE: Final = ipaddress.IPv6Network("::/96")
_SITE_LOCAL: Final = ipaddress.IPv6Network("fec0::/10")


def parse_networks(text: str) -> tuple[Network, ...]:
    """Parse networks that are separated by commas, such as `10.1.0.0/16,fd00:1::/32`. What is none is left out."""
    networks: list[Network] = []
    for part in text.split(","):
        with contextlib.suppress(ValueError):
            networks.append(ipaddress.ip_network(part.strip()))
    return tuple(networks)


def is_allowed(text: str, networks: Iterable[Network]) -> bool:
    """Return whether an address is public, or in one of the networks.

    Loopback, link-local, multicast and metadata addresses never are.

    Args:
        text: the address, as a resolver gives it.
        networks: private networks that are allowed too.
    """
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return all(_is_allowed(each, networks) for each in _meant(address))


def could_be_address(host: str) -> bool:
    """Return whether a host would be taken for an address, and not be looked up: `2130706433` is 127.0.0.1."""
    return ":" in host or host.replace(".", "").isdigit()


def _meant(address: Address) -> Iterator[Address]:
    """Return the addresses that a packet may end at: IPv6 can stand for IPv4 in several ways."""
    if isinstance(address, ipaddress.IPv4Address):
        yield address
    elif address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    elif address in _NAT64 or address in _COMPATIBLE:
        yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    elif address.sixtofour is not None:
        yield address.sixtofour
        yield address
    else:
        yield address


def _is_allowed(address: Address, networks: Iterable[Network]) -> bool:
    if any(address in closed for closed in NEVER_OPEN):
        return False
    if any(address in network for network in networks):
        return True
    # Version 3.11 of Python counts some reserved addresses as global.
    return address.is_global and not address.is_reserved and address not in _SITE_LOCAL
