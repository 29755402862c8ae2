"""Explain why a desktop ended that nobody ended: out of memory, evicted, failed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from blendersessions.model import container as container_contract
from blendersessions.model.conditions import Reason
from blendersessions.model.fields import foreign_object, foreign_text, in_milliseconds, moment
from blendersessions.model.status import Termination
from blendersessions_operator.planning import podstate

if TYPE_CHECKING:
    from datetime import datetime

    from blendersessions.model.manifest import Manifest

_REASON = re.compile(r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$")
_LONGEST_MESSAGE: Final = 4096
"""Longest message of a container. The kubelet keeps no more of it either."""
_KILLED_FOR_MEMORY: Final = "OOMKilled"
"""The kubelet's reason when the kernel ended a container at its memory limit."""
_STOPPED_WITH_ITS_NODE: Final = "DeletionByPodGC"
"""The reason of `DisruptionTarget` when Kubernetes gives up the pods of a node that is gone or out of service."""
_SMALL_DISK: Final = "Raise spec.resources.limits.ephemeral-storage, or work in a workspace (spec.workspace.size)."
_ADVICE: Final = {
    'EmptyDir volume "home"': "Without a workspace the home folder has this limit: give the session one "
    "(spec.workspace.size), and choose its size.",
    'EmptyDir volume "tmp"': f"The folder {container_contract.TMP} has this limit: write large files, such as frames "
    "and caches, into the home folder.",
    "local storage usage exceeds": _SMALL_DISK,
    "local ephemeral storage limit": _SMALL_DISK,
    "low on resource: memory": "The node has too little memory: ask for what the scene needs "
    "(spec.resources.requests.memory), so that Kubernetes keeps it free.",
    "low on resource": "The node has too little of it: an administrator frees some, or the session asks for what it "
    "needs (spec.resources.requests).",
}
"""What to do, by a part of the kubelet's message about an eviction (kubelet/eviction/helpers.go)."""


@dataclass(frozen=True)
class Explanation:
    """Why something is not so: one word for programs, and a sentence for users."""

    reason: str
    message: str


def start_error(pod: Manifest) -> Explanation | None:
    """Return why the container could not start or ran out of memory; None if it ended otherwise, or was ready since."""
    if podstate.is_ready(pod) or podstate.was_ready_in_this_run(pod):
        return None
    return next((error for ended in podstate.ends(pod) if (error := _explain(pod, ended))), None)


def scene_error(pod: Manifest) -> Explanation | None:
    """Return why the scene can never be shown, or None."""
    error = start_error(pod)
    return error if error is not None and error.reason == Reason.SCENE_NOT_FOUND else None


def end_of_pod(pod: Manifest) -> Explanation | None:
    """Return why the pod ended for good, or is being stopped by Kubernetes; None if it is not, or on our request."""
    status, deleted = pod.get("status") or {}, bool(pod["metadata"].get("deletionTimestamp"))
    disruption = podstate.condition(pod, "DisruptionTarget")
    disrupted = disruption.get("status") == "True"
    given_up = disrupted and disruption.get("reason") == _STOPPED_WITH_ITS_NODE
    if given_up or (deleted and podstate.is_cut_off(pod)):
        message = f"The node {podstate.node_name(pod)} did not answer any more, or is out of service."
        return Explanation(Reason.NODE_LOST, message)
    if (podstate.has_ended(pod) or disrupted) and status.get("reason"):
        message = str(status.get("message") or "The pod ended.").strip()
        return Explanation(valid_reason(status["reason"]), f"{message} {_advice(message)}".strip())
    if disrupted and (podstate.has_ended(pod) or deleted):
        message = str(disruption.get("message") or disruption.get("reason") or "no reason was given")
        return Explanation(Reason.EVICTED, f"Kubernetes moves the desktop elsewhere: {message}.")
    return None


def termination(pod: Manifest) -> Termination | None:
    """Return the last end of the desktop that nobody asked for, with its time; None if there was none.

    A person who quits Blender, a scene that does not exist and our own deletion of the pod are no such ends.
    """
    if (explanation := end_of_pod(pod)) and (at := _ended_at(pod)):
        return Termination(explanation.reason, explanation.message, in_milliseconds(at), notice_pending=True)
    if pod["metadata"].get("deletionTimestamp") or podstate.condition(pod, "DisruptionTarget").get("status") == "True":
        return None
    for ended in podstate.ends(pod):
        at = moment(ended.get("finishedAt"))
        if not ended.get("exitCode") or at is None:
            continue
        explanation = _explain(pod, ended) or Explanation(
            valid_reason(ended.get("reason") or "Error"), f"The container ended with exit code {ended['exitCode']}."
        )
        if explanation.reason != Reason.SCENE_NOT_FOUND:
            return Termination(explanation.reason, explanation.message, in_milliseconds(at))
    return None


def valid_reason(value: object) -> str:
    """Return a reason that a condition may have: Kubernetes' own, if its form is valid."""
    text = str(value)
    return text if _REASON.fullmatch(text) else Reason.POD_STARTING


def _explain(pod: Manifest, ended: Manifest) -> Explanation | None:
    """Return what the container or the kubelet says about an end; None if neither says more than the exit code."""
    code = ended.get("exitCode")
    told = _parse(str(ended.get("message") or "")) if code == container_contract.START_ERROR_EXIT_CODE else None
    if told is not None and told.reason == Reason.OUT_OF_MEMORY:
        return told
    if ended.get("reason") == _KILLED_FOR_MEMORY and code:
        limit = podstate.memory_limit(pod)
        bound = f"its limit of {limit}" if limit else "what there is"
        message = (
            f"The desktop needed more memory than {bound}, and was ended. Raise spec.resources.limits.memory, or have "
            "an administrator raise what the class allows."
        )
        return Explanation(Reason.OUT_OF_MEMORY, message)
    return told


def _advice(message: str) -> str:
    return next((advice for part, advice in _ADVICE.items() if part in message), "")


def _ended_at(pod: Manifest) -> datetime | None:
    """Return when the pod was stopped or ended, by what Kubernetes reports; None if it reports no time."""
    stopped = (
        podstate.condition(pod, "DisruptionTarget").get("lastTransitionTime"),
        pod["metadata"].get("deletionTimestamp"),
    )
    if known := [at for value in stopped if (at := moment(value)) is not None]:
        # The first of the two does not move any more when the other one comes.
        return min(known)
    times = [moment(ended.get("finishedAt")) for ended in podstate.ends(pod)]
    times.append(moment(podstate.condition(pod, "Ready").get("lastTransitionTime")))
    times.append(moment(pod["metadata"].get("creationTimestamp")))
    return next((at for at in times if at is not None), None)


def _parse(message: str) -> Explanation:
    """Read `{"reason": ..., "message": ...}`, which the container writes to its termination log."""
    fields = foreign_object(message)
    reason, text = (foreign_text(fields.get(key), _LONGEST_MESSAGE) for key in ("reason", "message"))
    if not text:
        told = foreign_text(message, _LONGEST_MESSAGE)
        return Explanation("ContainerFailed", f"The container cannot start: {told or 'it gave no reason'}")
    return Explanation(reason if _REASON.fullmatch(reason) else "ContainerFailed", text)
