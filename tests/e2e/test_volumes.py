"""What the local cluster's default storage class promises to workspaces."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from e2e.kubectl import TIMEOUT
from localcluster import images
from localcluster.volumes import FOLDER
from waiting import until

if TYPE_CHECKING:
    from e2e.kubectl import Kubectl
    from localcluster.cluster import Cluster

CLAIM = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "work"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}


def pod(image: str, script: str) -> dict[str, Any]:
    """A pod as a desktop is: not root, with the claim as its home."""
    security = {"runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 1000, "runAsNonRoot": True}
    container = {
        "name": "shell",
        "image": image,
        "command": ["/bin/sh", "-ec", script],
        "volumeMounts": [{"name": "home", "mountPath": "/home/work"}],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "writer"},
        "spec": {
            "restartPolicy": "Never",
            "securityContext": security,
            "containers": [container],
            "volumes": [{"name": "home", "persistentVolumeClaim": {"claimName": "work"}}],
        },
    }


def run_pod(kubectl: Kubectl, image: str, script: str) -> str:
    """Run a pod until it succeeds, delete it, and return its log."""
    kubectl.apply(pod(image, script))
    kubectl.run("wait", "pod/writer", "--for=jsonpath={.status.phase}=Succeeded", TIMEOUT)
    log = kubectl.run("logs", "writer")
    kubectl.run("delete", "pod/writer", TIMEOUT)
    return log


def test_a_claim_keeps_work_grows_and_leaves_no_folder(cluster: Cluster, kubectl: Kubectl) -> None:
    # Of our images this one is small and has a shell with the usual programs.
    shell = images.build(["guacd"])["guacd"]
    image = f"docker.io/{shell.repository}:{shell.tag}"
    cluster.import_images([(image, shell.archive)])
    kubectl.apply(CLAIM)
    # Nothing is made before a pod needs it.
    assert kubectl.get("pvc", "work")["status"] == {"phase": "Pending"}

    owner = run_pod(kubectl, image, "echo done > /home/work/file; stat --format=%u:%g /home/work/file")
    assert owner.strip() == "1000:1000"
    assert run_pod(kubectl, image, "cat /home/work/file").strip() == "done"
    volume = kubectl.get("pvc", "work")["spec"]["volumeName"]
    folder = cluster.state / FOLDER / volume
    assert Path(folder, "file").read_text() == "done\n"

    kubectl.run("patch", "pvc/work", "--patch", '{"spec": {"resources": {"requests": {"storage": "2Gi"}}}}')
    until("the claim has grown", lambda: kubectl.get("pvc", "work")["status"]["capacity"]["storage"] == "2Gi")
    assert run_pod(kubectl, image, "cat /home/work/file").strip() == "done"

    kubectl.run("delete", "pvc/work", TIMEOUT)
    kubectl.run("wait", f"pv/{volume}", "--for=delete", TIMEOUT)
    assert not folder.exists()
