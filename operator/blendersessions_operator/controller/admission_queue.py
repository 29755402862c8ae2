"""Decide which sessions of a class may run, by the sessions and pods in the cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blendersessions_operator.planning.admission import Admission, AdmissionRequest, admit, requested_at

if TYPE_CHECKING:
    from datetime import datetime

    from blendersessions.model.manifest import Ref
    from blendersessions.model.session import Session
    from blendersessions.model.session_class import Limits
    from blendersessions_operator.controller.cache import ObjectCache
    from blendersessions_operator.controller.claim_queue import ClaimQueue
    from blendersessions_operator.controller.start_refusals import StartRefusals


class AdmissionQueue:
    """Assigns the capacity of each class. An admission counts at once, before the cache shows a pod."""

    def __init__(self, cache: ObjectCache, refusals: StartRefusals, claims: ClaimQueue) -> None:
        self._cache = cache
        self._refusals = refusals
        self._claims = claims
        self._admitted: set[str] = set()
        """UIDs of the sessions that hold capacity."""
        self._leaving: dict[Ref, tuple[tuple[str, str], AdmissionRequest]] = {}
        """By their pods: the sessions that are gone while their pods still run, each with its class."""
        self._releases = 0
        """Changes with each release, so that the admissions are computed again."""
        self._request_times: dict[str, tuple[Session, datetime]] = {}
        """The request time of each session, and the state of the session that it was computed from."""
        self._admissions: dict[tuple[str, str], tuple[object, Admission]] = {}
        """The last admission of each class, and the state that it was computed from."""

    def position(self, session: Session, limits: Limits, now: datetime) -> int | None:
        """Return the queue position of a session; None if it may run. The call admits a session that may run."""
        if (
            session.suspend_requested
            or session.deleting
            or (limits.sessions is None and limits.sessions_per_owner is None)
        ):
            return None
        admission = self._admission(session, limits, now)
        if session.uid in admission.admitted:
            self._admitted.add(session.uid)
        return admission.positions.get(session.uid)

    def release(self, uid: str) -> None:
        """Free the capacity of a session that is gone or suspended."""
        self._request_times.pop(uid, None)
        if uid in self._admitted:
            self._admitted.discard(uid)
            self._releases += 1

    def left(self, session: Session) -> None:
        """Keep the capacity of a session that is gone until its pod, which may still be ending, is gone too."""
        if self._has_pod(session):
            request = AdmissionRequest(session.uid, session.spec.owner or session.uid, session.created_at, True)
            self._leaving[session.desktop.ref("Pod")] = (session.namespace, session.spec.class_name), request

    def freed_by(self, pod: Ref) -> list[Ref]:
        """Return the waiting sessions that may get the capacity of a pod that is gone, if its session went before."""
        if pod not in self._leaving or self._cache.get(pod) is not None:
            return []
        (namespace, name), _ = self._leaving.pop(pod)
        return [each.ref for each in self._cache.waiting(namespace, name)]

    def changed_positions(self, session: Session, limits: Limits, now: datetime) -> list[Ref]:
        """Return the waiting sessions of the same class whose queue position differs from their status."""
        if limits.sessions is None and limits.sessions_per_owner is None:
            return []
        positions = self._admission(session, limits, now).positions
        return [
            other.ref
            for other in self._cache.waiting(session.namespace, session.spec.class_name)
            if other.status.queue is None or other.status.queue.position != positions.get(other.uid)
        ]

    def _admission(self, session: Session, limits: Limits, now: datetime) -> Admission:
        key = session.namespace, session.spec.class_name
        state = (self._cache.revision, self._releases, limits)
        former = self._admissions.get(key)
        if former is not None and former[0] == state:
            return former[1]
        sessions = self._cache.sessions_of_class(*key)
        requests = [self._request(each, now) for each in sessions if self._takes_part(each)]
        requests += [
            request
            for pod, (place, request) in self._leaving.items()
            if place == key and self._cache.get(pod) is not None
        ]
        admission = admit(requests, limits)
        self._admissions[key] = (state, admission)
        return admission

    def _request(self, session: Session, now: datetime) -> AdmissionRequest:
        if session.suspend_requested:
            self.release(session.uid)
        has_desktop = session.uid in self._admitted or session.status.started_at is not None or self._has_pod(session)
        return AdmissionRequest(
            session.uid,
            session.spec.owner or session.uid,
            self._requested_at(session, now),
            has_desktop,
        )

    def _requested_at(self, session: Session, now: datetime) -> datetime:
        """Return when a session requested its desktop, computed once for each state of the session."""
        former = self._request_times.get(session.uid)
        if former is None or former[0] is not session:
            former = self._request_times[session.uid] = session, requested_at(session, now)
        return former[1]

    def _takes_part(self, session: Session) -> bool:
        """Return whether a session has a desktop or wants one.

        One that is refused holds no capacity, or a few of them would shut out everybody else. One that waits for its
        volume holds none either. Otherwise it could wait for a session that waits for capacity.
        """
        if self._has_pod(session):
            return True
        if session.deleting or session.suspend_requested or self._refusals.refuses(session):
            return False
        return self._claims.holder(session) is None

    def _has_pod(self, session: Session) -> bool:
        return self._cache.get(session.desktop.ref("Pod")) is not None
