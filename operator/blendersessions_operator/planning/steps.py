"""The steps that a plan is made of: plain data, carried out by the handlers."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from datetime import datetime

    from blendersessions.model.access import ConnectionSpec, SessionAccess
    from blendersessions.model.conditions import Reason
    from blendersessions.model.manifest import Manifest, Ref


class Area(StrEnum):
    """What a step works on; a failure is reported in that part's condition."""

    SESSION = "session"
    DESKTOP = "desktop"
    ACCESS = "access"
    VIEWERS = "viewers"
    ACTIVITY = "activity"
    SAVING = "saving"


@dataclass(frozen=True)
class AddFinalizer:
    """Keep the session from going before its traces in Guacamole are gone."""

    part: Area = Area.SESSION


@dataclass(frozen=True)
class RemoveFinalizer:
    """Let the session go."""

    part: Area = Area.SESSION


@dataclass(frozen=True)
class CreateObject:
    """Create an object; one that exists is taken over if the session owns it, and left alone if not."""

    manifest: Manifest = field(repr=False)
    part: Area = Area.DESKTOP


@dataclass(frozen=True)
class CreateDesktopSecret:
    """Create the desktop's Secret; its random values are drawn then."""

    part: Area = Area.DESKTOP


@dataclass(frozen=True)
class CompleteDesktopSecret:
    """Put the desktop's Secret right; random values are drawn for what the manifest leaves out of its data."""

    manifest: Manifest = field(repr=False)
    part: Area = Area.DESKTOP


@dataclass(frozen=True)
class CreateUserSecret:
    """Create the Secret of a Guacamole user; the password is drawn then."""

    username: str
    part: Area = Area.ACCESS


@dataclass(frozen=True)
class ApplyObject:
    """Put right what was changed by hand; the manifest names the UID, so that no other object is hit."""

    manifest: Manifest = field(repr=False)
    part: Area = Area.DESKTOP


@dataclass(frozen=True)
class AnnotateObject:
    """Change annotations of exactly this object."""

    manifest: Manifest = field(repr=False)
    part: Area = Area.DESKTOP


@dataclass(frozen=True)
class DeleteObject:
    """Delete exactly this object, so that another one can be made."""

    ref: Ref
    uid: str
    part: Area = Area.DESKTOP


@dataclass(frozen=True)
class DeleteSession:
    """Delete the session itself, as its lifetime says."""

    part: Area = Area.SESSION


@dataclass(frozen=True)
class RecordSuspension:
    """Note in the status that the session is suspended, before anything is stopped: a crash must not undo it."""

    reason: Reason
    part: Area = Area.SESSION


@dataclass(frozen=True)
class SaveScene:
    """Have the open scene saved."""

    part: Area = Area.SAVING


@dataclass(frozen=True)
class Warn:
    """Tell the person in the desktop, and by an Event, that the session ends."""

    message: str
    expires_at: datetime
    part: Area = Area.ACTIVITY


@dataclass(frozen=True)
class AddOwner:
    """Make the session one more owner of the Secret of its user."""

    ref: Ref
    owner: Manifest
    part: Area = Area.ACCESS


@dataclass(frozen=True)
class CreateConnection:
    """Register the connection; one that exists is adopted."""

    spec: ConnectionSpec
    part: Area = Area.ACCESS


@dataclass(frozen=True)
class UpdateConnection:
    """Make a connection what it should be."""

    identifier: str
    spec: ConnectionSpec
    part: Area = Area.ACCESS


@dataclass(frozen=True)
class CreateUser:
    """Make the Guacamole user, with the password that the Secret holds already."""

    username: str
    password: str = field(repr=False)
    part: Area = Area.ACCESS


@dataclass(frozen=True)
class SetPassword:
    """Give a user of ours the password that the Secret holds."""

    username: str
    password: str = field(repr=False)
    part: Area = Area.ACCESS


@dataclass(frozen=True)
class RemoveUser:
    """Remove a user of ours whose Secret is lost, so that both can be made again."""

    username: str
    part: Area = Area.ACCESS


@dataclass(frozen=True)
class Grant:
    """Let the user read the connection and the group it is in."""

    username: str
    connection: str
    part: Area = Area.ACCESS


@dataclass(frozen=True)
class Revoke:
    """Take the connection away from somebody who may not open it any more, running tunnels included."""

    username: str
    connection: str
    part: Area = Area.ACCESS


@dataclass(frozen=True)
class RemoveConnection:
    """Remove the connection, then close the tunnels that are left."""

    name: str
    access: SessionAccess
    part: Area = Area.ACCESS


@dataclass(frozen=True)
class ReleaseUser:
    """Remove the user if we made it for this namespace and no other live session here lets it in."""

    username: str
    part: Area = Area.ACCESS


Step: TypeAlias = (
    AddFinalizer
    | RemoveFinalizer
    | CreateObject
    | CreateDesktopSecret
    | CompleteDesktopSecret
    | CreateUserSecret
    | ApplyObject
    | AnnotateObject
    | DeleteObject
    | DeleteSession
    | RecordSuspension
    | SaveScene
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
