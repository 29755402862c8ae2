"""Why pods are not ready, for the message of a step that waited for them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from localcluster.commands import Kubectl
from localcluster.errors import LocalClusterError


@contextmanager
def explained(kubectl: Kubectl, namespace: str) -> Iterator[None]:
    """Add to an error of the block what holds up the namespace's pods.

    Raises:
        LocalClusterError: the block's own, with more words.
    """
    try:
        yield
    except LocalClusterError as error:
        try:
            pods = json.loads(kubectl.run("get", "pods", f"--namespace={namespace}", "--output=json", timeout=20))[
                "items"
            ]
        except LocalClusterError:
            raise error from None
        lines = reasons(pods)
        look = f"Look at: kubectl --kubeconfig={kubectl.kubeconfig} --namespace={namespace} describe pods"
        raise LocalClusterError("\n".join([str(error), *lines, look])) from error


def reasons(pods: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return one line for each pod that is not ready: its name, and the nearest cause that its status tells."""
    return [
        f"Pod {pod['metadata']['name']} is not ready: {_cause(pod.get('status', {}))}"
        for pod in pods
        if pod.get("status", {}).get("phase") != "Succeeded" and not _is_ready(pod.get("status", {}))
    ]


def _is_ready(status: Mapping[str, Any]) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions", []))


def _cause(status: Mapping[str, Any]) -> str:
    """Return what a container waits for or died of, else the condition that does not hold, else the phase."""
    containers = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
    for container in containers:
        last = container.get("lastState", {}).get("terminated", {})
        for state in (container.get("state", {}).get("waiting", {}), last):
            # Every pod has containers that are being created; that says nothing.
            if state.get("reason", "PodInitializing") not in {"PodInitializing", "ContainerCreating"}:
                return f"{container['name']}: {_told(state)}"
    for condition in status.get("conditions", []):
        if condition["status"] == "False" and condition.get("message"):
            return _told(condition)
    return str(status.get("phase", "nothing is known of it yet"))


def _told(state: Mapping[str, Any]) -> str:
    return ": ".join(str(state[key]) for key in ("reason", "message") if state.get(key))
