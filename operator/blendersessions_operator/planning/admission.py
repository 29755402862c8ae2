"""Who may have a desktop when not everybody can: first come, first served."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from blendersessions.model.session import Session
    from blendersessions.model.session_class import Limits


@dataclass(frozen=True)
class AdmissionRequest:
    """One session that has a desktop, or wants one."""

    uid: str
    owner: str
    """Whose limit it counts for; a session without an owner is an owner of its own."""
    requested_at: datetime
    """Since when it wants one."""
    has_desktop: bool
    """Whether it has one, or is being given one."""


@dataclass(frozen=True)
class Admission:
    """Who gets a desktop now, and at which place of the line the others stand, counted from 1."""

    admitted: frozenset[str] = frozenset()
    positions: dict[str, int] = field(default_factory=dict)


def requested_at(session: Session, now: datetime) -> datetime:
    """Return since when a session wants a desktop: its creation, or the moment at which it was to go on.

    The API server tells a creation to the second. Within it, whoever was seen earlier came earlier; the answer is noted
    in `status.queuedAt`, so that it stays.
    """
    queue = session.status.queue
    if queue is not None and queue.queued_at is not None:
        return queue.queued_at
    if session.status.suspension is not None:
        return now
    return max(session.created_at, min(now, session.created_at + timedelta(milliseconds=999)))


def admit(requests: Iterable[AdmissionRequest], limits: Limits) -> Admission:
    """Share out the room that there is.

    Whoever has a desktop keeps it, also when a limit was lowered below what runs. The others are served by the time of
    their wish. One owner at his or her own limit is passed over, and keeps the place in the line: so nobody waits for
    ever, and no room stays empty that somebody could use.
    """
    requests = tuple(requests)
    running = [request for request in requests if request.has_desktop]
    waiting = sorted(
        (request for request in requests if not request.has_desktop),
        key=lambda request: (request.requested_at, request.uid),
    )
    per_owner = Counter(request.owner for request in running)
    free = None if limits.sessions is None else max(0, limits.sessions - len(running))
    admitted = {request.uid for request in running}
    positions: dict[str, int] = {}
    for request in waiting:
        within = limits.sessions_per_owner is None or per_owner[request.owner] < limits.sessions_per_owner
        if within and (free is None or free > 0):
            admitted.add(request.uid)
            per_owner[request.owner] += 1
            free = None if free is None else free - 1
        else:
            positions[request.uid] = len(positions) + 1
    return Admission(frozenset(admitted), positions)
