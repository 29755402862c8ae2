"""The network policies of all desktops in a namespace. Two policies serve any number of sessions."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_network
from typing import TYPE_CHECKING, Final

from blendersessions.model import labels
from blendersessions.model.container import AGENT_PORT, VNC_PORT
from blendersessions.model.network import ALWAYS_CLOSED, behind_nat64

if TYPE_CHECKING:
    from collections.abc import Sequence

    from blendersessions.model.manifest import Manifest
    from blendersessions.model.network import NetworkPeers, Peer

NETWORK_POLICY_KIND: Final = "NetworkPolicy"
CLOSED: Final = "blender-desktops"
"""Name of the policy that closes every desktop, but for guacd and the operator."""
PUBLIC: Final = "blender-desktops-public"
"""Name of the policy that lets desktops of classes with the egress `Public` reach the internet."""

_CLOSED_IPV4: Final = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "168.63.129.16/32",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/4",
    "240.0.0.0/4",
)
_CLOSED_IPV6: Final = (
    "::/128",
    "::1/128",
    "64:ff9b:1::/48",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
)
CLOSED_NETWORKS: Final = (*_CLOSED_IPV4, *_CLOSED_IPV6, *map(behind_nat64, _CLOSED_IPV4))
"""What is not the internet: loopback, private, shared, link-local and multicast networks, also behind NAT64. They hold
the metadata addresses of clouds (169.254.169.254, 100.100.100.200, 192.0.0.192, fd00:ec2::254). Azure's 168.63.129.16
is a public address and stands by itself."""


@lru_cache(maxsize=1024)
def network_policies(namespace: str, peers: NetworkPeers, fetch_networks: tuple[str, ...] = ()) -> tuple[Manifest, ...]:
    """Build the policies that confine the desktops of a namespace. They select pods by label and have no owner.

    Empty lists are written down, so that an apply takes out what somebody added there. The policies of a namespace are
    the same for all of its sessions, and each reconciliation asks for them.

    Args:
        namespace: the namespace.
        peers: whom the policies name.
        fetch_networks: private networks (CIDR) that desktops with the egress `Public` reach besides the internet.
    """
    return (_closed(namespace, peers), _public(namespace, peers, fetch_networks))


def is_in_force(actual: Manifest | None, wanted: Manifest) -> bool:
    """Return whether a policy has exactly the wanted rules and our label. A rule more would open desktops.

    The API server omits lists that are empty.
    """
    if actual is None:
        return False
    ours = (actual["metadata"].get("labels") or {}).get(labels.MANAGED_BY) == labels.MANAGED_BY_VALUE
    return ours and _without_empty_lists(actual.get("spec") or {}) == _without_empty_lists(wanted["spec"])


def _without_empty_lists(spec: Manifest) -> Manifest:
    return {key: value for key, value in spec.items() if value != []}


def _closed(namespace: str, peers: NetworkPeers) -> Manifest:
    spec = {
        "podSelector": {"matchLabels": {labels.NAME: labels.NAME_VALUE}},
        # No egress: a scene may bring scripts, and what runs in a desktop calls nobody. The kubelet's probes need no
        # rule, because traffic from a pod's own node is always let in.
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [_ingress(VNC_PORT, peers.vnc_from), _ingress(AGENT_PORT, peers.agent_callers(namespace))],
        "egress": [],
    }
    return _policy(CLOSED, namespace, spec)


def _public(namespace: str, peers: NetworkPeers, fetch_networks: tuple[str, ...]) -> Manifest:
    blocks = [_open_block(world, peers.closed_networks) for world in ("0.0.0.0/0", "::/0")]
    ports = [{"protocol": protocol, "port": port} for port in peers.dns_ports for protocol in ("UDP", "TCP")]
    egress: list[Manifest] = [{"to": blocks}, {"ports": ports, "to": list(peers.dns_to)}]
    if fetch_networks:
        networks = [_fetch_block(network) for network in fetch_networks]
        egress.append({"ports": [{"protocol": "TCP"}], "to": networks})
    spec = {
        "podSelector": {"matchLabels": {labels.NAME: labels.NAME_VALUE, labels.EGRESS: "Public"}},
        "policyTypes": ["Egress"],
        "ingress": [],
        "egress": egress,
    }
    return _policy(PUBLIC, namespace, spec)


def _ingress(port: int, peers: Sequence[Peer]) -> Manifest:
    rule: Manifest = {"ports": [{"protocol": "TCP", "port": port}]}
    return rule | {"from": list(peers)} if peers else rule


def _open_block(world: str, closed: tuple[str, ...]) -> Manifest:
    """Build a peer of all addresses of one IP version but the closed ones."""
    version = ip_network(world).version
    networks = dict.fromkeys((*CLOSED_NETWORKS, *closed))
    return {"ipBlock": {"cidr": world, "except": [each for each in networks if ip_network(each).version == version]}}


def _fetch_block(network: str) -> Manifest:
    """Build a peer of a network that was opened by a setting, but for what none opens."""
    opened = ip_network(network)
    closed = [each for each in ALWAYS_CLOSED if ip_network(each).version == opened.version]
    inner = [each for each in closed if ip_network(each).subnet_of(opened)]  # type: ignore[arg-type]
    return {"ipBlock": {"cidr": network} | ({"except": inner} if inner else {})}


def _policy(name: str, namespace: str, spec: Manifest) -> Manifest:
    meta = {"name": name, "namespace": namespace, "labels": {labels.MANAGED_BY: labels.MANAGED_BY_VALUE}}
    return {"apiVersion": "networking.k8s.io/v1", "kind": NETWORK_POLICY_KIND, "metadata": meta, "spec": spec}
