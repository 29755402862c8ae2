"""Admission as it is defined: by looking at the whole class each time. The line must decide alike."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from blendersessions.model.session_class import Limits
    from blendersessions_operator.planning.admission import AdmissionRequest


@dataclass(frozen=True)
class Admission:
    """Which sessions get a desktop now, and the queue positions of the others."""

    admitted: frozenset[str] = frozenset()
    """UIDs of the sessions that may run."""
    positions: dict[str, int] = field(default_factory=dict)
    """Queue positions by UID, counted from 1."""


def admit(requests: Iterable[AdmissionRequest], limits: Limits) -> Admission:
    """Assign the capacity of a class to all sessions that have a desktop or want one."""
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
