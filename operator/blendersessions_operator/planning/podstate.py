"""What a pod's status says about the desktop."""

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
"""Reasons that Kubernetes gives for a waiting container and that no waiting heals."""

LOOPS = 3
"""A container that was started so often and ended each time is not going to run."""

_REASON = re.compile(r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$")


@dataclass(frozen=True)
class Explanation:
    """Why something is not so: one word for programs, and a sentence for people."""

    reason: str
    message: str


def condition(pod: Manifest, kind: str) -> Manifest:
    """Return the pod's own condition of this type, empty when it has none."""
    for entry in (pod.get("status") or {}).get("conditions") or ():
        if entry.get("type") == kind:
            return dict(entry)
    return {}


def is_ready(pod: Manifest) -> bool:
    """Whether the scene is on screen: the readiness probe asks the agent for exactly that."""
    return not pod["metadata"].get("deletionTimestamp") and condition(pod, "Ready").get("status") == "True"


def is_looping(pod: Manifest) -> bool:
    """Whether the container ended again and again without ever coming to run for long."""
    waiting = (container(pod).get("state") or {}).get("waiting") or {}
    return waiting.get("reason") == "CrashLoopBackOff" and int(container(pod).get("restartCount") or 0) >= LOOPS


def has_ended(pod: Manifest) -> bool:
    """Whether the pod ended for good, as an evicted one does."""
    return (pod.get("status") or {}).get("phase") in ("Failed", "Succeeded")


def container(pod: Manifest) -> Manifest:
    """Return the status of the Blender container, empty before there is one."""
    for entry in (pod.get("status") or {}).get("containerStatuses") or ():
        if entry.get("name") == container_contract.NAME:
            return dict(entry)
    return {}


def is_running(pod: Manifest) -> bool:
    """Whether the container runs, be its scene on screen or not."""
    return "running" in (container(pod).get("state") or {}) or is_ready(pod)


def start_error(pod: Manifest) -> Explanation | None:
    """Return what the container said when it could not start, or None when it did not say so or is ready by now."""
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
    why = start_error(pod)
    return why if why is not None and why.reason == Reason.SCENE_NOT_FOUND else None


def why_not_running(pod: Manifest) -> Explanation:
    """Say why the container does not run, in the words of Kubernetes."""
    if pod["metadata"].get("deletionTimestamp"):
        return Explanation(
            Reason.POD_TERMINATING, "The former pod is still ending; a new one is started when it is gone."
        )
    if has_ended(pod) and (said := pod["status"]).get("reason"):
        message = str(said.get("message") or "The pod ended.")
        return Explanation(_reason(said["reason"]), f"{message} Another one is started.")
    if why := start_error(pod):
        return why
    status = container(pod)
    waiting = (status.get("state") or {}).get("waiting") or {}
    if waiting.get("reason"):
        return Explanation(_reason(waiting["reason"]), str(waiting.get("message") or "The container is being started."))
    ended = (status.get("state") or {}).get("terminated") or {}
    if ended:
        return Explanation(
            _reason(ended.get("reason") or "Error"),
            str(
                ended.get("message")
                or f"The container ended with exit code {ended.get('exitCode')}; it is started again."
            ),
        )
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        message = str(scheduled.get("message") or "No node was found yet.")
        return Explanation(_reason(scheduled.get("reason") or "Unschedulable"), message)
    return Explanation(Reason.POD_STARTING, "The pod is being started.")


def _reason(word: object) -> str:
    text = str(word)
    return text if _REASON.match(text) else Reason.POD_STARTING


def _parse(message: str) -> Explanation:
    """Read `{"reason": ..., "message": ...}`, as the container writes it to its termination log."""
    try:
        said = json.loads(message)
        reason, text = str(said["reason"]), str(said["message"])
    except (ValueError, TypeError, KeyError):
        return Explanation("ContainerFailed", f"The container cannot start: {message or 'it gave no reason'}")
    return Explanation(reason if _REASON.match(reason) else "ContainerFailed", text)
