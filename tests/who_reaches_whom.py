"""Who may connect to whom, on which ports: what the chart's network policies and the operator's open together.

`chart/test_network_policies.py` evaluates the policies over all pairs, and `e2e/test_who_reaches_whom.py` connects in a
cluster.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Port:
    """A port of the receiver."""

    number: int
    protocol: str = "TCP"

    def __str__(self) -> str:
        return str(self.number) if self.protocol == "TCP" else f"{self.number}/{self.protocol}"


PORTS: Final = (
    *(Port(number) for number in (22, 53, 80, 443, 4822, 5432, 5900, 6443, 8000, 8080, 8081, 8788)),
    Port(53, "UDP"),
)
PARTS: Final = ("operator", "setup", "portal", "proxy", "guacd", "guacamole", "postgresql")
"""The components of the release."""
DESKTOPS: Final = ("closed desktop", "public desktop")
OURS: Final = (*PARTS, *DESKTOPS)
INTERNET: Final = {"internet": "93.184.215.14", "internet by IPv6": "2606:2800:21f:cb07:6820:80da:af6b:8b2c"}
METADATA: Final = (
    "169.254.169.254",  # AWS, Google, Azure, Oracle, OpenStack
    "169.254.170.2",  # AWS ECS
    "168.63.129.16",  # Azure's platform
    "100.100.100.200",  # Alibaba
    "192.0.0.192",  # Oracle's older address
    "fd00:ec2::254",  # AWS by IPv6
    "fd20:ce::254",  # Google by IPv6
    "64:ff9b::a9fe:a9fe",  # 169.254.169.254 behind NAT64
)
PRIVATE: Final = (
    *("10.0.0.1", "172.16.3.4", "192.168.1.1", "127.0.0.1"),
    *("fe80::1", "fd12::1", "::1", "64:ff9b::c0a8:101"),
)
OUTSIDE: Final = {
    **INTERNET,
    **{f"metadata {address}": address for address in METADATA},
    **{f"private {address}": address for address in PRIVATE},
}
"""Addresses outside of the cluster, by what the tables call them."""
STRANGERS: Final = ("desktop elsewhere", "stranger", "neighbour", "housemate")
"""Pods that are not ours: in a namespace without desktops of ours, beside the release, and beside the desktops."""

_ALL: Final = {str(port) for port in PORTS}
_DNS: Final = {"name server": {"53", "53/UDP"}}
_API: Final = {"443", "6443"}
_TO_API: Final[dict[str, set[str]]] = {
    **dict.fromkeys((*STRANGERS, "API server", *OUTSIDE), _API),
    "name server": {"53", "53/UDP", *_API},
}
"""An address of the API servers is none that the chart knows, so their ports are open towards what is not ours."""

OPEN: Final[dict[str, dict[str, set[str]]]] = {
    "operator": {
        **_TO_API,
        "guacamole": {"8080"},
        "guacd": {"4822"},
        "closed desktop": {"8788"},
        "public desktop": {"8788"},
    },
    "setup": _TO_API,
    "portal": {**_TO_API, "guacamole": {"8080"}, "closed desktop": {"8788"}, "public desktop": {"8788"}},
    "proxy": {**_DNS, "portal": {"8000"}, "guacamole": {"8080"}},
    "guacamole": {**_DNS, "guacd": {"4822"}, "postgresql": {"5432"}},
    "guacd": {**_DNS, "closed desktop": {"5900"}, "public desktop": {"5900"}},
    "postgresql": {},
    "closed desktop": {},
    "public desktop": {**_DNS, **dict.fromkeys(INTERNET, _ALL)},
}
"""From each part of ours: to what it may connect, on which ports, if the desktops are in the portal's namespace."""
OPEN_BEYOND_THE_PORTAL: Final = {
    **OPEN,
    "portal": {to: ports for to, ports in OPEN["portal"].items() if to not in DESKTOPS},
}
"""The same if they are in another namespace that is served: the portal reaches no desktop there."""
OPEN_TO_OTHERS: Final = {"proxy": {"8080"}}
"""From everything else: to which parts of ours."""
