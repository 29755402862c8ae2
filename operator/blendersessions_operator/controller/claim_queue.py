"""Decide which session may use a volume, by the sessions and pods in the cache: one volume, one desktop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blendersessions.model.conditions import ConditionType, Reason
from blendersessions.model.manifest import Ref, controller_uid, ref_of
from blendersessions_operator.planning.claims import ClaimRequest, first_of, in_use_by
from blendersessions_operator.resources.volume_claim import claim_name

if TYPE_CHECKING:
    from blendersessions.model.session import Session
    from blendersessions_operator.controller.cache import ObjectCache
    from blendersessions_operator.controller.start_refusals import StartRefusals


class ClaimQueue:
    """Gives each volume to one session at a time. It counts at once, before the cache shows a pod."""

    def __init__(self, cache: ObjectCache, refusals: StartRefusals) -> None:
        self._cache = cache
        self._refusals = refusals
        self._given: dict[tuple[str, str], str] = {}
        """By namespace and claim: UID of the session to which the volume was given last."""

    def holder(self, session: Session) -> Ref | None:
        """Return what has the volume of a session that would start; None if it may start, or cannot for other reasons.

        The call gives the volume to a session that may start.
        """
        key = session.namespace, claim_name(session)
        if not key[1] or session.suspend_requested or session.deleting or self._has_pod(session):
            return None
        if len(self._cache.sessions_of_claim(*key)) < 2 and not self._cache.pods_of_claim(*key):
            # So it is most of the time, and nothing more is computed.
            self._given[key] = session.uid
            return None
        if not self._wants(session):
            return None
        for pod in self._cache.pods_of_claim(*key):
            return self._cache.session_with(controller_uid(pod) or "") or ref_of(pod)
        rivals = {other.uid: other for other in self._cache.sessions_of_claim(*key) if self._wants(other)}
        first = first_of(
            ClaimRequest(
                uid=other.uid,
                given=self._given.get(key) == other.uid,
                started=other.status.started_at is not None,
                created_at=other.created_at,
            )
            for other in rivals.values()
        )
        if first != session.uid:
            return rivals[first].ref
        self._given[key] = session.uid
        return None

    def forget(self, session: Session) -> None:
        """Forget a session that is gone."""
        key = session.namespace, claim_name(session)
        if self._given.get(key) == session.uid:
            del self._given[key]

    def changed_holders(self, session: Session) -> list[Ref]:
        """Return the sessions that wait for the volume of this session, and whose status says so wrongly by now."""
        waiting = []
        for other in self._cache.sessions_of_claim(session.namespace, claim_name(session)):
            desktop = other.status.condition(ConditionType.DESKTOP_READY)
            if other.uid == session.uid or desktop is None or desktop.reason != Reason.WORKSPACE_IN_USE:
                continue
            holder = self.holder(other)
            if holder is None or in_use_by(holder) not in desktop.message:
                waiting.append(other.ref)
        return waiting

    def _wants(self, session: Session) -> bool:
        """Return whether a session would start if the volume were free. One that is refused holds up nobody."""
        return not (session.suspend_requested or session.deleting or self._refusals.refuses(session))

    def _has_pod(self, session: Session) -> bool:
        pod = self._cache.get(session.desktop.ref("Pod"))
        return pod is not None and controller_uid(pod) == session.uid
