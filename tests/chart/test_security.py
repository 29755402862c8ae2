"""Every pod is restricted, every right is named, no secret is written down twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chart.rendering import EVERYTHING, NAMESPACE, RefusedError, Rendered, render

if TYPE_CHECKING:
    from collections.abc import Callable

INSTALLATIONS: dict[str, Callable[[], Rendered]] = {
    "apache": render,
    "stand-in": lambda: render("guacamole.mode=standin"),
    "every option": lambda: render(values=EVERYTHING),
}


@pytest.fixture(scope="module", params=INSTALLATIONS)
def chart(request: pytest.FixtureRequest) -> Rendered:
    """The chart, in each of its installations."""
    return INSTALLATIONS[request.param]()


def containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    return [*pod.get("initContainers", []), *pod["containers"]]


def test_every_pod_runs_under_the_restricted_standard(chart: Rendered) -> None:
    assert len(chart.pods()) >= 5
    for name, pod in chart.pods().items():
        security: Any = pod["securityContext"]
        assert security["runAsNonRoot"] is True, name
        assert security.get("runAsUser", 1) > 0, name
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys(), name
        assert not [v for v in pod["volumes"] if "hostPath" in v], name  # type: ignore[attr-defined]


def test_no_pod_names_its_user_where_the_platform_chooses() -> None:
    """OpenShift's restricted-v2 refuses a user that is not of the namespace's range."""
    for name, pod in render(values=EVERYTHING).pods().items():
        security: Any = pod["securityContext"]
        assert not {"runAsUser", "runAsGroup", "fsGroup"} & security.keys(), name
    assert render(values=EVERYTHING).environment("studio-operator")["BLENDERSESSIONS_FIXED_USERS"] == "false"
    users = {name: pod["securityContext"]["runAsUser"] for name, pod in render().pods().items()}  # type: ignore[index]
    assert all(users.values())


def test_every_container_is_closed_and_bounded(chart: Rendered) -> None:
    for name, pod in chart.pods().items():
        for container in containers(pod):
            where = f"{name}/{container['name']}"
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, where
            assert container["resources"].get("requests"), where
            assert {"mountPath": "/tmp", "name": "tmp"} in container["volumeMounts"], where
        if ("Job", name) in chart:
            continue
        for container in pod["containers"]:  # type: ignore[attr-defined]
            assert container["readinessProbe"], name
            assert container["livenessProbe"], name


def test_only_the_operator_the_portal_and_the_setup_hold_a_token_of_kubernetes(chart: Rendered) -> None:
    with_token = [pod for pod in chart.pods().values() if pod.get("automountServiceAccountToken", True)]
    accounts = [pod["serviceAccountName"] for pod in with_token]
    assert sorted(map(str, accounts)) == ["studio-operator", "studio-portal", "studio-setup"]


def test_the_setup_makes_secrets_and_reads_none() -> None:
    chart = render()
    assert chart.get("Role", "studio-setup", "rules") == [
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]}
    ]
    assert "studio-setup" not in render(values=EVERYTHING).names("Role")


def test_no_rule_has_a_wildcard(chart: Rendered) -> None:
    roles = [d for d in chart.documents if d["kind"] in {"Role", "ClusterRole"}]
    assert roles
    for role in roles:
        rules: Any = role["rules"]
        for rule in rules:
            assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]], rule
            assert not {"escalate", "bind", "impersonate"} & set(rule["verbs"]), rule
            # The admission plugin for owner references asks for the first one. The others are ours alone.
            sessions = ["blendersessions/finalizers", "blendersessions/scale", "blendersessions/status"]
            whole = [*sessions, "blendersessionclasses/status", "leases"]
            assert "update" not in rule["verbs"] or set(rule["resources"]) <= set(whole), rule


def test_nobody_has_rights_on_the_cluster() -> None:
    chart = render()
    assert not chart.names("ClusterRole") | chart.names("ClusterRoleBinding")
    assert chart.names("Role") == {
        "studio-operator@blender-desktops",
        "studio-operator-events",
        "studio-operator-studio-system@kube-system",
        "studio-operator-lease@kube-system",
        "studio-portal@blender-desktops",
        "studio-setup",
        "studio-setup-classes@blender-desktops",
    }
    assert chart.environment("studio-operator")["BLENDERSESSIONS_NAMESPACES"] == "blender-desktops"


def test_rights_on_the_cluster_are_a_choice_and_the_operators_alone() -> None:
    chart = render("operator.clusterWide=true")
    assert chart.names("ClusterRole") == {"studio-operator"}
    assert chart.names("ClusterRoleBinding") == {"studio-operator"}
    assert not {name for name in chart.names("Role") if name.startswith("studio-operator@")}
    assert "studio-operator-events" not in chart.names("Role")
    assert chart.environment("studio-operator")["BLENDERSESSIONS_NAMESPACES"] == ""
    with pytest.raises(RefusedError, match=r"operator\.clusterWide serves all namespaces"):
        render("operator.clusterWide=true", "operator.namespaces={studio}")


@pytest.mark.parametrize(
    ("options", "served"),
    [
        (("operator.namespaces={desktops,studio}", "sessionNamespace=desktops"), ["desktops", "studio"]),
        (("operator.namespaces={studio}", "sessionNamespace=desktops"), ["studio", "desktops"]),
        (("operator.namespaces={studio}", "portal.enabled=false"), ["studio"]),
        (("portal.enabled=false",), ["blender-desktops"]),
    ],
)
def test_the_operator_has_a_role_where_it_serves(options: tuple[str, ...], served: list[str]) -> None:
    chart = render(*options)
    assert not chart.names("ClusterRole") | chart.names("ClusterRoleBinding")
    roles = {name for name in chart.names("Role") if name.startswith("studio-operator@")}
    assert roles == {f"studio-operator@{namespace}" for namespace in served}
    for namespace in served:
        assert chart.get("RoleBinding", f"studio-operator@{namespace}", "subjects", 0) == {
            "kind": "ServiceAccount",
            "name": "studio-operator",
            "namespace": NAMESPACE,
        }
    assert chart.environment("studio-operator")["BLENDERSESSIONS_NAMESPACES"] == ",".join(served)


def test_the_operator_reads_one_namespace_to_know_its_cluster_unless_it_is_told_its_id() -> None:
    role = "studio-operator-studio-system@kube-system"
    assert render().get("Role", role, "rules") == [
        {"apiGroups": [""], "resources": ["namespaces"], "resourceNames": ["kube-system"], "verbs": ["get"]}
    ]
    assert render().environment("studio-operator")["BLENDERSESSIONS_RELEASE"] == "studio"
    told = render("operator.installationID=ours")
    assert role not in told.names("Role") | told.names("RoleBinding")
    assert told.environment("studio-operator")["BLENDERSESSIONS_INSTALLATION_ID"] == "ours"


def test_the_portal_cannot_reach_the_administrators_password() -> None:
    with pytest.raises(RefusedError, match="sessionNamespace must not be the release's namespace"):
        render(f"sessionNamespace={NAMESPACE}")


def test_the_namespace_of_sessions_is_restricted_and_outlives_the_release() -> None:
    metadata: Any = render().get("Namespace", "blender-desktops", "metadata")
    assert metadata["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert metadata["annotations"]["helm.sh/resource-policy"] == "keep"


def test_existing_secrets_are_used_and_none_is_made() -> None:
    chart = render(values=EVERYTHING)
    assert not chart.setup()["secrets"]
    assert chart.environment("studio-operator")["BLENDERSESSIONS_GUACAMOLE_USERNAME"] == "guacamole-root/username"
    mounted = {
        volume["secret"]["secretName"]
        for pod in chart.pods().values()
        for volume in pod["volumes"]  # type: ignore[attr-defined]
        if "secret" in volume
    }
    assert mounted == {"guacamole-root", "postgresql-password", "portal-key"}
