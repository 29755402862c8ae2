"""Explain why a desktop's container does not run, with Kubernetes' own reasons and messages where it gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blendersessions.model.conditions import Reason
from blendersessions_operator.planning import podstate
from blendersessions_operator.planning.endings import Explanation, end_of_pod, start_error, valid_reason
from blendersessions_operator.planning.lost_node import explain_lost

if TYPE_CHECKING:
    from datetime import datetime

    from blendersessions.model.manifest import Manifest


def why_not_running(pod: Manifest, now: datetime) -> Explanation:
    """Return why the container does not run."""
    return (
        explain_lost(pod, now)
        or _end_of_pod(pod)
        or _deletion(pod)
        or start_error(pod)
        or _quit(pod)
        or _waiting(pod)
        or _end_of_container(pod)
        or _unschedulable(pod)
        or Explanation(Reason.POD_STARTING, "The pod is being started.")
    )


def _deletion(pod: Manifest) -> Explanation | None:
    meta = pod["metadata"]
    if not meta.get("deletionTimestamp"):
        return None
    message = "The former pod is still ending; a new one is started when it is gone."
    if finalizers := meta.get("finalizers"):
        message = f"{message} These finalizers keep it: {', '.join(finalizers)}."
    return Explanation(Reason.POD_TERMINATING, message)


def _end_of_pod(pod: Manifest) -> Explanation | None:
    explanation = end_of_pod(pod)
    if explanation is None:
        return None
    return Explanation(explanation.reason, f"{explanation.message} Another pod is started.")


def _quit(pod: Manifest) -> Explanation | None:
    """Return that a person quit Blender, which is no failure, however long Kubernetes waits before it starts again."""
    state = podstate.container(pod).get("state") or {}
    waiting = (state.get("waiting") or {}).get("reason") == "CrashLoopBackOff"
    ended = next(podstate.ends(pod), {})
    if "running" in state or ended.get("exitCode") != 0 or not (waiting or "terminated" in state):
        return None
    return Explanation(Reason.POD_STARTING, "Somebody quit Blender. It is started again.")


def _waiting(pod: Manifest) -> Explanation | None:
    waiting = (podstate.container(pod).get("state") or {}).get("waiting") or {}
    if not waiting.get("reason"):
        return None
    message = str(waiting.get("message") or "The container is being started.")
    return Explanation(valid_reason(waiting["reason"]), message)


def _end_of_container(pod: Manifest) -> Explanation | None:
    ended = (podstate.container(pod).get("state") or {}).get("terminated") or {}
    if not ended:
        return None
    message = f"The container ended with exit code {ended.get('exitCode')}; it is started again."
    return Explanation(valid_reason(ended.get("reason") or "Error"), str(ended.get("message") or message))


def _unschedulable(pod: Manifest) -> Explanation | None:
    scheduled = podstate.condition(pod, "PodScheduled")
    if scheduled.get("status") != "False":
        return None
    message = str(scheduled.get("message") or "No node was found yet.")
    return Explanation(valid_reason(scheduled.get("reason") or "Unschedulable"), message)
