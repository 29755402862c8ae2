"""The steps of a pool's plan that a session's plan does not have: plain data that the pool's executor carries out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from blendersessions_operator.planning import steps
from blendersessions_operator.planning.steps import Area

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest, Ref


@dataclass(frozen=True)
class MakeDesktop:
    """Make the pod of another desktop. The executor draws its name."""

    area: Area = Area.DESKTOP


@dataclass(frozen=True)
class MakeSecret:
    """Make the Secret of a pod that waits. The executor draws its random values."""

    pod: Manifest = field(repr=False)
    area: Area = Area.DESKTOP


@dataclass(frozen=True)
class MakeService:
    """Make the Service of a pod that waits."""

    manifest: Manifest = field(repr=False)
    pod: Manifest = field(repr=False)
    area: Area = Area.DESKTOP


@dataclass(frozen=True)
class RemoveDesktop:
    """Delete the pod of a desktop that nobody has taken, in the version that was seen. The rest goes with it."""

    ref: Ref
    uid: str
    resource_version: str
    makes_room_for: str = ""
    """UID of the session that finds room then; empty if it goes for another reason."""
    area: Area = Area.DESKTOP


@dataclass(frozen=True)
class RemoveStray:
    """Delete a pod that the watch does not see, if the class still controls it."""

    ref: Ref
    uid: str
    area: Area = Area.DESKTOP


PoolStep: TypeAlias = (
    MakeDesktop
    | MakeSecret
    | MakeService
    | RemoveDesktop
    | RemoveStray
    | steps.ApplyPolicy
    | steps.CreateConnection
    | steps.RemoveConnection
    | steps.Revoke
)
