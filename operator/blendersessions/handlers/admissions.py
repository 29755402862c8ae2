"""Which sessions of a class may run, worked out from the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blendersessions.model.manifest import Ref
from blendersessions.planning.admission import Admission, Claim, admit, wished_at

if TYPE_CHECKING:
    from datetime import datetime

    from blendersessions.handlers.store import Store
    from blendersessions.model.session import Session
    from blendersessions.model.session_class import Limits


class Admissions:
    """Shares out the room of each class. Room that was given counts at once, before any write tells of it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._given: set[str] = set()
        self._taken_back = 0
        self._wishes: dict[str, tuple[Session, datetime]] = {}
        self._known: dict[tuple[str, str], tuple[object, Admission]] = {}

    def position(self, session: Session, limits: Limits, now: datetime) -> int | None:
        """Return the session's place in the line; None when it may run, which is settled by asking."""
        if session.resting or session.deleting or (limits.sessions is None and limits.sessions_per_owner is None):
            return None
        admission = self._admission(session, limits, now)
        if session.uid in admission.admitted:
            self._given.add(session.uid)
        return admission.positions.get(session.uid)

    def forget(self, uid: str) -> None:
        """Take back the room of a session that is gone or suspended."""
        self._wishes.pop(uid, None)
        if uid in self._given:
            self._given.discard(uid)
            self._taken_back += 1

    def news(self, session: Session, limits: Limits, now: datetime) -> list[Ref]:
        """Return the sessions of the same class that wait and whose place has changed."""
        if limits.sessions is None and limits.sessions_per_owner is None:
            return []
        positions = self._admission(session, limits, now).positions
        return [
            other.ref
            for other in self._store.waiting(session.namespace, session.spec.class_name)
            if other.status["queuePosition"] != positions.get(other.uid)
        ]

    def _admission(self, session: Session, limits: Limits, now: datetime) -> Admission:
        key = session.namespace, session.spec.class_name
        state = (self._store.revision, self._taken_back, limits)
        known = self._known.get(key)
        if known is not None and known[0] == state:
            return known[1]
        others = self._store.sessions_of_class(*key)
        claims = [self._claim(other, now) for other in others if not self._is_out(other)]
        admission = admit(claims, limits)
        self._known[key] = (state, admission)
        return admission

    def _claim(self, session: Session, now: datetime) -> Claim:
        if session.resting:
            self.forget(session.uid)
        holds = session.uid in self._given or "startedAt" in session.status or self._has_pod(session)
        return Claim(
            session.uid,
            session.spec.owner or session.uid,
            self._wished_at(session, now),
            holds,
        )

    def _wished_at(self, session: Session, now: datetime) -> datetime:
        """Return since when a session wants a desktop, as it was when this state of the session was first seen."""
        known = self._wishes.get(session.uid)
        if known is None or known[0] is not session:
            known = self._wishes[session.uid] = session, wished_at(session, now)
        return known[1]

    def _is_out(self, session: Session) -> bool:
        """Whether a session neither has a desktop nor wants one."""
        return session.deleting or (session.resting and not self._has_pod(session))

    def _has_pod(self, session: Session) -> bool:
        return self._store.get(Ref("Pod", session.namespace, session.desktop_name)) is not None
