"""Types and reasons of the conditions in a session's status, and how one is set.

Reasons that Kubernetes gives for a pod (Unschedulable, ImagePullBackOff, CrashLoopBackOff and so on) are passed on.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Literal, get_args

from blendersessions.model.fields import moment, number, text, timestamp

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from blendersessions.model.manifest import Manifest

LONGEST_MESSAGE: Final = 32768
"""The schema's bound. The rest is cut off: Kubernetes may repeat in a refusal all that somebody wrote."""
MOST_CONDITIONS: Final = 16
"""The schema's bound."""


class ConditionType(StrEnum):
    """What a condition is about."""

    READY = "Ready"
    """Opening `status.clientURL` shows the scene. Sums up the others."""
    DESKTOP_READY = "DesktopReady"
    """The pod runs."""
    SCENE_READY = "SceneReady"
    """The agent in the pod reports that the scene is on screen."""
    CONNECTION_READY = "ConnectionReady"
    """Guacamole has the connection, the owner may open it, and guacd answers if its address is known."""
    SUSPENDED = "Suspended"
    """The pod is stopped. If the session has a workspace, a save was asked for first, and the message says how it
    ended. Connection, grants and volume stay."""
    STALLED = "Stalled"
    """Nothing will change until somebody acts."""


class Reason(StrEnum):
    """Why a condition is as it is, where the word is ours."""

    SESSION_READY = "SessionReady"
    """Ready=True."""
    DESKTOP_RUNNING = "DesktopRunning"
    """DesktopReady=True: the container runs."""
    RESTART_NEEDED = "RestartNeeded"
    """DesktopReady=True: the container runs with the settings that the session had at its start."""
    DESKTOP_PENDING = "DesktopPending"
    """DesktopReady=False: the pod does not exist yet."""
    DESKTOP_REFUSED = "DesktopRefused"
    """DesktopReady=False: the API server refuses one of the desktop's objects, for instance by a quota."""
    KUBERNETES_UNAVAILABLE = "KubernetesUnavailable"
    """DesktopReady=False: the API server does not answer."""
    OUT_OF_MEMORY = "OutOfMemory"
    """DesktopReady=False: the desktop needed more memory than its limit, which the message names, and starts again."""
    UNCONFINED = "Unconfined"
    """Ready=False, DesktopReady=False, Stalled=True: the network policies that confine desktops cannot be applied in
    the namespace, so no pod is made. The message has the way out."""
    EVICTED = "Evicted"
    """DesktopReady=False: Kubernetes stopped the pod, for instance because a folder in it was full. Another one is
    started. The message has Kubernetes' reason and what to do."""
    NODE_LOST = "NodeLost"
    """DesktopReady=False: the node of the pod does not answer. The message names the node and the way out."""
    WORKSPACE_IN_USE = "WorkspaceInUse"
    """Ready=False, DesktopReady=False: another session's desktop has the workspace's volume. The message names that
    session. This one starts by itself when the volume is free."""
    WORKSPACE_NOT_FOUND = "WorkspaceNotFound"
    """Ready=False, DesktopReady=False: the claim in spec.workspace.claimName does not exist. The session starts when it
    does, and allows the session."""
    WORKSPACE_NOT_ALLOWED = "WorkspaceNotAllowed"
    """Stalled=True, DesktopReady=False: the claim in spec.workspace.claimName does not allow the session's owner by its
    annotation blendersessions.io/workspace-for, or belongs to something else."""
    POD_TERMINATING = "PodTerminating"
    """DesktopReady=False: the former pod is still ending."""
    POD_STARTING = "PodStarting"
    """DesktopReady=False: the pod is scheduled, and Kubernetes reports nothing more yet."""
    SCENE_VISIBLE = "SceneVisible"
    """SceneReady=True."""
    SCENE_LOADING = "SceneLoading"
    """SceneReady=False: Blender runs and has not drawn the scene yet."""
    DESKTOP_NOT_READY = "DesktopNotReady"
    """SceneReady=False: no desktop runs that could show the scene."""
    SCENE_NOT_FOUND = "SceneNotFound"
    """SceneReady=False, Stalled=True: the image has no sample of that name, and the message lists its samples; or the
    volume has nothing at scene.volume.path. Without Stalled, and with DesktopReady=False: the claim in
    scene.volume.claimName does not exist. The session starts when it does, and allows the session."""
    SCENE_NOT_ALLOWED = "SceneNotAllowed"
    """SceneReady=False, DesktopReady=False, Stalled=True: the claim in scene.volume.claimName does not allow the
    session's owner by its annotation blendersessions.io/scenes-for."""
    SCENE_FETCHING = "SceneFetching"
    """SceneReady=False: the scene is being brought in. The message says how far it is."""
    AWAITING_UPLOAD = "AwaitingUpload"
    """SceneReady=False: the desktop runs, and waits for a file. The message says how to upload one."""
    UPLOAD_TIMED_OUT = "UploadTimedOut"
    """SceneReady=False, Stalled=True: no file came within the class's transfer.uploadDeadline. One is still taken."""
    SCENE_UNREACHABLE = "SceneUnreachable"
    """SceneReady=False, Stalled=True: scene.url gives no file: no answer, an error, an address that is refused, or more
    time than the class's transfer.fetchTimeout."""
    SCENE_TOO_LARGE = "SceneTooLarge"
    """SceneReady=False, Stalled=True: the scene is larger than the class's transfer.maxBytes."""
    NO_ROOM_FOR_SCENE = "NoRoomForScene"
    """SceneReady=False, Stalled=True: the home folder has no room for the scene. The message says what to remove."""
    SCENE_CHECKSUM_MISMATCH = "SceneChecksumMismatch"
    """SceneReady=False, Stalled=True: the file has another sum than scene.sha256."""
    SCENE_UNREADABLE = "SceneUnreadable"
    """SceneReady=False, Stalled=True: it is no .blend file, is damaged, or has no .blend at its top, or several."""
    SCENE_TOO_NEW = "SceneTooNew"
    """SceneReady=False, Stalled=True: a newer Blender saved the file. The message names the classes of the namespace
    that can open it, by their blenderVersion."""
    REGISTERED = "Registered"
    """ConnectionReady=True."""
    VIEWER_REFUSED = "ViewerRefused"
    """ConnectionReady=True: the owner may open the session. A viewer may not, for the reason in the message."""
    CONNECTION_PENDING = "ConnectionPending"
    """ConnectionReady=False: the session is not registered in Guacamole yet."""
    GUACAMOLE_UNAVAILABLE = "GuacamoleUnavailable"
    """ConnectionReady=False: Guacamole does not answer, or answers with an error of its own."""
    GUACAMOLE_CREDENTIALS_REFUSED = "GuacamoleCredentialsRefused"
    """ConnectionReady=False: Guacamole refuses the operator's account, or the account lacks a right."""
    GUACAMOLE_REFUSED = "GuacamoleRefused"
    """ConnectionReady=False: Guacamole refuses a request as invalid."""
    GUACD_UNAVAILABLE = "GuacdUnavailable"
    """ConnectionReady=False: guacd, which connects Guacamole with desktops, does not answer. The desktop runs
    on."""
    NAME_TAKEN = "NameTaken"
    """Stalled=True: an object of the session's name exists and is not the session's."""
    OWNER_TAKEN = "OwnerTaken"
    """ConnectionReady=False, Stalled=True: the owner's Guacamole user was made for the sessions of another
    namespace."""
    OWNER_NOT_ALLOWED = "OwnerNotAllowed"
    """ConnectionReady=False, Stalled=True: the owner is an administrator's Guacamole user, whose record does not admit
    sessions of this namespace. The message has the way out."""
    OWNER_MISSING = "OwnerMissing"
    """ConnectionReady=False: Guacamole has no user of the owner's name, and this installation makes none. The session
    goes on when an administrator has made the user."""
    TOO_MANY_USERS = "TooManyUsers"
    """ConnectionReady=False: as many Guacamole users were made for the namespace as it may have. The session goes on
    when there are fewer."""
    GROUP_TAKEN = "GroupTaken"
    """ConnectionReady=False, Stalled=True: the connection group of this installation's name in Guacamole belongs to
    another installation. Nothing in it is touched. The message has the way out."""
    CLASS_NOT_FOUND = "ClassNotFound"
    """Ready=False, DesktopReady=False: the namespace has no class of that name. The session starts when the class
    exists."""
    CLASS_FILES_NOT_FOUND = "ClassFilesNotFound"
    """Ready=False, DesktopReady=False: a ConfigMap, a key of it or a volume claim that the class names in extensions,
    startupFile or preferences does not exist. The session starts when it does."""
    CLASS_FILES_NOT_ALLOWED = "ClassFilesNotAllowed"
    """Stalled=True, DesktopReady=False: a volume claim that the class names in extensions, startupFile or preferences
    does not allow the class by its annotation blendersessions.io/class-files-for."""
    CLASS_INVALID = "ClassInvalid"
    """Ready=False, DesktopReady=False: the class is malformed. The session starts when it is corrected."""
    BEYOND_CLASS = "BeyondClass"
    """Stalled=True, DesktopReady=False: the session asks for more than its class allows."""
    QUEUED = "Queued"
    """Ready=False, DesktopReady=False: the class's limit of running sessions is reached. The session starts by itself
    in its turn."""
    START_DEADLINE_EXCEEDED = "StartDeadlineExceeded"
    """Stalled=True: not ready within the class's startDeadline, for the reason in the message. The start is still
    tried."""
    RUNNING = "Running"
    """Suspended=False: no suspension is requested."""
    REQUESTED = "Requested"
    """Suspended=True: spec.suspend is true, or somebody has set spec.replicas to 0."""
    IDLE = "Idle"
    """Suspended=True: there was no input and no work of Blender's for the time of idleAfter."""
    MAX_AGE = "MaxAge"
    """Suspended=True: the session ran for the time of maxAge."""
    SUSPENDING = "Suspending"
    """Suspended=False, Ready=False, DesktopReady=False: the scene is being saved, or the pod is ending."""
    SAVE_FAILED = "SaveFailed"
    """Suspended=False: the last save failed, and saving is tried again. The desktop runs on while it answers. One that
    does not answer is stopped after a while. Also as an Event of a session that is deleted."""
    WAITING_FOR_WORK = "WaitingForWork"
    """Suspended=False: Blender renders, bakes, simulates or works on something else. The pod is stopped when that is
    done and saved, or after the time of the class's saving.waitForWork."""
    INVALID = "Invalid"
    """Stalled=True: the session's spec cannot be carried out."""
    TERMINATING = "Terminating"
    """The session is being deleted."""
    PROGRESSING = "Progressing"
    """Stalled=False: nothing stands in the way."""


Truth = Literal["True", "False", "Unknown"]
_TRUTHS: Final[dict[str, Truth]] = {truth: truth for truth in get_args(Truth)}


@dataclass(frozen=True, slots=True)
class Condition:
    """One aspect of a session's state: whether it is so, why in one word, and why in a sentence.

    The last two fields are None until the condition is in a status. A status may hold conditions of other controllers,
    so type and reason are text.
    """

    type: str
    status: Truth
    reason: str
    message: str
    observed_generation: int | None = None
    last_transition_time: datetime | None = None
    """When `status` last changed; in whole seconds if we wrote the condition."""

    @property
    def holds(self) -> bool:
        """Whether the status is True."""
        return self.status == "True"

    def to_manifest(self) -> Manifest:
        """Return the condition as an entry of a status."""
        entry: Manifest = {"type": str(self.type), "status": self.status}
        if self.observed_generation is not None:
            entry["observedGeneration"] = self.observed_generation
        if self.last_transition_time is not None:
            entry["lastTransitionTime"] = _transition_time(self.last_transition_time)
        return entry | {"reason": str(self.reason), "message": self.message}


def parse_condition(entry: object) -> Condition | None:
    """Read a condition of a status; None when it has no type. Other malformed fields are left empty."""
    if not isinstance(entry, dict) or not (kind := text(entry.get("type"))):
        return None
    return Condition(
        type=kind,
        status=_TRUTHS.get(text(entry.get("status")), "Unknown"),
        reason=text(entry.get("reason")),
        message=text(entry.get("message")),
        observed_generation=number(entry.get("observedGeneration")),
        last_transition_time=moment(entry.get("lastTransitionTime")),
    )


def with_room_for_ours(conditions: Sequence[Condition]) -> tuple[Condition, ...]:
    """Drop what others wrote if the API server would refuse our status for it: no usable time, no place for ours."""
    ours = set(ConditionType)
    usable = [entry for entry in conditions if entry.type not in ours and entry.last_transition_time is not None]
    kept = usable[: MOST_CONDITIONS - len(ours)]
    return tuple(entry for entry in conditions if entry.type in ours or entry in kept)


def set_condition(
    conditions: Sequence[Condition], condition: Condition, *, generation: int, now: datetime
) -> tuple[Condition, ...]:
    """Return `conditions` with `condition` in it. Its transition time moves only with its status, and never back."""
    changed_at = now.replace(microsecond=0)
    former = next((entry for entry in conditions if entry.type == condition.type), None)
    known = former.last_transition_time if former is not None else None
    # After the clock was set back, a change is not dated before the previous one.
    if former is not None and known is not None and (former.status == condition.status or known > changed_at):
        changed_at = known
    message = condition.message[:LONGEST_MESSAGE]
    entry = Condition(condition.type, condition.status, condition.reason, message, generation, changed_at)
    if former is None:
        return (*conditions, entry)
    return tuple(entry if each is former else each for each in conditions)


def _transition_time(at: datetime) -> str:
    """Write the time of a transition: in seconds, or in milliseconds if another controller wrote milliseconds."""
    return timestamp(at, "milliseconds" if at.microsecond else "seconds")
