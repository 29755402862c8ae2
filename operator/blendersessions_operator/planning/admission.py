"""Assign the capacity of a class: first come, first served."""

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
    """The owner whose limit the session counts for. A session without an owner counts for its own UID."""
    requested_at: datetime
    """When the session requested its desktop."""
    has_desktop: bool
    """Whether the session has a desktop, or was admitted to one."""


@dataclass(frozen=True)
class Admission:
    """Which sessions get a desktop now, and the queue positions of the others."""

    admitted: frozenset[str] = frozenset()
    """UIDs of the sessions that may run."""
    positions: dict[str, int] = field(default_factory=dict)
    """Queue positions by UID, counted from 1."""


def requested_at(session: Session, now: datetime) -> datetime:
    """Return when a session requested its desktop: at its creation, or at its resume.

    The API server records a creation in whole seconds. Within one second, the session that was seen first comes first.
    The result is kept in `status.queuedAt`, so that it does not change.
    """
    queue = session.status.queue
    if queue is not None and queue.queued_at is not None:
        return queue.queued_at
    if session.status.suspension is not None:
        return now
    return max(session.created_at, min(now, session.created_at + timedelta(milliseconds=999)))


def admit(requests: Iterable[AdmissionRequest], limits: Limits) -> Admission:
    """Assign the capacity of a class to its sessions.

    A session that has a desktop keeps it, even if a limit was lowered below the number of running sessions. The others
    are admitted in the order of their requests. A session whose owner is at the owner's limit is passed over, and keeps
    its queue position. So no session waits for ever, and no capacity stays unused that another session could take.

    Args:
        requests: all sessions of the class that have a desktop or want one.
        limits: the limits of the class.
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
        owner_may = limits.sessions_per_owner is None or per_owner[request.owner] < limits.sessions_per_owner
        if owner_may and (free is None or free > 0):
            admitted.add(request.uid)
            per_owner[request.owner] += 1
            free = None if free is None else free - 1
        else:
            positions[request.uid] = len(positions) + 1
    return Admission(frozenset(admitted), positions)
