"""Which sessions of a class may run, worked out from the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blendersessions.model.manifest import Ref
from blendersessions_operator.planning.admission import Admission, AdmissionRequest, admit, requested_at

if TYPE_CHECKING:
    from datetime import datetime

    from blendersessions.model.session import Session
    from blendersessions.model.session_class import Limits
    from blendersessions_operator.controller.cache import ObjectCache


class AdmissionQueue:
    """Shares out the room of each class. Room that was given counts at once, before any write tells of it."""

    def __init__(self, store: ObjectCache) -> None:
        self._store = store
        self._admitted: set[str] = set()
        self._released = 0
        self._requested: dict[str, tuple[Session, datetime]] = {}
        self._known: dict[tuple[str, str], tuple[object, Admission]] = {}

    def position(self, session: Session, limits: Limits, now: datetime) -> int | None:
        """Return the session's place in the line; None when it may run, which is settled by asking."""
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
        """Take back the room of a session that is gone or suspended."""
        self._requested.pop(uid, None)
        if uid in self._admitted:
            self._admitted.discard(uid)
            self._released += 1

    def changed_positions(self, session: Session, limits: Limits, now: datetime) -> list[Ref]:
        """Return the sessions of the same class that wait and whose place has changed."""
        if limits.sessions is None and limits.sessions_per_owner is None:
            return []
        positions = self._admission(session, limits, now).positions
        return [
            other.ref
            for other in self._store.waiting(session.namespace, session.spec.class_name)
            if other.status.queue is None or other.status.queue.position != positions.get(other.uid)
        ]

    def _admission(self, session: Session, limits: Limits, now: datetime) -> Admission:
        key = session.namespace, session.spec.class_name
        state = (self._store.revision, self._released, limits)
        known = self._known.get(key)
        if known is not None and known[0] == state:
            return known[1]
        others = self._store.sessions_of_class(*key)
        requests = [self._request(other, now) for other in others if not self._is_out(other)]
        admission = admit(requests, limits)
        self._known[key] = (state, admission)
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
        """Return since when a session wants a desktop, as it was when this state of the session was first seen."""
        known = self._requested.get(session.uid)
        if known is None or known[0] is not session:
            known = self._requested[session.uid] = session, requested_at(session, now)
        return known[1]

    def _is_out(self, session: Session) -> bool:
        """Whether a session neither has a desktop nor wants one."""
        return session.deleting or (session.suspend_requested and not self._has_pod(session))

    def _has_pod(self, session: Session) -> bool:
        return self._store.get(Ref("Pod", session.namespace, session.desktop.name)) is not None
