"""A kubelet for pools: it reports each pod as ready, and sees to it that what nobody owns goes."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from apiserver.api import SESSIONS
from apiserver.installation import ignoring_not_found
from apiserver.repetition import repeated
from waiting import DEADLINE_SECONDS, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apiserver.installation import Installation, Object

POOL = "blendersessions.io/pool"
SESSION_UID = "blendersessions.io/session-uid"


class PoolKubelet:
    """Reports on every pod of a namespace."""

    def __init__(self, installation: Installation, address: str = "127.0.0.99") -> None:
        self._installation = installation
        self.address = address
        """Where the agents of the desktops are."""
        self.is_ready = True
        """Whether the desktops become ready."""
        self.leaves_alone = False
        """Whether it reports nothing by itself. Set before a pod is made, it holds for that pod."""

    def work(self) -> None:
        """Report on the pods that are new, and delete what nobody owns."""
        found = self._installation.pods()
        # A container runs once its Secret can be mounted.
        mounted = {each for each in self._installation.children() if each.startswith("secrets/")}
        for pod in found:
            starts = not pod.get("status", {}).get("podIP") and f"secrets/{pod['metadata']['name']}" in mounted
            if starts and not self.leaves_alone:
                with ignoring_not_found():
                    self.report(pod["metadata"]["name"])
        self._installation.collect_garbage()

    def report(self, name: str, **status: object) -> None:
        """Report a pod as running, and as ready if its desktop becomes so."""
        ready = {"type": "Ready", "status": "True" if self.is_ready else "False"}
        running = {"phase": "Running", "podIP": self.address, "podIPs": [{"ip": self.address}], "conditions": [ready]}
        self._installation.set_pod_status(name, running | status)


@contextmanager
def pool_kubelet(installation: Installation, address: str = "127.0.0.99") -> Iterator[PoolKubelet]:
    """Run one."""
    kubelet = PoolKubelet(installation, address)
    with repeated(kubelet.work, "kubelet", 0.1):
        yield kubelet


def waiting(installation: Installation, pool: str) -> set[str]:
    """Return the names of the desktops that wait in a pool."""
    owners = {
        pod["metadata"]["name"]: pod["metadata"]["ownerReferences"][0]["kind"]
        for pod in installation.pods()
        if pod["metadata"]["labels"].get(POOL) == pool and "deletionTimestamp" not in pod["metadata"]
    }
    return {name for name, kind in owners.items() if kind == "BlenderSessionClass"}


def pool_of(installation: Installation, name: str) -> Object:
    """Return what the status of a class says of its pool."""
    path = f"{SESSIONS}/namespaces/{installation.namespace}/blendersessionclasses/{name}"
    found: Any = installation.api.request("GET", path)
    return dict(found.get("status", {}).get("warmPool", {}))


def until_full(installation: Installation, name: str, size: int, seconds: float = DEADLINE_SECONDS) -> set[str]:
    """Wait until this number of desktops can be taken; return their names.

    The status may still be that of desktops that are being replaced, so the desktops themselves are counted too.
    """

    def full() -> tuple[set[str]] | None:
        found, names = pool_of(installation, name), waiting(installation, name)
        return (names,) if found.get("ready") == found.get("replicas") == len(names) == size else None

    found = until(
        lambda: f"the pool {name} has {size} that can be taken; it is {pool_of(installation, name)}", full, seconds
    )
    assert found is not None
    return found[0]
