"""Assign the capacity of a class: first come, first served."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from blendersessions.model.status import EXACT_POSITIONS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from blendersessions.model.session import Session


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


def rounded(position: int) -> int:
    """Return the queue position that a session is told: exact up to 20, then rounded up to 50, 100, 200, 500 and so on.

    Each departure moves all who wait. With rounded positions it changes the status of few of them.
    """
    if position <= EXACT_POSITIONS:
        return position
    return next(boundary for boundary in boundaries(position + 1) if boundary >= position)


def boundaries(length: int) -> Iterator[int]:
    """Iterate over the positions that are told in a line of this length after the exact ones, and the last exact one.

    The last value is the first that is not below the length.
    """
    yield EXACT_POSITIONS
    boundary, power = EXACT_POSITIONS, 1
    while boundary < length:
        power *= 10
        for step in (2, 5, 10):
            if boundary < step * power:
                boundary = step * power
                yield boundary
