"""Read the state of the desktop from its pod."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from blendersessions.model import container as container_contract
from blendersessions.model.conditions import Reason

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest

UNRECOVERABLE = frozenset({"InvalidImageName", "ErrImageNeverPull"})
"""Kubernetes' reasons for a waiting container that do not pass by waiting."""

MAX_RESTARTS = 3
"""A container that ended after this number of restarts is not going to run."""

_REASON = re.compile(r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$")


@dataclass(frozen=True)
class Explanation:
    """Why something is not so: one word for programs, and a sentence for users."""

    reason: str
    message: str


def condition(pod: Manifest, kind: str) -> Manifest:
    """Return the pod's own condition of this type; empty if it has none."""
    for entry in (pod.get("status") or {}).get("conditions") or ():
        if entry.get("type") == kind:
            return dict(entry)
    return {}


def is_ready(pod: Manifest) -> bool:
    """Return whether the scene is on screen, which is what the readiness probe asks the agent."""
    return not pod["metadata"].get("deletionTimestamp") and condition(pod, "Ready").get("status") == "True"


def is_looping(pod: Manifest) -> bool:
    """Return whether the container ends again soon after each restart."""
    waiting = (container(pod).get("state") or {}).get("waiting") or {}
    return waiting.get("reason") == "CrashLoopBackOff" and int(container(pod).get("restartCount") or 0) >= MAX_RESTARTS


def has_ended(pod: Manifest) -> bool:
    """Return whether the pod ended for good, as an evicted one does."""
    return (pod.get("status") or {}).get("phase") in ("Failed", "Succeeded")


def container(pod: Manifest) -> Manifest:
    """Return the status of the Blender container; empty before the kubelet reports one."""
    for entry in (pod.get("status") or {}).get("containerStatuses") or ():
        if entry.get("name") == container_contract.NAME:
            return dict(entry)
    return {}


def is_running(pod: Manifest) -> bool:
    """Return whether the container runs, with or without its scene on screen."""
    return "running" in (container(pod).get("state") or {}) or is_ready(pod)


def start_error(pod: Manifest) -> Explanation | None:
    """Return why the container could not start, from its termination message; None if it started or is ready."""
    if is_ready(pod):
        return None
    status = container(pod)
    for state in (status.get("state") or {}, status.get("lastState") or {}):
        ended = state.get("terminated") or {}
        if ended.get("exitCode") == container_contract.START_ERROR_EXIT_CODE:
            return _parse(str(ended.get("message") or ""))
    return None


def scene_error(pod: Manifest) -> Explanation | None:
    """Return why the scene can never be shown, or None."""
    error = start_error(pod)
    return error if error is not None and error.reason == Reason.SCENE_NOT_FOUND else None


def why_not_running(pod: Manifest) -> Explanation:
    """Return why the container does not run, with Kubernetes' own reasons and messages where it gives them."""
    return (
        _deletion(pod)
        or _end_of_pod(pod)
        or start_error(pod)
        or _waiting(pod)
        or _end_of_container(pod)
        or _unschedulable(pod)
        or Explanation(Reason.POD_STARTING, "The pod is being started.")
    )


def _deletion(pod: Manifest) -> Explanation | None:
    if not pod["metadata"].get("deletionTimestamp"):
        return None
    return Explanation(Reason.POD_TERMINATING, "The former pod is still ending; a new one is started when it is gone.")


def _end_of_pod(pod: Manifest) -> Explanation | None:
    if not has_ended(pod) or not pod["status"].get("reason"):
        return None
    message = str(pod["status"].get("message") or "The pod ended.")
    return Explanation(_reason(pod["status"]["reason"]), f"{message} Another pod is started.")


def _waiting(pod: Manifest) -> Explanation | None:
    waiting = (container(pod).get("state") or {}).get("waiting") or {}
    if not waiting.get("reason"):
        return None
    return Explanation(_reason(waiting["reason"]), str(waiting.get("message") or "The container is being started."))


def _end_of_container(pod: Manifest) -> Explanation | None:
    ended = (container(pod).get("state") or {}).get("terminated") or {}
    if not ended:
        return None
    message = f"The container ended with exit code {ended.get('exitCode')}; it is started again."
    return Explanation(_reason(ended.get("reason") or "Error"), str(ended.get("message") or message))


def _unschedulable(pod: Manifest) -> Explanation | None:
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") != "False":
        return None
    message = str(scheduled.get("message") or "No node was found yet.")
    return Explanation(_reason(scheduled.get("reason") or "Unschedulable"), message)


def _reason(value: object) -> str:
    """Return a reason that a condition may have: Kubernetes' own, if its form is valid."""
    text = str(value)
    return text if _REASON.match(text) else Reason.POD_STARTING


def _parse(message: str) -> Explanation:
    """Read `{"reason": ..., "message": ...}`, which the container writes to its termination log."""
    try:
        fields = json.loads(message)
        reason, text = str(fields["reason"]), str(fields["message"])
    except (ValueError, TypeError, KeyError):
        return Explanation("ContainerFailed", f"The container cannot start: {message or 'it gave no reason'}")
    return Explanation(reason if _REASON.match(reason) else "ContainerFailed", text)
