"""Who may connect to desktops, and what they may reach, as the installation knows it."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Address, ip_network
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic.alias_generators import to_camel

Peer = dict[str, Any]
"""A NetworkPolicyPeer as Kubernetes writes it: `podSelector`, `namespaceSelector` or `ipBlock`."""

CLUSTER_DNS: Final[Peer] = {
    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
    "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
}
"""The cluster's name servers, where most distributions have them."""

NEVER_OPEN: Final = (
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
)
"""What no setting opens: loopback, link-local and multicast networks, and the metadata services of Alibaba, Amazon,
Azure, Google and Oracle. What is behind a NAT64 of one's own (RFC 8215) could be any of them. The agent has the same
list."""
_NAT64: Final = int(IPv6Address("64:ff9b::"))
"""An IPv4 address added to it is an IPv6 address that a gateway of an IPv6 cluster translates back (RFC 6052)."""


def behind_nat64(network: str) -> str:
    """Return the IPv6 network that an IPv4 network has behind a NAT64 gateway."""
    ipv4 = IPv4Network(network)
    return f"{IPv6Address(_NAT64 + int(ipv4.network_address))}/{96 + ipv4.prefixlen}"


ALWAYS_CLOSED: Final = (*NEVER_OPEN, *(behind_nat64(each) for each in NEVER_OPEN if ip_network(each).version == 4))
"""The same, also behind NAT64."""


def fetch_network(text: str) -> str:
    """Return a network that the URL of a scene may lead to, as Kubernetes writes it.

    Raises:
        ValueError: it is none, or all of it is never open.
    """
    network = ip_network(text)
    closed = map(ip_network, ALWAYS_CLOSED)
    if any(network.version == each.version and network.subnet_of(each) for each in closed):  # type: ignore[arg-type]
        raise ValueError(
            f"{network} is never open: it is loopback, link-local, multicast, or a cloud's metadata service. Take it "
            "out"
        )
    return str(network)


class NetworkPeers(BaseModel):
    """The parts of the cluster that the desktops' network policies name."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True, extra="forbid")

    vnc_from: tuple[Peer, ...] = ()
    """What may connect to the VNC port; empty: anything."""
    agent_from: tuple[Peer, ...] = ()
    """What may connect to the agent; empty: anything."""
    portal_from: tuple[Peer, ...] = ()
    """What else may connect to the agents in `portal_namespace`: the portal, for its visitors' files."""
    portal_namespace: str = ""
    """The only namespace with sessions of the portal's; empty: there is no portal."""
    dns_to: tuple[Peer, ...] = Field(default=(CLUSTER_DNS,), min_length=1)
    """The name servers that a desktop with the egress `Public` may ask."""
    dns_ports: tuple[int, ...] = Field(default=(53,), min_length=1)
    """The ports on which these listen."""
    closed_networks: tuple[str, ...] = ()
    """Networks (CIDR) that a desktop with the egress `Public` must not reach, besides the private ones."""

    def agent_callers(self, namespace: str) -> tuple[Peer, ...]:
        """Return what may connect to the agents in a namespace; empty: anything."""
        ours = self.agent_from and namespace == self.portal_namespace
        return self.agent_from + (self.portal_from if ours else ())

    def __hash__(self) -> int:
        """Return a hash of the fields that can have one. What is built of equal peers can be built once."""
        return hash((self.dns_ports, self.closed_networks))

    @field_validator("closed_networks")
    @classmethod
    def _are_networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(str(ip_network(network)) for network in networks)
