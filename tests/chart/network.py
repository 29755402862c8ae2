"""What network policies let through, by the rules of Kubernetes' NetworkPolicy API (networking.k8s.io/v1).

A connection needs both sides: the sender's egress and the receiver's ingress. A pod that no policy selects in a
direction is open in it. Policies add up.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from who_reaches_whom import Port

Policy = dict[str, Any]


@dataclass(frozen=True)
class Pod:
    """A pod of the cluster."""

    namespace: str
    labels: dict[str, str] = field(hash=False)
    address: str = "10.1.2.3"


@dataclass(frozen=True)
class Outside:
    """An address that is no pod's."""

    address: str


Endpoint = Pod | Outside


def matches(selector: Policy, labels: dict[str, str]) -> bool:
    """Return whether a label selector selects these labels. An empty one selects everything."""
    if unknown := selector.keys() - {"matchLabels", "matchExpressions"}:
        raise ValueError(f"a label selector has no {unknown}")
    wanted = selector.get("matchLabels", {}).items()
    return wanted <= labels.items() and all(_holds(each, labels) for each in selector.get("matchExpressions", []))


def _holds(expression: Policy, labels: dict[str, str]) -> bool:
    key, operator, values = expression["key"], expression["operator"], expression.get("values", [])
    return {
        "In": labels.get(key) in values,
        "NotIn": labels.get(key) not in values,
        "Exists": key in labels,
        "DoesNotExist": key not in labels,
    }[operator]


def _is_peer(peer: Policy, other: Endpoint, namespace: str) -> bool:
    """Return whether a rule's peer is this endpoint; `namespace` is the policy's."""
    if block := peer.get("ipBlock"):
        address = ip_address(other.address)
        networks = [ip_network(block["cidr"]), *map(ip_network, block.get("except", []))]
        inside = [address.version == network.version and address in network for network in networks]
        return inside[0] and not any(inside[1:])
    if not isinstance(other, Pod):
        return False
    if "namespaceSelector" in peer:
        if not matches(peer["namespaceSelector"], {"kubernetes.io/metadata.name": other.namespace}):
            return False
    elif other.namespace != namespace:
        return False
    return matches(peer.get("podSelector", {}), other.labels)


def _lets_through(rule: Policy, key: str, other: Endpoint, port: Port, namespace: str) -> bool:
    peers, ports = rule.get(key), rule.get("ports")
    if peers and not any(_is_peer(peer, other, namespace) for peer in peers):
        return False
    return not ports or any(
        (each.get("port", port.number), each.get("protocol", "TCP")) == (port.number, port.protocol) for each in ports
    )


def _is_open(policies: list[Policy], pod: Endpoint, direction: str, other: Endpoint, port: Port) -> bool:
    if not isinstance(pod, Pod):
        return True
    key = {"Ingress": "from", "Egress": "to"}[direction]
    selecting = [
        policy
        for policy in policies
        if policy["metadata"]["namespace"] == pod.namespace
        and direction in policy["spec"]["policyTypes"]
        and matches(policy["spec"]["podSelector"], pod.labels)
    ]
    return not selecting or any(
        _lets_through(rule, key, other, port, pod.namespace)
        for policy in selecting
        for rule in policy["spec"].get(direction.lower(), [])
    )


def allowed(policies: list[Policy], sender: Endpoint, receiver: Endpoint, port: Port) -> bool:
    """Return whether the sender may connect to a port of the receiver."""
    return _is_open(policies, sender, "Egress", receiver, port) and _is_open(
        policies, receiver, "Ingress", sender, port
    )
