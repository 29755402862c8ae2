"""Types and reasons of the conditions in a session's status, and how one is set.

Reasons that Kubernetes gives for a pod (Unschedulable, ImagePullBackOff, CrashLoopBackOff and so on) are passed on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from blendersessions.model.manifest import Manifest

READY: Final = "Ready"
"""Opening `status.clientURL` shows the scene. Sums up the others."""
DESKTOP_READY: Final = "DesktopReady"
"""The pod runs."""
SCENE_READY: Final = "SceneReady"
"""The agent in the pod says that the scene is on screen."""
CONNECTION_READY: Final = "ConnectionReady"
"""Guacamole has the connection, and the owner may open it."""
SUSPENDED: Final = "Suspended"
"""The scene is saved if there is a workspace, and the pod stopped; connection, grants and volume stay."""
STALLED: Final = "Stalled"
"""Nothing will change until somebody acts."""

SESSION_READY: Final = "SessionReady"
"""Ready=True."""
DESKTOP_RUNNING: Final = "DesktopRunning"
"""DesktopReady=True: the container runs."""
RESTART_NEEDED: Final = "RestartNeeded"
"""DesktopReady=True: it runs, with the settings that the session had when it was started."""
DESKTOP_PENDING: Final = "DesktopPending"
"""DesktopReady=False: the pod does not exist yet."""
DESKTOP_REFUSED: Final = "DesktopRefused"
"""DesktopReady=False: the API server refuses one of the desktop's objects, for instance by a quota."""
KUBERNETES_UNAVAILABLE: Final = "KubernetesUnavailable"
"""DesktopReady=False: the API server does not answer."""
POD_TERMINATING: Final = "PodTerminating"
"""DesktopReady=False: the former pod is still ending."""
POD_STARTING: Final = "PodStarting"
"""DesktopReady=False: the pod was scheduled, and Kubernetes has not said more yet."""
SCENE_VISIBLE: Final = "SceneVisible"
"""SceneReady=True."""
SCENE_LOADING: Final = "SceneLoading"
"""SceneReady=False: Blender runs and has not drawn the scene yet."""
DESKTOP_NOT_READY: Final = "DesktopNotReady"
"""SceneReady=False: there is no running desktop to show it."""
SCENE_NOT_FOUND: Final = "SceneNotFound"
"""SceneReady=False, Stalled=True: the image has no such sample; the message lists those it has."""
REGISTERED: Final = "Registered"
"""ConnectionReady=True."""
VIEWER_REFUSED: Final = "ViewerRefused"
"""ConnectionReady=True: the owner gets in, and a viewer cannot be let in, for the reason in the message."""
CONNECTION_PENDING: Final = "ConnectionPending"
"""ConnectionReady=False: not registered yet."""
GUACAMOLE_UNAVAILABLE: Final = "GuacamoleUnavailable"
"""ConnectionReady=False: Guacamole does not answer, or answers with an error of its own."""
GUACAMOLE_CREDENTIALS_REFUSED: Final = "GuacamoleCredentialsRefused"
"""ConnectionReady=False: Guacamole refuses the operator's account, or the account lacks a right."""
GUACAMOLE_REFUSED: Final = "GuacamoleRefused"
"""ConnectionReady=False: Guacamole refuses what was asked of it."""
NAME_TAKEN: Final = "NameTaken"
"""Stalled=True: an object of the session's name exists that is not ours."""
OWNER_TAKEN: Final = "OwnerTaken"
"""ConnectionReady=False, Stalled=True: the owner's Guacamole user was made for the sessions of another namespace."""
CLASS_NOT_FOUND: Final = "ClassNotFound"
"""Ready=False, DesktopReady=False: the namespace has no class of that name; the session starts when there is one."""
CLASS_INVALID: Final = "ClassInvalid"
"""Ready=False, DesktopReady=False: the class says what cannot be; the session starts when it is corrected."""
BEYOND_CLASS: Final = "BeyondClass"
"""Stalled=True, DesktopReady=False: the session asks for more than its class allows."""
QUEUED: Final = "Queued"
"""Ready=False, DesktopReady=False: as many sessions run as the class allows; this one starts by itself in its turn."""
START_DEADLINE_EXCEEDED: Final = "StartDeadlineExceeded"
"""Stalled=True: not ready within the class's startDeadline, for the reason in the message. It is tried further on."""
RUNNING: Final = "Running"
"""Suspended=False: nobody asked for it."""
REQUESTED: Final = "Requested"
"""Suspended=True: spec.suspend says so."""
IDLE: Final = "Idle"
"""Suspended=True: for as long as idleAfter nobody gave input and no render ran."""
MAX_AGE: Final = "MaxAge"
"""Suspended=True: it ran for as long as maxAge."""
SUSPENDING: Final = "Suspending"
"""Suspended=False, Ready=False, DesktopReady=False: the scene is being saved, or the pod is ending."""
SAVE_FAILED: Final = "SaveFailed"
"""Suspended=False: the scene cannot be saved, for instance because the workspace is full; the desktop runs on."""
INVALID: Final = "Invalid"
"""Stalled=True: the session cannot be served as it is written."""
TERMINATING: Final = "Terminating"
"""The session is being deleted."""
PROGRESSING: Final = "Progressing"
"""Stalled=False."""

Truth = Literal["True", "False", "Unknown"]


@dataclass(frozen=True)
class Condition:
    """One aspect of a session's state: what is so, why in one word, and why in a sentence."""

    type: str
    status: Truth
    reason: str
    message: str

    @property
    def holds(self) -> bool:
        """Whether the status is True."""
        return self.status == "True"


def timestamp(now: datetime) -> str:
    """Write a moment as the status does: UTC, in milliseconds."""
    return now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03d}Z"


def set_condition(
    conditions: Sequence[Manifest], condition: Condition, *, generation: int, now: datetime
) -> list[Manifest]:
    """Return `conditions` with `condition` in it; its transition time moves only with its status, and never back."""
    entry: Manifest = {
        "type": condition.type,
        "status": condition.status,
        "observedGeneration": generation,
        "lastTransitionTime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "reason": condition.reason,
        "message": condition.message,
    }
    result = []
    found = False
    for former in conditions:
        if former.get("type") != condition.type:
            result.append(former)
            continue
        found = True
        known = former.get("lastTransitionTime")
        # Times of one form compare as text. A clock that was set back dates no change before the one before it.
        if known and (former.get("status") == condition.status or known > entry["lastTransitionTime"]):
            entry["lastTransitionTime"] = known
        result.append(entry)
    if not found:
        result.append(entry)
    return result
