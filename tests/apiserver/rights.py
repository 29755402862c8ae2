"""Access with the rights of a service account, as a pod of the chart has it."""

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
_CLUSTER_SCOPED = {"Namespace", "CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding"}


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


def kubeconfig_of(api: Api, account: str, folder: Path) -> Path:
    """Write a kubeconfig that signs in as a service account of the chart."""
    path = f"api/v1/namespaces/{NAMESPACE}/serviceaccounts/{account}/token"
    answer: Any = api.request("POST", path, {"spec": {"expirationSeconds": 3600}})
    config = yaml.safe_load(api.kubeconfig.read_text())
    for user in config["users"]:
        user["user"] = {"token": answer["status"]["token"]}
    written = folder / f"kubeconfig-{account}"
    written.write_text(yaml.safe_dump(config))
    return written
