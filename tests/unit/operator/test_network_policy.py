"""The network policies of desktops: what is built, and when one is as it must be."""

from __future__ import annotations

import copy
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from blendersessions.model.network import ALWAYS_CLOSED, NetworkPeers, fetch_network
from blendersessions_operator.resources.network_policy import is_in_force, network_policies
from unit.operator.factories import stored
from unit.operator.manifests import manifest

if TYPE_CHECKING:
    from collections.abc import Callable

    from blendersessions.model.manifest import Manifest

GUACD = {"podSelector": {"matchLabels": {"app": "guacd"}}}
OPERATOR = {"podSelector": {"matchLabels": {"app": "operator"}}}
PEERS = NetworkPeers(vnc_from=(GUACD,), agent_from=(OPERATOR,), closed_networks=("203.0.113.0/24", "2001:db8::/32"))
CLOSED, PUBLIC = network_policies("art", PEERS)


def test_a_desktop_is_reached_by_guacd_and_the_operator_and_reaches_nobody() -> None:
    assert manifest("policy-closed") == CLOSED


def test_the_portal_reaches_the_agents_of_its_own_namespace_alone() -> None:
    portal = {"podSelector": {"matchLabels": {"app": "portal"}}}
    peers = PEERS.model_copy(update={"portal_from": (portal,), "portal_namespace": "art"})
    agent = {"ports": [{"protocol": "TCP", "port": 8788}], "from": [OPERATOR, portal]}
    assert network_policies("art", peers)[0]["spec"]["ingress"] == [CLOSED["spec"]["ingress"][0], agent]
    assert network_policies("studio", peers)[0]["spec"] == CLOSED["spec"]
    anything = NetworkPeers(portal_from=(portal,), portal_namespace="art")
    assert network_policies("art", anything)[0]["spec"]["ingress"] == [
        {"ports": [{"protocol": "TCP", "port": 5900}]},
        {"ports": [{"protocol": "TCP", "port": 8788}]},
    ], "what is open to anything is not narrowed"


def test_a_public_desktop_reaches_the_internet_and_the_name_servers() -> None:
    assert manifest("policy-public") == PUBLIC
    blocks = [peer["ipBlock"] for peer in PUBLIC["spec"]["egress"][0]["to"]]
    assert not [network for network in blocks[0]["except"] if ":" in network]
    assert not [network for network in blocks[1]["except"] if ":" not in network]


def test_a_public_desktop_reaches_the_private_networks_that_urls_may_lead_to_by_tcp() -> None:
    closed, public = network_policies("art", PEERS, ("10.77.0.0/16", "fd77::/16"))
    assert closed == CLOSED
    assert public["spec"]["egress"][:2] == PUBLIC["spec"]["egress"]
    networks = [{"ipBlock": {"cidr": "10.77.0.0/16"}}, {"ipBlock": {"cidr": "fd77::/16"}}]
    assert public["spec"]["egress"][2:] == [{"ports": [{"protocol": "TCP"}], "to": networks}]
    assert not is_in_force(stored(PUBLIC), public), "another setting is applied to namespaces that have the policy"


def test_a_peer_that_is_not_known_may_be_anything() -> None:
    closed, _ = network_policies("art", NetworkPeers())
    assert [sorted(rule) for rule in closed["spec"]["ingress"]] == [["ports"], ["ports"]]


def test_a_stored_policy_is_in_force_without_its_empty_lists() -> None:
    found = stored(CLOSED)
    del found["spec"]["egress"]
    found["metadata"]["annotations"] = {"team": "studio"}
    assert is_in_force(found, CLOSED)


def _add_egress(policy: Manifest) -> None:
    policy["spec"]["egress"] = [{}]


def _add_ingress(policy: Manifest) -> None:
    policy["spec"]["ingress"].append({"from": [{"podSelector": {}}]})


def _select_fewer(policy: Manifest) -> None:
    policy["spec"]["podSelector"]["matchLabels"]["app"] = "something"


def _forget_egress(policy: Manifest) -> None:
    policy["spec"]["policyTypes"] = ["Ingress"]


def _take_the_label(policy: Manifest) -> None:
    policy["metadata"]["labels"] = {}


@pytest.mark.parametrize("change", [_add_egress, _add_ingress, _select_fewer, _forget_egress, _take_the_label])
def test_a_policy_with_other_rules_is_not(change: Callable[[Manifest], None]) -> None:
    found = copy.deepcopy(stored(CLOSED))
    change(found)
    assert not is_in_force(found, CLOSED)
    assert not is_in_force(None, CLOSED)


@pytest.mark.parametrize(
    "wrong",
    [
        {"closedNetworks": ["anything"]},
        {"closedNetworks": ["10.0.0.1/8"]},
        {"dnsTo": []},
        {"dnsPorts": []},
        {"vncTo": []},
    ],
)
def test_peers_that_would_open_or_break_a_policy_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        NetworkPeers.model_validate(wrong)


def test_a_network_that_a_setting_opens_keeps_closed_what_none_opens() -> None:
    (_, _, opened) = network_policies("art", PEERS, ("10.0.0.0/8", "128.0.0.0/1", "fd00::/8"))[1]["spec"]["egress"]
    assert opened["to"] == [
        {"ipBlock": {"cidr": "10.0.0.0/8"}},
        {
            "ipBlock": {
                "cidr": "128.0.0.0/1",
                "except": [
                    "168.63.129.16/32",
                    "169.254.0.0/16",
                    "192.0.0.192/32",
                    "224.0.0.0/4",
                    "255.255.255.255/32",
                ],
            }
        },
        {"ipBlock": {"cidr": "fd00::/8", "except": ["fd00:c1::a9fe:a9fe/128", "fd00:ec2::/32", "fd20:ce::254/128"]}},
    ]


@pytest.mark.parametrize(
    "closed", [*ALWAYS_CLOSED, "127.0.0.1/32", "169.254.169.254/32", "fd00:ec2::254/128", "64:ff9b::a9fe:a9fe/128"]
)
def test_a_network_of_which_all_is_never_open_is_refused(closed: str) -> None:
    with pytest.raises(ValueError, match="is never open: it is loopback, link-local"):
        fetch_network(closed)


@pytest.mark.parametrize("closed", ALWAYS_CLOSED)
def test_what_is_never_open_is_taken_out_of_a_larger_network(closed: str) -> None:
    """Kubernetes refuses an exception that is as large as the network."""
    larger = str(ip_network(closed).supernet())
    (_, _, opened) = network_policies("art", PEERS, (fetch_network(larger),))[1]["spec"]["egress"]
    assert closed in opened["to"][0]["ipBlock"]["except"]
    assert larger not in opened["to"][0]["ipBlock"]["except"]


@pytest.mark.parametrize("network", ["0.0.0.0/0", "::/0", "10.0.0.0/8", "168.0.0.0/5", "fd00::/8", "10.0.0.1/32"])
def test_other_networks_are_taken(network: str) -> None:
    assert fetch_network(network) == network
