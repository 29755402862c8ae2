"""What the controller remembers of pools between two looks: offers, refusals, claims, and who waits for room."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from blendersessions_operator.planning.room import RoomWanted, is_by_quota, unscheduled_since

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from blendersessions.model.manifest import Manifest, Ref
    from blendersessions.model.session import Session
    from blendersessions.model.session_class import ClassSpec
    from blendersessions_operator.controller.cache import ObjectCache
    from blendersessions_operator.planning.endings import Explanation

REFUSAL_PAUSE: Final = timedelta(minutes=5)
"""After a refusal no desktop is tried for this time, unless one of the namespace goes or the class changes."""
CLAIM_WINDOW: Final = timedelta(minutes=1)
"""The claims of this time are counted."""


@dataclass(frozen=True)
class Refusal:
    """The API server made no desktop, for instance because of a quota."""

    until: datetime
    message: str


class Pools:
    """Offers desktops to sessions, one to each, and knows the sessions for which there is no room.

    Args:
        cache: tells of classes, of desktops that wait, and of sessions.
    """

    def __init__(self, cache: ObjectCache) -> None:
        self._cache = cache
        self._lines: defaultdict[Ref, deque[Ref]] = defaultdict(deque)
        """By class: the pods that are looked at next when a session wants one. They are counted again at its end."""
        self._offers: dict[str, tuple[Ref, Ref]] = {}
        """By the session's UID: the class, and the pod of its pool that is offered to the session."""
        self._offered: set[Ref] = set()
        self.refusals: dict[Ref, Refusal] = {}
        """By class."""
        self.ages: dict[Ref, dict[str, tuple[ClassSpec, bool]]] = {}
        """By class, and by the UID of the pod: whether it was made by former settings than this spec. Finding that out
        costs a hash."""
        self.opened: set[Ref] = set()
        """The pods that somebody has looked into before a session took them. No session gets them."""
        self.departed: defaultdict[Ref, set[str]] = defaultdict(set)
        """By class: the desktops that no session has and whose pods went while this operator led, until Guacamole has
        nothing of them. The sweep removes what another operator left there."""
        self.strays: defaultdict[Ref, set[tuple[Ref, str]]] = defaultdict(set)
        """By class: the pods, and their UIDs, that left the watch without a deletion. Somebody changed the label by
        which it finds them."""
        self.cold: dict[str, Explanation] = {}
        """By the session's UID: why it was offered nothing when it began to start."""
        self._wanting: dict[str, RoomWanted] = {}
        """By the session's UID."""
        self._claims: defaultdict[Ref, deque[datetime]] = defaultdict(deque)
        """By class: when its desktops were taken."""

    def offer(self, session: Session, key: Ref, suits: Callable[[Ref], bool]) -> Ref | None:
        """Offer a desktop of a pool that is offered to nobody else; None if none suits. An offer stays while it suits.

        Args:
            session: the session that starts.
            key: its class.
            suits: whether a session may take a pod.
        """
        known = self._offers.get(session.uid)
        if known is not None and suits(known[1]):
            return known[1]
        self.release(session.uid)
        found = next((ref for ref in self._candidates(key) if suits(ref)), None)
        if found is not None:
            self._offers[session.uid] = key, found
            self._offered.add(found)
        return found

    def release(self, uid: str) -> Ref | None:
        """Take an offer back; return the class whose pool must decide about the desktop again, None without an offer.

        If a session has taken it, the pod says so.
        """
        key, ref = self._offers.pop(uid, (None, None))
        if ref is not None:
            self._offered.discard(ref)
        return key

    def offered_to(self, uid: str) -> Ref | None:
        """Return the pod that is offered to a session; None if none is."""
        return self._offers[uid][1] if uid in self._offers else None

    def is_offered(self, ref: Ref) -> bool:
        """Return whether a pod is offered to a session, which is about to take it."""
        return ref in self._offered

    def claimed(self, key: Ref, now: datetime) -> None:
        """Note that a session has taken a desktop."""
        self._claims[key].append(now)

    def claims(self, key: Ref, now: datetime) -> int:
        """Return how many desktops were taken in the last minute."""
        moments = self._claims[key]
        while moments and not timedelta() <= now - moments[0] < CLAIM_WINDOW:
            moments.popleft()
        return len(moments)

    def last_claim(self, key: Ref, now: datetime) -> datetime | None:
        """Return when a desktop was last taken; None if that is longer ago than a minute."""
        return self._claims[key][-1] if self.claims(key, now) else None

    def note_pod(self, session: Session, pod: Manifest) -> bool:
        """Note whether the pod of a session finds room on a node; return whether that is news for pools."""
        since, known = unscheduled_since(pod), self._wanting.get(session.uid)
        if since is None:
            return self.has_room(session.uid)
        if known is not None and not known.by_quota:
            return False
        self._wanting[session.uid] = RoomWanted(session.uid, session.namespace, session.spec.class_name, since)
        return True

    def note_refusal(self, session: Session, message: str, now: datetime) -> bool:
        """Note that the API server makes no pod for a session; return whether that is news for pools."""
        if not is_by_quota(message) or session.uid in self._wanting:
            return False
        wanted = RoomWanted(session.uid, session.namespace, session.spec.class_name, now, by_quota=True)
        self._wanting[session.uid] = wanted
        return True

    def has_room(self, uid: str) -> bool:
        """Note that a session has found room, or wants none any more; return whether that is news for pools."""
        return self._wanting.pop(uid, None) is not None

    def wanting(self, key: Ref, now: datetime) -> tuple[RoomWanted, ...]:
        """Return the sessions for which a desktop of this pool could make room."""
        return tuple(each for each in self._wanting.values() if now < each.until and self._helps(key, each))

    def serve(self, uids: Iterable[str], *, served: bool = True) -> None:
        """Note that a desktop goes for each of these sessions, or that it has not gone."""
        for uid in uids:
            if (known := self._wanting.get(uid)) is not None:
                self._wanting[uid] = replace(known, served=served)

    def forget(self, uid: str) -> tuple[Ref | None, bool]:
        """Forget a session that is gone.

        Returns:
            The class whose pool must decide again about what it was offered, None without an offer; and whether all
            pools must know that it wants no room any more.
        """
        self.cold.pop(uid, None)
        return self.release(uid), self.has_room(uid)

    def refusal(self, key: Ref, now: datetime) -> Refusal | None:
        """Return what the API server refused a short while ago; None if a desktop may be tried."""
        known = self.refusals.get(key)
        if known is None or now < known.until:
            return known
        del self.refusals[key]
        return None

    def class_changed(self, key: Ref) -> None:
        """Forget what the API server refused for the class as it was."""
        self.refusals.pop(key, None)

    def pod_gone(self, ref: Ref, key: Ref | None) -> list[Ref]:
        """Forget a pod, and what was refused in its namespace for lack of room.

        Args:
            ref: the pod.
            key: the class for whose pool it was made, if no session has its desktop; else None.

        Returns:
            The pools and the sessions that may go on.
        """
        self.opened.discard(ref)
        if key is not None:
            self.departed[key].add(ref.name)
        in_namespace = ((key, each) for key, each in self.refusals.items() if key.namespace == ref.namespace)
        freed = [key for key, each in in_namespace if is_by_quota(each.message)]
        for key in freed:
            del self.refusals[key]
        refused = [uid for uid, each in self._wanting.items() if each.by_quota and each.namespace == ref.namespace]
        return freed + [each for each in map(self._cache.session_with, refused) if each is not None]

    def _candidates(self, key: Ref) -> Iterator[Ref]:
        """Iterate over the desktops of a pool that are offered to nobody: the rest of the line, and then all again."""
        line = self._lines[key]
        while line:
            yield line.popleft()
        line.extend(ref for ref in self._cache.pools.by_age(key) if ref not in self._offered)
        while line:
            yield line.popleft()

    def _helps(self, key: Ref, wanted: RoomWanted) -> bool:
        if wanted.by_quota:
            return wanted.namespace == key.namespace
        of_pool = self._cache.session_class(key.namespace, key.name)
        of_session = self._cache.session_class(wanted.namespace, wanted.class_name)
        return of_pool is not None and of_session is not None and _place(of_pool.spec) == _place(of_session.spec)


def _place(spec: ClassSpec) -> tuple[object, ...]:
    return spec.node_selector, spec.tolerations, spec.affinity, spec.runtime_class_name
