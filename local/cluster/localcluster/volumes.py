"""Persistent volumes: a default storage class whose volumes are folders on the node, and their provisioner."""

from pathlib import Path

import yaml

from localcluster.components import Component
from localcluster.kubernetes import Access

STORAGE_CLASS = "standard"
"""The name of the default storage class, as in kind."""
USER = "volumes"
"""The provisioner's user name for the API server, and the name of its certificate."""
FOLDER = "volumes"
"""The name of the volumes' folder in the cluster's folder."""
_PROVISIONER = "blendersessions.io/folder"


def component(binary: Path, state: Path, access: Access, node_name: str) -> Component:
    """Create the provisioner's folder, and return the provisioner.

    Only root can enter the folder, because pods may open their volumes to every user.
    """
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
    """Return the storage class and the provisioner's permissions as YAML."""
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
