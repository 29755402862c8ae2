"""Read the state of the desktop from its pod."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from blendersessions.model import container as container_contract
from blendersessions.model.fields import moment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from blendersessions.model.manifest import Manifest

UNRECOVERABLE = frozenset({"InvalidImageName", "ErrImageNeverPull"})
"""Kubernetes' reasons for a waiting container that do not pass by waiting."""
REPORT_LAG: Final = timedelta(seconds=10)
"""Longest time from the end of a container until the kubelet reports the pod as not ready."""
FAILING_TIME: Final = timedelta(seconds=30)
"""A desktop whose starts have failed for this time is failing. It is the time of three starts that fail at once."""


def condition(pod: Manifest, kind: str) -> Manifest:
    """Return the pod's own condition of this type; empty if it has none."""
    for entry in (pod.get("status") or {}).get("conditions") or ():
        if entry.get("type") == kind:
            return dict(entry)
    return {}


def is_ready(pod: Manifest) -> bool:
    """Return whether the scene is on screen, which is what the readiness probe asks the agent."""
    return not pod["metadata"].get("deletionTimestamp") and condition(pod, "Ready").get("status") == "True"


def is_failing(pod: Manifest) -> bool:
    """Return whether the container fails again and again, and was not ready in between.

    The count of restarts does not show that: it never goes down, and it counts a person who quits Blender too. What
    the pod's status shows is this. `CrashLoopBackOff` means that the container has ended at least twice in a short
    time. The exit code of the last run is 0 if a person quit. The pod's condition `Ready` moves when a desktop that was
    ready ends, so if its last move is before the last run began, that run was never ready. And from that move to the
    end of the last run, no start has succeeded; one failure soon after a good run is not taken for a failing desktop.
    """
    status = container(pod)
    waiting = (status.get("state") or {}).get("waiting") or {}
    ended = (status.get("lastState") or {}).get("terminated") or {}
    if waiting.get("reason") != "CrashLoopBackOff" or not ended.get("exitCode"):
        return False
    begun, over = moment(ended.get("startedAt")), moment(ended.get("finishedAt"))
    not_ready_since = moment(condition(pod, "Ready").get("lastTransitionTime")) or _created_at(pod)
    if begun is None or over is None or not_ready_since is None:
        return False
    return not_ready_since <= begun and over - not_ready_since >= FAILING_TIME


def was_ready_in_this_run(pod: Manifest) -> bool:
    """Return whether the container that runs now has had its scene on screen, and has it no more.

    Then `Ready` has moved since the run began. It also moves a moment after the former run's end.
    """
    begun = running_since(pod)
    moved = moment(condition(pod, "Ready").get("lastTransitionTime"))
    return begun is not None and moved is not None and moved - begun > REPORT_LAG


def has_ended(pod: Manifest) -> bool:
    """Return whether the pod ended for good, as an evicted one does."""
    return (pod.get("status") or {}).get("phase") in ("Failed", "Succeeded")


def container(pod: Manifest) -> Manifest:
    """Return the status of the Blender container; empty before the kubelet reports one."""
    for entry in (pod.get("status") or {}).get("containerStatuses") or ():
        if entry.get("name") == container_contract.NAME:
            return dict(entry)
    return {}


def ends(pod: Manifest) -> Iterator[Manifest]:
    """Iterate over the ends of the container that the kubelet still reports, the last one first."""
    status = container(pod)
    for state in (status.get("state") or {}, status.get("lastState") or {}):
        if ended := state.get("terminated"):
            yield dict(ended)


def is_running(pod: Manifest) -> bool:
    """Return whether the container runs, with or without its scene on screen."""
    return "running" in (container(pod).get("state") or {}) or is_ready(pod)


def running_since(pod: Manifest) -> datetime | None:
    """Return when the container that runs now began, by the node's clock; None if none runs."""
    return moment(((container(pod).get("state") or {}).get("running") or {}).get("startedAt"))


def is_cut_off(pod: Manifest) -> bool:
    """Return whether Kubernetes has marked the pod because its node does not answer.

    The kubelet writes `Ready` and `ContainersReady` together. When it does not answer any more, Kubernetes sets `Ready`
    alone to false on each of its pods (MarkPodsNotReady in controller/util/node/controller_utils.go).
    """
    marks = [condition(pod, kind).get("status") for kind in ("Ready", "ContainersReady")]
    return marks == ["False", "True"] and not has_ended(pod)


def node_name(pod: Manifest) -> str:
    """Return the name of the pod's node; empty before it is scheduled."""
    return str((pod.get("spec") or {}).get("nodeName") or "")


def memory_limit(pod: Manifest) -> str:
    """Return the memory limit that the Blender container was made with; empty if it has none."""
    for entry in (pod.get("spec") or {}).get("containers") or ():
        if entry.get("name") == container_contract.NAME:
            return str(((entry.get("resources") or {}).get("limits") or {}).get("memory") or "")
    return ""


def claims(pod: Manifest) -> tuple[str, ...]:
    """Return the names of the volume claims that the pod may write to. One that it only reads has room for others."""
    volumes = (pod.get("spec") or {}).get("volumes") or ()
    mounted = (volume.get("persistentVolumeClaim") for volume in volumes)
    return tuple(str(claim["claimName"]) for claim in mounted if claim and not claim.get("readOnly"))


def _created_at(pod: Manifest) -> datetime | None:
    return moment(pod["metadata"].get("creationTimestamp"))
