"""The chart lets one operator lead: a Lease, the rights on it, and an update that hands over."""

from __future__ import annotations

from chart.rendering import NAMESPACE, render


def test_operators_of_all_releases_compete_for_one_lease_that_tenants_cannot_touch() -> None:
    chart = render("operator.lease.name=ours", "operator.lease.namespace=leases")
    assert chart.environment("studio-operator")["BLENDERSESSIONS_LEASE"] == "leases/ours"
    assert render().environment("studio-operator")["BLENDERSESSIONS_LEASE"] == "kube-system/blender-sessions"
    assert chart.get("Role", "studio-operator-lease@leases", "rules") == [
        {
            "apiGroups": ["coordination.k8s.io"],
            "resources": ["leases"],
            "resourceNames": ["ours"],
            "verbs": ["get", "update"],
        },
        {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"]},
    ]
    assert chart.get("RoleBinding", "studio-operator-lease@leases", "subjects") == [
        {"kind": "ServiceAccount", "name": "studio-operator", "namespace": NAMESPACE}
    ]


def test_an_update_starts_the_next_operator_before_it_ends_the_present_one() -> None:
    chart = render()
    assert chart.get("Deployment", "studio-operator", "spec", "replicas") == 1
    assert chart.get("Deployment", "studio-operator", "spec", "strategy") == {"type": "RollingUpdate"}


def test_a_drain_leaves_one_of_several_operators() -> None:
    assert "studio-operator" not in render().names("PodDisruptionBudget")
    chart = render("operator.replicas=2")
    assert chart.get("Deployment", "studio-operator", "spec", "replicas") == 2
    assert chart.get("PodDisruptionBudget", "studio-operator", "spec") == {
        "minAvailable": 1,
        "selector": {"matchLabels": chart.get("Deployment", "studio-operator", "spec", "selector", "matchLabels")},
    }
