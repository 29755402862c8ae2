"""Who may connect to desktops, and what they may reach, as the installation knows it."""

from __future__ import annotations

from ipaddress import ip_network
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
