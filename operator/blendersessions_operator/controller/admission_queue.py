"""Decide which sessions of a class may run, by the sessions and pods in the cache."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, TypeAlias

from blendersessions_operator.planning.admission import AdmissionRequest, requested_at
from blendersessions_operator.planning.admission_line import AdmissionLine

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from blendersessions.model.manifest import Ref
    from blendersessions.model.session import Session
    from blendersessions.model.session_class import Limits
    from blendersessions_operator.controller.cache import ObjectCache
    from blendersessions_operator.controller.claim_queue import ClaimQueue
    from blendersessions_operator.controller.start_refusals import StartRefusals

Place: TypeAlias = "tuple[str, str]"
"""Namespace and name of a class."""


class AdmissionQueue:
    """Assigns the capacity of each class. An admission counts at once, before the cache shows a pod.

    Of a class with limits it keeps the line. The cache tells which sessions may stand elsewhere in it now, so a change
    costs no more than the sessions that it concerns.
    """

    def __init__(self, cache: ObjectCache, refusals: StartRefusals, claims: ClaimQueue) -> None:
        self._cache = cache
        self._refusals = refusals
        self._claims = claims
        self._admitted: set[str] = set()
        """UIDs of the sessions that hold capacity."""
        self._leaving: dict[Ref, tuple[Place, AdmissionRequest]] = {}
        """By their pods: the sessions that are gone while their pods still run, each with its class."""
        self._request_times: dict[str, tuple[Session, datetime]] = {}
        """The request time of each session, and the state of the session that it was computed from."""
        self._lines: dict[Place, AdmissionLine] = {}
        self._place_of: dict[str, Place] = {}
        """The class in whose line each session is, by its UID."""
        self._changed: defaultdict[Place, set[Ref]] = defaultdict(set)
        """By class: the sessions that must be looked at again before anything is decided."""
        cache.on_capacity_change = self._note

    def position(self, session: Session, limits: Limits, now: datetime) -> int | None:
        """Return the queue position of a session, rounded; None if it may run. The call admits a session that may run.

        A position above 20 is rounded up, see `planning.admission.rounded`.
        """
        place = session.namespace, session.spec.class_name
        if limits.sessions is None and limits.sessions_per_owner is None:
            self._drop_line(place)
            return None
        if session.suspend_requested or session.deleting:
            return None
        line = self._line(place)
        if line.limits != limits:
            line.limits = limits
            self._changed[place].add(session.ref)
        self._update(place, now)
        if line.may_run(session.uid):
            line.admit(session.uid)
            self._admitted.add(session.uid)
        return line.tell(session.uid)

    def release(self, uid: str) -> None:
        """Free the capacity of a session that is gone or suspended."""
        self._request_times.pop(uid, None)
        if uid in self._admitted:
            self._admitted.discard(uid)
            if (ref := self._cache.session_with(uid)) is not None:
                self._note([ref])

    def left(self, session: Session) -> None:
        """Keep the capacity of a session that is gone until its pod, which may still be ending, is gone too."""
        self._take_out(session.uid)
        if self._cache.has_pod(session):
            request = AdmissionRequest(session.uid, _counted_for(session), session.created_at, has_desktop=True)
            place = session.namespace, session.spec.class_name
            self._leaving[session.desktop.ref("Pod")] = place, request
            if place in self._lines:
                self._lines[place].put(request)

    def outdated(self, now: datetime) -> list[Ref]:
        """Return the waiting sessions that may run now, or whose queue position is another than they were told."""
        found: list[Ref] = []
        for place in list(self._changed):
            self._update(place, now)
            uids = self._lines[place].outdated()
            found += [ref for ref in map(self._cache.session_with, uids) if ref is not None]
            del self._changed[place]
        return found

    def _note(self, changed: Iterable[Ref]) -> None:
        """Note sessions that changed, or pods that came or went."""
        for ref in changed:
            session = self._cache.session(ref)
            if session is None:
                self._note_pod(ref)
                continue
            place = session.namespace, session.spec.class_name
            if place in self._lines:
                self._changed[place].add(ref)
            former = self._place_of.get(session.uid, place)
            if former != place:
                self._take_out(session.uid)

    def _note_pod(self, ref: Ref) -> None:
        """Free the capacity of a session that went before its pod, if the pod is gone too."""
        if ref in self._leaving and not self._cache.knows(ref):
            place, request = self._leaving.pop(ref)
            if place in self._lines:
                self._lines[place].discard(request.uid)
                self._changed[place].update()

    def _line(self, place: Place) -> AdmissionLine:
        line = self._lines.get(place)
        if line is None:
            line = self._lines[place] = AdmissionLine()
            self._changed[place] = {session.ref for session in self._cache.sessions_of_class(*place)}
            for of_place, request in self._leaving.values():
                if of_place == place:
                    line.put(request)
        return line

    def _drop_line(self, place: Place) -> None:
        """Forget the line of a class that has no limits any more."""
        if self._lines.pop(place, None) is not None:
            self._changed.pop(place, None)
            self._place_of = {uid: other for uid, other in self._place_of.items() if other != place}

    def _take_out(self, uid: str) -> None:
        place = self._place_of.pop(uid, None)
        if place is not None:
            self._lines[place].discard(uid)
            self._changed[place].update()

    def _update(self, place: Place, now: datetime) -> None:
        """Bring a line up to date with the sessions that changed."""
        changed, line = self._changed[place], self._lines[place]
        while changed:
            session = self._cache.session(changed.pop())
            if session is None or (session.namespace, session.spec.class_name) != place:
                continue
            request = self._request(session, now)
            if request is None:
                self._take_out(session.uid)
            else:
                line.put(request)
                self._place_of[session.uid] = place

    def _request(self, session: Session, now: datetime) -> AdmissionRequest | None:
        """Return what a session has or wants of its class; None if it has no desktop and wants none.

        One that is refused holds no capacity, or a few of them would shut out everybody else. One that waits for its
        volume holds none either. Otherwise it could wait for a session that waits for capacity.
        """
        if session.suspend_requested:
            self.release(session.uid)
        has_pod = self._cache.has_pod(session)
        if not (has_pod or self._wants(session)):
            return None
        has_desktop = session.uid in self._admitted or session.status.started_at is not None or has_pod
        requested = self._requested_at(session, now)
        return AdmissionRequest(session.uid, _counted_for(session), requested, has_desktop)

    def _wants(self, session: Session) -> bool:
        """Return whether a session would start if the class had capacity."""
        if session.deleting or session.suspend_requested or self._refusals.refuses(session):
            return False
        return self._claims.holder(session) is None

    def _requested_at(self, session: Session, now: datetime) -> datetime:
        """Return when a session requested its desktop, computed once for each state of the session."""
        former = self._request_times.get(session.uid)
        if former is None or former[0] is not session:
            former = self._request_times[session.uid] = session, requested_at(session, now)
        return former[1]


def _counted_for(session: Session) -> str:
    """Return the owner whose limit a session counts for. A session without an owner counts for its own UID."""
    return session.spec.owner or session.uid
