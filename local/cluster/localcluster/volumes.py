"""Persistent volumes: a default storage class whose volumes are folders of the node, and what makes them."""

from pathlib import Path

import yaml

from localcluster.components import Component
from localcluster.kubernetes import Access

STORAGE_CLASS = "standard"
"""The name that kind gives to its default class too."""
USER = "volumes"
"""Who the program is for the API server, and the name of its certificate and log."""
FOLDER = "volumes"
"""Below the cluster's folder."""
_PROVISIONER = "blendersessions.io/folder"


def component(binary: Path, state: Path, access: Access, node_name: str) -> Component:
    """Return the provisioner, with its folder made: closed, for its volumes are as open as their pods make them."""
    folder, config = state / FOLDER, access.kubeconfig(USER)
    folder.mkdir(mode=0o700, exist_ok=True)
    return Component(
        "volumes",
        (
            str(binary),
            f"--kubeconfig={config}",
            f"--provisioner={_PROVISIONER}",
            f"--node={node_name}",
            f"--folder={folder}",
        ),
        (config.read_text(),),
    )


def manifest() -> str:
    """Return the storage class and the provisioner's rights as YAML."""
    metadata = {"name": f"blender-sessions:{USER}"}
    rules = [
        ("", ["persistentvolumes"], ["get", "list", "watch", "create", "update", "patch", "delete"]),
        ("", ["persistentvolumeclaims"], ["get", "list", "watch", "update"]),
        ("", ["persistentvolumeclaims/status"], ["patch"]),
        ("", ["nodes"], ["get"]),
        ("", ["events"], ["create", "update", "patch"]),
        ("storage.k8s.io", ["storageclasses"], ["get", "list", "watch"]),
    ]
    objects = [
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {
                "name": STORAGE_CLASS,
                "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
            },
            "provisioner": _PROVISIONER,
            "reclaimPolicy": "Delete",
            "volumeBindingMode": "WaitForFirstConsumer",
            "allowVolumeExpansion": True,
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": metadata,
            "rules": [{"apiGroups": [group], "resources": names, "verbs": verbs} for group, names, verbs in rules],
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": metadata["name"]},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": USER}],
        },
    ]
    return yaml.safe_dump_all(objects, sort_keys=False)
