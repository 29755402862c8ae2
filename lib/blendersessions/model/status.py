"""The status of a session: parsed from its manifest once, and written in one place.

Times are kept in milliseconds, as they are written. A value that slipped past the schema is read as missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from blendersessions.model.conditions import Condition, ConditionType, Reason, parse_condition
from blendersessions.model.fields import moment, number, section, text, timestamp, word

if TYPE_CHECKING:
    from datetime import datetime

    from blendersessions.model.manifest import Manifest


class Phase(StrEnum):
    """The session's state in one word, for users and for metrics. No decision is taken by it."""

    PENDING = "Pending"
    QUEUED = "Queued"
    STARTING = "Starting"
    READY = "Ready"
    SUSPENDING = "Suspending"
    SUSPENDED = "Suspended"
    FAILED = "Failed"
    TERMINATING = "Terminating"


class StartPath(StrEnum):
    """How a session was started."""

    COLD = "Cold"
    """A pod was started for the session."""
    WARM = "Warm"
    """The session took over a running desktop."""


class KeepAliveReason(StrEnum):
    """What keeps a session from being idle."""

    STARTING = "Starting"
    INPUT = "Input"
    RENDER = "Render"
    BAKE = "Bake"
    SIMULATION = "Simulation"
    OPERATION = "Operation"
    """A long operation of another kind, such as an import."""
    TUNNEL = "Tunnel"
    NOTHING = "Nothing"


class SaveResult(StrEnum):
    """How the last save before a stop ended."""

    SAVED = "Saved"
    FAILED = "Failed"
    """The desktop could not save, did not answer, or worked for longer than the class waits."""


@dataclass(frozen=True, slots=True)
class LastSave:
    """The last save before a pod was stopped."""

    result: SaveResult | None
    message: str = ""
    """Why it failed; empty if it did not."""


@dataclass(frozen=True, slots=True)
class Startup:
    """How the current run was started."""

    path: StartPath
    seconds: float
    """Time from the beginning of the start to the first `Ready=True`."""
    reason: str = ""
    """Why a session of a class with a pool was started cold, in one word."""
    message: str = ""
    """The same in a sentence."""


EXACT_POSITIONS: Final = 20
"""Up to this queue position a session is told its exact one. Above it, positions are rounded up."""


@dataclass(frozen=True, slots=True)
class Queue:
    """The session waits for capacity in its class."""

    position: int | None = None
    """Counted from 1."""
    queued_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Suspension:
    """Why the session is suspended, or is about to be. Whether it is, the spec says."""

    reason: Reason | None
    """`REQUESTED`, `IDLE` or `MAX_AGE`."""
    at: datetime | None = None
    generation: int | None = None
    """The session's generation when this was recorded. While it is the same, the spec has not changed since."""
    save: LastSave | None = None
    """The last save before the pod was stopped; None before that, and if nothing was to be saved."""


@dataclass(frozen=True, slots=True)
class ReportedConnection:
    """The owner's connection in Guacamole, as last seen."""

    name: str = ""
    identifier: str = ""
    data_source: str = ""


@dataclass(frozen=True, slots=True)
class ReportedActivity:
    """Whether somebody works in the session, and when it expires."""

    users: int | None = None
    """Browsers that are connected."""
    kept_alive_by: KeepAliveReason | None = None
    last_active_at: datetime | None = None
    expires_at: datetime | None = None
    expiry_reason: Reason | None = None
    """`IDLE` or `MAX_AGE`."""


@dataclass(frozen=True, slots=True)
class Termination:
    """How a desktop ended that nobody ended: out of memory, evicted, failed."""

    reason: str
    """A `Reason` of ours, or Kubernetes' own."""
    message: str
    at: datetime
    """By the node's clock; it tells one end from another."""
    notice_pending: bool = False
    """Whether a notice in the next desktop is still to tell of it. The desktop itself tells of an end of its container;
    of the end of its pod it knows nothing."""

    @property
    def sentence(self) -> str:
        """What happened, for people who look at the session later."""
        return f"The former desktop ended at {self.at:%Y-%m-%d %H:%M} UTC ({self.reason}): {self.message}"

    def same_end(self, other: Termination | None) -> bool:
        """Return whether both are the same end of the same desktop. Its reason may become better known later."""
        return other is not None and self.at == other.at


@dataclass(frozen=True, slots=True)
class SessionStatus:
    """What the operator last reported of a session. All fields are empty until the first report."""

    observed_generation: int | None = None
    conditions: tuple[Condition, ...] = ()
    phase: Phase | None = None
    queue: Queue | None = None
    started_at: datetime | None = None
    """Beginning of the current run; a resume begins another one."""
    ready_at: datetime | None = None
    """When the current run first became ready."""
    startup: Startup | None = None
    connection: ReportedConnection | None = None
    desktop_name: str = ""
    """Common name of the desktop's objects; empty while there is no pod."""
    replicas: int | None = None
    """1 while the desktop's pod is there, 0 without one; None before the first report."""
    workspace_claim: str = ""
    """Name of the PersistentVolumeClaim of the home folder."""
    suspension: Suspension | None = None
    client_url: str = ""
    """Address for the owner's browser; empty while the session is not ready."""
    view_url: str = ""
    """Address for the viewers' browsers."""
    activity: ReportedActivity | None = None
    last_termination: Termination | None = None
    """The last end of a desktop that nobody ended; it stays when the session is ready again."""
    blender_version: str = ""
    """The version of Blender in the desktop, as its agent last said it; empty until it was asked."""
    scene_name: str = ""
    """Name of the file that the session opens: the sample, or the file that was brought in; empty until it is known."""

    def condition(self, kind: ConditionType) -> Condition | None:
        """Return the condition of this type, or None."""
        return next((entry for entry in self.conditions if entry.type == kind), None)

    def holds(self, kind: ConditionType) -> bool:
        """Return whether the condition of this type is True."""
        entry = self.condition(kind)
        return entry is not None and entry.holds

    def to_manifest(self) -> Manifest:
        """Return the status as the API server takes it. Empty fields are left out."""
        queue, startup = self.queue or Queue(), self.startup
        fields: Manifest = {
            "observedGeneration": self.observed_generation,
            "conditions": [entry.to_manifest() for entry in self.conditions],
            "phase": _word(self.phase),
            "queuePosition": queue.position,
            "queuedAt": _moment(queue.queued_at),
            "startedAt": _moment(self.started_at),
            "readyAt": _moment(self.ready_at),
            "startup": startup and _write_startup(startup),
            "connection": self.connection and _write_connection(self.connection),
            "replicas": self.replicas,
            "desktop": self.desktop_name and {"name": self.desktop_name},
            "workspace": self.workspace_claim and {"claimName": self.workspace_claim},
            "suspension": self.suspension and _write_suspension(self.suspension),
            "clientURL": self.client_url,
            "viewURL": self.view_url,
            "activity": self.activity and _write_activity(self.activity),
            "lastTermination": self.last_termination and _write_termination(self.last_termination),
            "blender": self.blender_version and {"version": self.blender_version},
            "scene": self.scene_name and {"name": self.scene_name},
        }
        return {name: value for name, value in fields.items() if value not in (None, "", [])}


def parse_status(status: object) -> SessionStatus:
    """Read the status of a manifest. Malformed values are read as missing; nothing raises."""
    fields = section(status)
    entries = fields.get("conditions")
    conditions = (parse_condition(entry) for entry in (entries if isinstance(entries, list) else ()))
    return SessionStatus(
        observed_generation=number(fields.get("observedGeneration")),
        conditions=tuple(entry for entry in conditions if entry is not None),
        phase=word(Phase, fields.get("phase")),
        queue=_parse_queue(fields),
        started_at=moment(fields.get("startedAt")),
        ready_at=moment(fields.get("readyAt")),
        startup=_parse_startup(section(fields.get("startup"))),
        connection=_parse_connection(section(fields.get("connection"))),
        replicas=number(fields.get("replicas")),
        desktop_name=text(section(fields.get("desktop")).get("name")),
        workspace_claim=text(section(fields.get("workspace")).get("claimName")),
        suspension=_parse_suspension(section(fields.get("suspension"))),
        client_url=text(fields.get("clientURL")),
        view_url=text(fields.get("viewURL")),
        activity=_parse_activity(section(fields.get("activity"))),
        last_termination=_parse_termination(section(fields.get("lastTermination"))),
        blender_version=text(section(fields.get("blender")).get("version")),
        scene_name=text(section(fields.get("scene")).get("name")),
    )


def _parse_queue(fields: Manifest) -> Queue | None:
    queue = Queue(number(fields.get("queuePosition")) or None, moment(fields.get("queuedAt")))
    return queue if queue != Queue() else None


def _parse_startup(fields: Manifest) -> Startup | None:
    path, seconds = word(StartPath, fields.get("path")), fields.get("seconds")
    if path is None or not isinstance(seconds, int | float):
        return None
    return Startup(path, seconds, text(fields.get("reason")), text(fields.get("message")))


def _write_startup(startup: Startup) -> Manifest:
    why = {"reason": str(startup.reason), "message": startup.message}
    written: Manifest = {"path": _word(startup.path), "seconds": startup.seconds}
    return written | {name: value for name, value in why.items() if value}


def _parse_connection(fields: Manifest) -> ReportedConnection | None:
    names = (text(fields.get(key)) for key in ("name", "identifier", "dataSource"))
    return ReportedConnection(*names) if fields else None


def _write_connection(connection: ReportedConnection) -> Manifest:
    return {
        "name": connection.name,
        "identifier": connection.identifier,
        "dataSource": connection.data_source,
    }


def _parse_suspension(fields: Manifest) -> Suspension | None:
    if not fields:
        return None
    save = section(fields.get("lastSave"))
    return Suspension(
        word(Reason, fields.get("reason")),
        moment(fields.get("at")),
        number(fields.get("generation")),
        LastSave(word(SaveResult, save.get("result")), text(save.get("message"))) if save else None,
    )


def _write_suspension(suspension: Suspension) -> Manifest:
    save = suspension.save and {"result": _word(suspension.save.result), "message": suspension.save.message}
    written: Manifest = {
        "reason": _word(suspension.reason),
        "at": _moment(suspension.at),
        "generation": suspension.generation,
        "lastSave": save and {name: value for name, value in save.items() if value},
    }
    return {name: value for name, value in written.items() if value is not None}


def _parse_termination(fields: Manifest) -> Termination | None:
    reason, at = text(fields.get("reason")), moment(fields.get("at"))
    if not reason or at is None:
        return None
    return Termination(reason, text(fields.get("message")), at, notice_pending=fields.get("noticePending") is True)


def _write_termination(termination: Termination) -> Manifest:
    written: Manifest = {
        "reason": str(termination.reason),
        "message": str(termination.message),
        "at": _moment(termination.at),
    }
    return written | ({"noticePending": True} if termination.notice_pending else {})


def _parse_activity(fields: Manifest) -> ReportedActivity | None:
    if not fields:
        return None
    return ReportedActivity(
        users=number(fields.get("users")),
        kept_alive_by=word(KeepAliveReason, fields.get("keptAliveBy")),
        last_active_at=moment(fields.get("lastActiveAt")),
        expires_at=moment(fields.get("expiresAt")),
        expiry_reason=word(Reason, fields.get("expiryReason")),
    )


def _write_activity(activity: ReportedActivity) -> Manifest:
    written: Manifest = {
        "users": activity.users,
        "keptAliveBy": _word(activity.kept_alive_by),
        "expiresAt": _moment(activity.expires_at),
        "expiryReason": _word(activity.expiry_reason),
        "lastActiveAt": _moment(activity.last_active_at),
    }
    return {name: value for name, value in written.items() if value is not None}


def _word(value: StrEnum | None) -> str | None:
    return None if value is None else str(value)


def _moment(value: datetime | None) -> str | None:
    return None if value is None else timestamp(value)
