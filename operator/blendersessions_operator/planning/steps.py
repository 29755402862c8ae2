"""The steps of a plan: plain data that the executor carries out."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from blendersessions.model.access import ConnectionSpec, SessionAccess, UserSpec
    from blendersessions.model.conditions import Reason
    from blendersessions.model.manifest import Manifest, Ref
    from blendersessions.model.status import LastSave, Termination


class Area(StrEnum):
    """The part of a session that a step works on. A failure is reported in the condition of that part."""

    SESSION = "session"
    DESKTOP = "desktop"
    NETWORK = "network"
    ACCESS = "access"
    VIEWERS = "viewers"
    NOTICE = "notice"
    TAKE_OVER = "takeOver"
    """What a desktop still has of its pool. A session works without it, so nothing else waits for it."""


@dataclass(frozen=True)
class AddFinalizer:
    """Add our finalizer, so that the session stays until its traces in Guacamole are removed."""

    area: Area = Area.SESSION


@dataclass(frozen=True)
class RemoveFinalizer:
    """Remove our finalizer."""

    area: Area = Area.SESSION


@dataclass(frozen=True)
class CreateObject:
    """Create an object. An existing one is adopted if the session owns it, and left alone otherwise."""

    manifest: Manifest = field(repr=False)
    area: Area = Area.DESKTOP


@dataclass(frozen=True)
class CreateDesktopSecret:
    """Create the desktop's Secret. The executor draws its random values."""

    area: Area = Area.DESKTOP


@dataclass(frozen=True)
class CompleteDesktopSecret:
    """Repair the desktop's Secret. The executor draws random values for the keys that the manifest's data lacks."""

    manifest: Manifest = field(repr=False)
    area: Area = Area.DESKTOP


@dataclass(frozen=True)
class CreateUserSecret:
    """Create the Secret of a Guacamole user. The executor draws the password."""

    username: str
    area: Area = Area.ACCESS


@dataclass(frozen=True)
class ApplyObject:
    """Repair an object that was changed by hand. The UID in the manifest protects another object of its name."""

    manifest: Manifest = field(repr=False)
    area: Area = Area.DESKTOP


@dataclass(frozen=True)
class ApplyPolicy:
    """Apply a network policy of all desktops in the namespace, whoever made or changed the one of its name."""

    manifest: Manifest = field(repr=False)
    area: Area = Area.NETWORK


@dataclass(frozen=True)
class AnnotateObject:
    """Change annotations of the object with the manifest's UID."""

    manifest: Manifest = field(repr=False)
    area: Area = Area.DESKTOP


@dataclass(frozen=True)
class DeleteObject:
    """Delete the object with this UID."""

    ref: Ref
    uid: str
    grace_seconds: int | None = None
    """How long a pod may take to end; None: as its spec says. 0: its object goes without waiting for its node, which
    does not answer."""
    area: Area = Area.DESKTOP


@dataclass(frozen=True)
class RecordTermination:
    """Record in the status how the desktop ended, before its pod is deleted, which is all that shows it."""

    termination: Termination
    area: Area = Area.DESKTOP


@dataclass(frozen=True)
class TellTermination:
    """Tell the person in the new desktop how the former one ended, by a notice, and record that it was told."""

    message: str
    termination: Termination
    area: Area = Area.NOTICE


@dataclass(frozen=True)
class DeleteSession:
    """Delete the session itself, because it has expired."""

    area: Area = Area.SESSION


@dataclass(frozen=True)
class RecordSuspension:
    """Record in the status why the session is suspended, before anything is stopped. So a crash does not lose it."""

    reason: Reason
    area: Area = Area.SESSION


@dataclass(frozen=True)
class ScaleToZero:
    """Suspend the session, because it has expired. A session that somebody has changed since is left alone."""

    area: Area = Area.SESSION


@dataclass(frozen=True)
class SaveScene:
    """Begin to have what a person made in a pod saved. It never fails: the outcome is observed later."""

    pod_uid: str
    timeout: timedelta
    final: bool = False
    """Whether to ask for a save although Blender works."""
    area: Area = Area.DESKTOP


@dataclass(frozen=True)
class RecordSave:
    """Record in the status how the last save ended, before the pod is stopped. So a crash does not lose it."""

    save: LastSave
    area: Area = Area.SESSION


@dataclass(frozen=True)
class ClaimDesktop:
    """Take a desktop of a pool, by a patch of the version of its pod that was seen."""

    ref: Ref
    patch: Manifest = field(repr=False)
    area: Area = Area.DESKTOP


@dataclass(frozen=True)
class TakeOver:
    """Make the session the owner of the Secret of the desktop that it has taken, by a patch of what was seen."""

    ref: Ref
    patch: Manifest = field(repr=False)
    area: Area = Area.TAKE_OVER


@dataclass(frozen=True)
class OpenSample:
    """Begin to have a sample opened in the desktop that was taken. It never fails: the outcome is observed later."""

    sample: str
    pod_uid: str
    area: Area = Area.DESKTOP


@dataclass(frozen=True)
class AskState:
    """Begin to ask the desktop whether somebody works in it, and how far its scene is.

    It never fails: the answer is observed later.
    """

    area: Area = Area.DESKTOP


@dataclass(frozen=True)
class Warn:
    """Announce the session's expiry, by a notice in the desktop and by an Event."""

    message: str
    expires_at: datetime
    area: Area = Area.DESKTOP


@dataclass(frozen=True)
class AddOwner:
    """Make the session one more owner of the Secret of its user."""

    ref: Ref
    owner: Manifest
    area: Area = Area.ACCESS


@dataclass(frozen=True)
class CreateConnection:
    """Create the connection. An existing one is adopted."""

    spec: ConnectionSpec
    area: Area = Area.ACCESS


@dataclass(frozen=True)
class UpdateConnection:
    """Replace the name, parameters and attributes of a connection."""

    identifier: str
    spec: ConnectionSpec
    area: Area = Area.ACCESS


@dataclass(frozen=True)
class CreateUser:
    """Create the Guacamole user with the password in its Secret."""

    user: UserSpec
    area: Area = Area.ACCESS


@dataclass(frozen=True)
class SetPassword:
    """Set the password of a user of ours to that in its Secret."""

    user: UserSpec
    area: Area = Area.ACCESS


@dataclass(frozen=True)
class RemoveUser:
    """Remove a user of ours whose Secret is lost, so that both can be created again."""

    username: str
    area: Area = Area.ACCESS


@dataclass(frozen=True)
class Grant:
    """Let the user read the connection and its group."""

    username: str
    connection: str
    area: Area = Area.ACCESS


@dataclass(frozen=True)
class Revoke:
    """Revoke the user's right to the connection, and close the user's tunnels on it."""

    username: str
    connection: str
    area: Area = Area.ACCESS


@dataclass(frozen=True)
class RemoveConnection:
    """Remove the connection, then close its remaining tunnels."""

    name: str
    access: SessionAccess
    area: Area = Area.ACCESS


@dataclass(frozen=True)
class ReleaseUser:
    """Remove the user if we made it for this namespace, and no other session of the namespace lets it in."""

    username: str
    area: Area = Area.ACCESS


Step: TypeAlias = (
    AddFinalizer
    | RemoveFinalizer
    | CreateObject
    | CreateDesktopSecret
    | CompleteDesktopSecret
    | CreateUserSecret
    | ApplyObject
    | ApplyPolicy
    | AnnotateObject
    | DeleteObject
    | RecordTermination
    | TellTermination
    | DeleteSession
    | RecordSuspension
    | ScaleToZero
    | SaveScene
    | RecordSave
    | ClaimDesktop
    | TakeOver
    | OpenSample
    | AskState
    | Warn
    | AddOwner
    | CreateConnection
    | UpdateConnection
    | CreateUser
    | SetPassword
    | RemoveUser
    | Grant
    | Revoke
    | RemoveConnection
    | ReleaseUser
)
