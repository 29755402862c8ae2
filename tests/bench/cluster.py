"""A control plane of the bench's own, whose nodes are simulated by kwok: pods turn Ready at once, and nothing runs."""

from __future__ import annotations

import shutil
import signal
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from apiserver.api import SESSIONS, Api, ApiError
from apiserver.rights import grant, kubeconfig_of
from chart.rendering import NAMESPACE, ROOT, render
from localcluster import binaries, controlplane, kubernetes
from localcluster.components import Component
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

NODES = 10
OPERATOR = "studio-operator"
CLIENT = "bench-client"
SESSIONS_IN = "bench"
FLOOR_IN = "bench-floor"
STAGES = Path(__file__).with_name("stages.yaml")


@dataclass(frozen=True)
class Cluster:
    """A running control plane with simulated nodes."""

    folder: Path
    operator_kubeconfig: Path
    """With the rights that the chart gives, and no other."""
    client_kubeconfig: Path
    """With all rights, for the bench itself."""


@contextmanager
def simulated(folder: Path, *etcd_options: str) -> Iterator[Cluster]:
    """Run etcd, kube-apiserver, kube-scheduler and kwok while the block runs. SIGTERM ends them too, as SIGINT does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    built = binaries.ensure("kube-scheduler", "kwok", "helm")
    plane = controlplane.start(folder, 0, etcd_options=etcd_options)
    others = (
        _scheduler(built["kube-scheduler"], plane.kubeconfig),
        Component("kwok", (str(built["kwok"]), *_kwok_options(plane.kubeconfig))),
    )
    try:
        api = Api(plane.kubeconfig, folder)
        _serve_sessions(api)
        for namespace in (SESSIONS_IN, FLOOR_IN):
            api.request("POST", "api/v1/namespaces", {"metadata": {"name": namespace}})
        grant(api, render("portal.enabled=false", "operator.clusterWide=true"))
        _admit_client(api)
        for account in (OPERATOR, CLIENT):
            api.apply(_flow_schema(account))
        for number in range(NODES):
            _add_node(api, f"simulated-{number}")
        for component in others:
            plane.supervisor.run(component)
        yield Cluster(folder, kubeconfig_of(api, OPERATOR, folder), kubeconfig_of(api, CLIENT, folder))
    finally:
        for component in others:
            plane.supervisor.stop(component.name, grace=5)
        plane.stop()


def _scheduler(binary: Path, kubeconfig: Path) -> Component:
    shutil.copyfile(kubeconfig, kubeconfig.parent / "scheduler.kubeconfig")
    scheduler = kubernetes.scheduler(binary, kubernetes.Access(kubeconfig.parent))
    # Its own port may be that of a cluster which runs on this machine, and nobody asks it anything here.
    return replace(scheduler, command=(*scheduler.command, "--secure-port=0"))


def _kwok_options(kubeconfig: Path) -> tuple[str, ...]:
    return (f"--kubeconfig={kubeconfig}", f"--config={STAGES}", "--manage-all-nodes=true", "--v=WARN")


def _serve_sessions(api: Api) -> None:
    for crd in sorted((ROOT / "crds").glob("*.yaml")):
        api.apply(yaml.safe_load(crd.read_text()))

    def served() -> bool:
        try:
            api.request("GET", f"{SESSIONS}/blendersessions")
            api.request("GET", f"{SESSIONS}/blendersessionclasses")
        except ApiError:
            return False
        return True

    until("the API server serves sessions and classes", served)


def _admit_client(api: Api) -> None:
    path = f"api/v1/namespaces/{NAMESPACE}/serviceaccounts"
    api.request("POST", path, {"metadata": {"name": CLIENT}})
    api.apply(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": CLIENT},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", "name": CLIENT, "namespace": NAMESPACE}],
        }
    )


def _flow_schema(account: str) -> dict[str, object]:
    """Build a schema that counts an account's requests apart, at the priority that all service accounts have."""
    everything = ["*"]
    return {
        "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
        "kind": "FlowSchema",
        "metadata": {"name": account},
        "spec": {
            "priorityLevelConfiguration": {"name": "workload-low"},
            "matchingPrecedence": 500,
            "distinguisherMethod": {"type": "ByUser"},
            "rules": [
                {
                    "subjects": [
                        {"kind": "ServiceAccount", "serviceAccount": {"name": account, "namespace": NAMESPACE}}
                    ],
                    "resourceRules": [
                        {
                            "verbs": everything,
                            "apiGroups": everything,
                            "resources": everything,
                            "namespaces": everything,
                            "clusterScope": True,
                        }
                    ],
                    "nonResourceRules": [{"verbs": everything, "nonResourceURLs": everything}],
                }
            ],
        },
    }


def _add_node(api: Api, name: str) -> None:
    """Add a node that kwok reports as ready. Without a controller manager the taint of a new node is removed here."""
    api.request("POST", "api/v1/nodes", {"metadata": {"name": name, "labels": {"kubernetes.io/os": "linux"}}})
    api.request("PATCH", f"api/v1/nodes/{name}", {"spec": {"taints": []}}, "application/merge-patch+json")
