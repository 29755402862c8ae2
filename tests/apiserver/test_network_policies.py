"""The policies that confine desktops come before the first pod of a namespace, and hold against every hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from apiserver.installation import desktop_name
from blendersessions.model.network import NetworkPeers
from blendersessions_operator.resources.network_policy import CLOSED, PUBLIC, is_in_force, network_policies
from chart.rendering import render
from waiting import until

if TYPE_CHECKING:
    from apiserver.api import Api
    from apiserver.installation import Installation, Object

POLICIES = "apis/networking.k8s.io/v1/namespaces/{}/networkpolicies"
CHANGES: dict[str, Object] = {
    "another rule": {"spec": {"egress": [{"to": [{"ipBlock": {"cidr": "169.254.169.254/32"}}]}]}},
    "no selector of ours": {"spec": {"podSelector": {"matchLabels": {"app": "something"}}}},
    "no ingress": {"spec": {"policyTypes": ["Egress"]}},
    "open to all": {"spec": {"ingress": [{}]}},
    "no label": {"metadata": {"labels": {"app.kubernetes.io/managed-by": None}}},
}


def path_of(installation: Installation, name: str = "") -> str:
    return "/".join(part for part in (POLICIES.format(installation.namespace), name) if part)


def policies_of(installation: Installation) -> dict[str, Object]:
    items: Any = installation.api.request("GET", path_of(installation))["items"]
    return {item["metadata"]["name"]: item for item in items}


def confines(installation: Installation) -> bool:
    """Return whether the namespace has exactly the policies that the operator builds."""
    wanted = network_policies(installation.namespace, NetworkPeers())
    found = policies_of(installation)
    named = {policy["metadata"]["name"]: policy for policy in wanted}
    return found.keys() == named.keys() and all(is_in_force(found[name], named[name]) for name in named)


def test_they_are_there_before_the_first_pod_and_stay_after_the_last(installation: Installation) -> None:
    session = installation.create()
    pod: Any = until("the pod is made", lambda: installation.child("pods", desktop_name(session)))
    assert confines(installation)
    for policy in policies_of(installation).values():
        assert int(policy["metadata"]["resourceVersion"]) < int(pod["metadata"]["resourceVersion"])
        assert "ownerReferences" not in policy["metadata"]
    installation.delete_all_and_assert_nothing_left()
    assert confines(installation)


@pytest.mark.parametrize("change", CHANGES)
def test_a_policy_that_somebody_changed_is_restored(installation: Installation, change: str) -> None:
    installation.ready()
    for name in (CLOSED, PUBLIC):
        installation.api.request(
            "PATCH", path_of(installation, name), CHANGES[change], "application/merge-patch+json", fieldManager="person"
        )
    until(lambda: f"both are restored: {policies_of(installation)}", lambda: confines(installation))
    assert installation.condition("Ready")["status"] == "True"


def test_a_session_starts_where_the_policies_lost_our_label(own_running_installation: Installation) -> None:
    """For the operator's watch they are deleted then, and they are the same objects afterwards."""
    own_running_installation.ready()
    for name in (CLOSED, PUBLIC):
        path = path_of(own_running_installation, name)
        own_running_installation.api.request("PATCH", path, CHANGES["no label"], "application/merge-patch+json")
    until("both have it again", lambda: confines(own_running_installation))
    own_running_installation.ready("second")
    assert "do not converge" not in own_running_installation.log


def test_a_policy_that_somebody_deleted_is_made_again(installation: Installation) -> None:
    installation.ready()
    for name in (CLOSED, PUBLIC):
        installation.api.request("DELETE", path_of(installation, name))
    until("both are made again", lambda: confines(installation))


def test_a_policy_of_that_name_that_somebody_made_first_is_taken_over(own_installation: Installation) -> None:
    open_to_all = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": [{}], "egress": [{}]}
    body = {"metadata": {"name": CLOSED}, "spec": open_to_all}
    own_installation.api.request("POST", path_of(own_installation), body)
    own_installation.start()
    own_installation.ready()
    assert confines(own_installation)


def test_the_policies_with_the_settings_of_the_chart_are_accepted_as_they_are_built(api: Api, namespace: str) -> None:
    """What the API server changed in them would look like a change by hand, and no pod would ever be made."""
    for options in ((), ("networkPolicies.dns.to[0].ipBlock.cidr=169.254.20.10/32",)):
        environment = render(*options).environment("studio-operator")
        peers = NetworkPeers.model_validate_json(str(environment["BLENDERSESSIONS_NETWORK_PEERS"]))
        for policy in network_policies(namespace, peers):
            assert is_in_force(dict(api.apply(policy, fieldValidation="Strict")), policy)
