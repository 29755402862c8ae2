"""What the controller remembers of pools between two looks: offers, refusals, and who waits for room."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from blendersessions.model.fields import moment
from blendersessions_operator.planning import podstate

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest, Ref
    from blendersessions.model.session import Session
    from blendersessions.model.session_class import ClassSpec
    from blendersessions_operator.controller.cache import ObjectCache
    from blendersessions_operator.planning.endings import Explanation

REFUSAL_PAUSE: Final = timedelta(minutes=5)
"""After a refusal no desktop is tried for this time, unless one of the namespace goes or the class changes."""
HELD_TIME: Final = timedelta(minutes=10)
"""A session that has found no room for this time does not hold pools up any more: it may be too large for any node."""
_QUOTA: Final = "exceeded quota"
"""How the API server says that a ResourceQuota leaves no room."""
_NO_ROOM: Final = ("Insufficient", "Too many pods")
"""How the scheduler says that a node has too little left. Other reasons do not pass when a desktop goes."""


@dataclass(frozen=True)
class Refusal:
    """The API server made no desktop, for instance because of a quota."""

    until: datetime
    message: str


@dataclass(frozen=True)
class RoomWanted:
    """A session that starts cold, and for which there is no room."""

    namespace: str
    class_name: str
    since: datetime
    by_quota: bool = False
    """Whether a quota of its namespace stands in the way, and not the nodes."""


class Pools:
    """Offers desktops to sessions, one to each, and counts the sessions for which there is no room.

    Args:
        cache: tells of classes and sessions.
    """

    def __init__(self, cache: ObjectCache) -> None:
        self._cache = cache
        self.claimable: dict[Ref, list[Ref]] = {}
        """By class: the pods that a session could take at the last look at the pool, the oldest first."""
        self.refusals: dict[Ref, Refusal] = {}
        """By class."""
        self.ages: dict[Ref, dict[str, tuple[ClassSpec, bool]]] = {}
        """By class, and by the UID of the pod: whether it was made by former settings than this spec. Finding that out
        costs a hash."""
        self._offers: dict[str, Ref] = {}
        """The pod that is offered to each session, by its UID."""
        self._offered: set[Ref] = set()
        self._given_up: set[str] = set()
        """UIDs of the sessions that are offered nothing any more."""
        self.cold: dict[str, Explanation] = {}
        """By the session's UID: why it was offered nothing when it began to start."""
        self._wanting: dict[str, RoomWanted] = {}
        """By the session's UID."""
        self._yielded: set[str] = set()
        """UIDs of sessions for which one desktop has gone already."""

    def offer_of(self, session: Session) -> Ref | None:
        """Return the pod that is offered to a session; None if it was offered none."""
        return self._offers.get(session.uid)

    def offer(self, session: Session, key: Ref) -> Ref | None:
        """Offer a desktop of a pool that is offered to nobody else; None if there is none. An offer stays."""
        known = self._offers.get(session.uid)
        if known is not None:
            return known
        # Before the first look at the pool each of its desktops is tried.
        line = self.claimable.setdefault(key, self._cache.pools.waiting(key))
        while line:
            ref = line.pop(0)
            if ref not in self._offered and self._cache.get(ref) is not None:
                self._offers[session.uid] = ref
                self._offered.add(ref)
                return ref
        return None

    def give_up(self, uid: str) -> None:
        """Offer a session nothing any more."""
        self.withdraw(uid)
        self._given_up.add(uid)

    def has_given_up(self, uid: str) -> bool:
        """Return whether a session is offered nothing any more."""
        return uid in self._given_up

    def withdraw(self, uid: str) -> None:
        """Take an offer back: the session has the desktop now, or it cannot have it."""
        if (ref := self._offers.pop(uid, None)) is not None:
            self._offered.discard(ref)

    def put_back(self, uid: str, key: Ref) -> None:
        """Take an offer back whose desktop others can have."""
        if (ref := self._offers.get(uid)) is not None:
            self.withdraw(uid)
            self.claimable.setdefault(key, []).insert(0, ref)

    def set_claimable(self, key: Ref, pods: list[Ref]) -> None:
        """Note which desktops of a pool a session could take."""
        self.claimable[key] = [ref for ref in pods if ref not in self._offered]

    def is_offered(self, ref: Ref) -> bool:
        """Return whether a pod is offered to a session, which is about to take it."""
        return ref in self._offered

    def note_pod(self, session: Session, pod: Manifest) -> bool:
        """Note whether the pod of a session finds room on a node; return whether that is news for pools."""
        scheduled = podstate.condition(pod, "PodScheduled")
        since = moment(scheduled.get("lastTransitionTime"))
        if scheduled.get("status") != "False" or since is None or not _is_for_room(str(scheduled.get("message") or "")):
            return self.has_room(session.uid)
        is_news = session.uid not in self._wanting
        self._wanting[session.uid] = RoomWanted(session.namespace, session.spec.class_name, since)
        return is_news

    def note_refusal(self, session: Session, message: str, now: datetime) -> bool:
        """Note that the API server makes no pod for a session; return whether that is news for pools."""
        if _QUOTA not in message or session.uid in self._wanting:
            return False
        self._wanting[session.uid] = RoomWanted(session.namespace, session.spec.class_name, now, by_quota=True)
        return True

    def has_room(self, uid: str) -> bool:
        """Note that a session has found room, or wants none any more; return whether that is news for pools."""
        self._yielded.discard(uid)
        return self._wanting.pop(uid, None) is not None

    def forget(self, uid: str) -> None:
        """Forget a session that is gone."""
        self.withdraw(uid)
        self.has_room(uid)
        self._given_up.discard(uid)
        self.cold.pop(uid, None)

    def refused_in(self, namespace: str) -> list[Ref]:
        """Return the sessions of a namespace that a quota keeps from starting."""
        uids = [uid for uid, each in self._wanting.items() if each.by_quota and each.namespace == namespace]
        return [ref for ref in map(self._cache.session_with, uids) if ref is not None]

    def wanting(self, key: Ref, now: datetime) -> list[str]:
        """Return the UIDs of the sessions for which a desktop of this pool could make room."""
        return [uid for uid, each in self._wanting.items() if now - each.since < HELD_TIME and self._helps(key, each)]

    def to_yield(self, uids: list[str]) -> list[str]:
        """Return those of the sessions for which no desktop has gone yet."""
        return [uid for uid in uids if uid not in self._yielded]

    def yielded(self, uids: list[str]) -> None:
        """Note that a desktop has gone for each of these sessions."""
        self._yielded.update(uids)

    def class_changed(self, key: Ref) -> None:
        """Forget what the API server refused for the class as it was."""
        self.refusals.pop(key, None)

    def pod_gone(self, namespace: str) -> list[Ref]:
        """Forget what was refused in a namespace for lack of room; return the pools and sessions that may go on."""
        freed = [key for key in self.refusals if key.namespace == namespace]
        for key in freed:
            del self.refusals[key]
        return freed + self.refused_in(namespace)

    def _helps(self, key: Ref, wanted: RoomWanted) -> bool:
        if wanted.by_quota:
            return wanted.namespace == key.namespace
        of_pool = self._cache.session_class(key.namespace, key.name)
        of_session = self._cache.session_class(wanted.namespace, wanted.class_name)
        return of_pool is not None and of_session is not None and _place(of_pool.spec) == _place(of_session.spec)


def _is_for_room(message: str) -> bool:
    return any(sign in message for sign in _NO_ROOM)


def _place(spec: ClassSpec) -> tuple[object, ...]:
    return spec.node_selector, spec.tolerations, spec.affinity, spec.runtime_class_name
