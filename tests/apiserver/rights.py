"""Access with the rights of a service account: as a pod of the chart has it, or a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from chart.rendering import NAMESPACE

if TYPE_CHECKING:
    from pathlib import Path

    from apiserver.api import Api
    from chart.rendering import Rendered

OPERATOR = f"system:serviceaccount:{NAMESPACE}:studio-operator"
"""The user that the chart's operator signs in as."""
RIGHTS = {"ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}
PERSON = "artist"
"""The service account of a person in a namespace."""
POLICIES = {"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}
_CLUSTER_SCOPED = {"Namespace", "CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding", *POLICIES}


def placed(document: dict[str, Any]) -> dict[str, Any]:
    """Put an object of the chart where Helm would."""
    if document["kind"] in _CLUSTER_SCOPED:
        return document
    return {**document, "metadata": {"namespace": NAMESPACE, **document["metadata"]}}


def create_restricted_namespace(api: Api, name: str) -> None:
    """Create a namespace that admits restricted pods alone."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})


def grant(api: Api, chart: Rendered) -> None:
    """Create the chart's service accounts and give them their rights."""
    create_restricted_namespace(api, NAMESPACE)
    for document in chart.documents:
        if document["kind"] in RIGHTS:
            api.apply(placed(document))


def withdraw(api: Api, chart: Rendered) -> None:
    """Take all rights back, so that the next test sees only its own."""
    for document in chart.documents:
        if document["kind"] in RIGHTS:
            api.request("DELETE", api.path(placed(document)))


def kubeconfig_of(api: Api, account: str, folder: Path, namespace: str = NAMESPACE) -> Path:
    """Write a kubeconfig that signs in as a service account of the chart."""
    path = f"api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
    answer: Any = api.request("POST", path, {"spec": {"expirationSeconds": 3600}})
    config = yaml.safe_load(api.kubeconfig.read_text())
    for user in config["users"]:
        user["user"] = {"token": answer["status"]["token"]}
    written = folder / f"kubeconfig-{account}"
    written.write_text(yaml.safe_dump(config))
    return written


def person_in(api: Api, namespace: str, folder: Path) -> Path:
    """Write a kubeconfig of somebody in a namespace who has no rights yet."""
    account = f"api/v1/namespaces/{namespace}/serviceaccounts"
    api.request("POST", account, {"metadata": {"name": PERSON}})
    answer: Any = api.request("POST", f"{account}/{PERSON}/token", {"spec": {"expirationSeconds": 3600}})
    config = yaml.safe_load(api.kubeconfig.read_text())
    for user in config["users"]:
        user["user"] = {"token": answer["status"]["token"]}
    for context in config["contexts"]:
        context["context"]["namespace"] = namespace
    written = folder / "kubeconfig"
    written.write_text(yaml.safe_dump(config))
    return written


def allow(api: Api, namespace: str, role: str, verbs: list[str], group: str, resource: str, *names: str) -> None:
    """Give the person of a namespace a right."""
    rbac = f"apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
    rule = {"apiGroups": [group], "resources": [resource], "verbs": verbs, "resourceNames": list(names)}
    api.request("POST", f"{rbac}/roles", {"metadata": {"name": role}, "rules": [rule]})
    binding = {
        "metadata": {"name": role},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": PERSON, "namespace": namespace}],
    }
    api.request("POST", f"{rbac}/rolebindings", binding)
