"""The reasons why pods are not ready, for the error of a step that waited for them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from localcluster.commands import Kubectl
from localcluster.errors import LocalClusterError


@contextmanager
def explained(kubectl: Kubectl, namespace: str) -> Iterator[None]:
    """Add to an error of the block why the namespace's pods are not ready.

    Raises:
        LocalClusterError: the block's error, with one line for each pod that is not ready.
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
    """Return one line for each pod that is not ready: its name, and the most specific cause in its status."""
    return [
        f"Pod {pod['metadata']['name']} is not ready: {_cause(pod.get('status', {}))}"
        for pod in pods
        if pod.get("status", {}).get("phase") != "Succeeded" and not _is_ready(pod.get("status", {}))
    ]


def _is_ready(status: Mapping[str, Any]) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions", []))


def _cause(status: Mapping[str, Any]) -> str:
    """Return a container's reason, otherwise the condition that is false, otherwise the phase."""
    containers = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
    for container in containers:
        last = container.get("lastState", {}).get("terminated", {})
        for state in (container.get("state", {}).get("waiting", {}), last):
            # These reasons are those of every container that has not started yet.
            if state.get("reason", "PodInitializing") not in {"PodInitializing", "ContainerCreating"}:
                return f"{container['name']}: {_described(state)}"
    for condition in status.get("conditions", []):
        if condition["status"] == "False" and condition.get("message"):
            return _described(condition)
    return str(status.get("phase", "it has no status yet"))


def _described(state: Mapping[str, Any]) -> str:
    return ": ".join(str(state[key]) for key in ("reason", "message") if state.get(key))
