"""Know which sessions find no room, on the nodes or in a quota, so that pools make room for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from blendersessions.model.fields import moment
from blendersessions_operator.planning import podstate

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest

HELD_TIME: Final = timedelta(minutes=10)
"""A session that has found no room for this time does not hold pools up any more: it may be too large for any node."""
_QUOTA: Final = "exceeded quota"
"""How the API server says that a ResourceQuota leaves no room."""
_NO_ROOM: Final = ("Insufficient", "Too many pods")
"""How the scheduler says that a node has too little left. Other reasons do not pass when a desktop goes."""


@dataclass(frozen=True)
class RoomWanted:
    """A session that starts cold, and for which there is no room."""

    uid: str
    """The session's."""
    namespace: str
    class_name: str
    since: datetime
    by_quota: bool = False
    """Whether a quota of its namespace stands in the way, and not the nodes."""
    served: bool = False
    """Whether a desktop of a pool has gone for it."""

    @property
    def until(self) -> datetime:
        """Until when it holds pools up."""
        return self.since + HELD_TIME


def unscheduled_since(pod: Manifest) -> datetime | None:
    """Return since when the scheduler has found no node with room for a pod; None if that is not what it waits for."""
    scheduled = podstate.condition(pod, "PodScheduled")
    message = str(scheduled.get("message") or "")
    if scheduled.get("status") != "False" or not any(sign in message for sign in _NO_ROOM):
        return None
    return moment(scheduled.get("lastTransitionTime"))


def is_by_quota(message: str) -> bool:
    """Return whether the API server has refused a pod because of a quota."""
    return _QUOTA in message


def has_place(pod: Manifest) -> bool:
    """Return whether a pod waits for no place on a node, because it has one or has ended."""
    return podstate.has_ended(pod) or bool(podstate.node_name(pod)) or podstate.is_running(pod)
