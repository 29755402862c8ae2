"""What to say about a session: its whole status, from what was observed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from blendersessions.model.conditions import Condition, ConditionType, Reason, set_condition
from blendersessions.model.fields import in_milliseconds
from blendersessions.model.status import (
    Phase,
    Queue,
    ReportedActivity,
    ReportedConnection,
    SessionStatus,
    StartPath,
    Startup,
    Suspension,
)
from blendersessions.model.suspension import RESUME
from blendersessions_operator.planning.admission import requested_at
from blendersessions_operator.planning.conditions import compute_conditions, started_at
from blendersessions_operator.planning.observed import Observed, own_pod
from blendersessions_operator.resources.connection import client_url
from blendersessions_operator.resources.volume_claim import claim_name

if TYPE_CHECKING:
    from datetime import datetime

    from blendersessions.model.session import Session

STILL_ACTIVE: Final = timedelta(minutes=1)
"""`lastActiveAt` is written when it moved by more, or when something else is written: it is for people."""


def status(session: Session, observed: Observed) -> SessionStatus:
    """Compute the whole status; it equals the last one when nothing changed."""
    stated = compute_conditions(session, observed)
    conditions = session.status.conditions
    for condition in stated.values():
        conditions = set_condition(conditions, condition, generation=session.generation, now=observed.now)
    opens = stated[ConditionType.READY].holds
    begun = _started_at(session, observed)
    ready_at, startup = _readiness(session, observed, begun, opens=opens)
    return SessionStatus(
        observed_generation=session.generation,
        conditions=conditions,
        phase=_phase(session, stated, observed),
        queue=_queue(session, observed),
        started_at=begun,
        ready_at=ready_at,
        startup=startup,
        connection=_connection(session, observed),
        desktop_name=session.desktop.name if own_pod(session, observed) is not None else "",
        workspace_claim=claim_name(session),
        suspension=session.status.suspension if session.suspend_requested else None,
        client_url=_client_url(session, observed) if opens else "",
        view_url=_view_url(session, observed) if opens else "",
        activity=_activity(session, observed, begun, ready_at) if ready_at and not session.deleting else None,
    )


def with_suspension(session: Session, reason: Reason, now: datetime) -> SessionStatus:
    """Compute the status that notes a suspension, and which wish to resume there was already.

    A session that is made suspended has no status yet: `Ready` stands in its first one, as in every other.
    """
    suspension = Suspension(reason, in_milliseconds(now), session.annotations.get(RESUME, ""))
    noted = replace(session.status, suspension=suspension)
    if noted.conditions:
        return noted
    ready = Condition(ConditionType.READY, "False", Reason.SUSPENDING, "The session is to be suspended.")
    return replace(
        noted,
        observed_generation=session.generation,
        conditions=set_condition((), ready, generation=session.generation, now=now),
        phase=Phase.SUSPENDING,
    )


def _queue(session: Session, observed: Observed) -> Queue | None:
    if session.suspend_requested or observed.position is None:
        return None
    return Queue(observed.position, in_milliseconds(requested_at(session, observed.now)))


def _started_at(session: Session, observed: Observed) -> datetime | None:
    if session.suspend_requested or observed.position is not None:
        return None
    return started_at(session, observed)


def _readiness(
    session: Session, observed: Observed, begun: datetime | None, *, opens: bool
) -> tuple[datetime | None, Startup | None]:
    """Return since when the run that began then is ready, and how it was started."""
    former = session.status if begun is not None else SessionStatus()
    if former.ready_at is not None or not opens:
        return former.ready_at, former.startup
    # Its beginning is not known when the status was lost, and the class by which it would start is gone.
    seconds = (observed.now - begun).total_seconds() if begun is not None else 0.0
    startup = Startup(StartPath.COLD, round(max(0.0, seconds), 3))
    return in_milliseconds(observed.now), startup if begun is not None else None


def _connection(session: Session, observed: Observed) -> ReportedConnection | None:
    record = observed.access.connections.get(session.desktop.name)
    if record is not None:
        return ReportedConnection(record.name, record.identifier, observed.access.data_source)
    # Whoever removes the rest must still know which tunnels were the session's.
    return session.status.connection if session.deleting else None


def _client_url(session: Session, observed: Observed) -> str:
    access = observed.access
    return client_url(observed.installation.public_url, access.connections[session.desktop.name], access.data_source)


def _view_url(session: Session, observed: Observed) -> str:
    access = observed.access
    shown = access.connections.get(session.desktop.view_connection) if session.spec.viewers else None
    return client_url(observed.installation.public_url, shown, access.data_source) if shown is not None else ""


def _activity(session: Session, observed: Observed, begun: datetime | None, ready_at: datetime) -> ReportedActivity:
    activity = replace(observed.activity, started_at=begun, ready_at=ready_at)
    decision = replace(observed, activity=activity).lifetime
    ends = decision.expires_at is not None and decision.reason is not None
    stated = ReportedActivity(
        users=observed.users,
        kept_alive_by=decision.kept_alive_by,
        expires_at=in_milliseconds(decision.expires_at) if decision.expires_at is not None and ends else None,
        expiry_reason=decision.reason if ends else None,
    )
    if decision.last_active_at is None:
        return stated
    former = session.status.activity
    if (
        former is not None
        and former.last_active_at is not None
        and replace(former, last_active_at=None) == stated
        and decision.last_active_at - former.last_active_at < STILL_ACTIVE
    ):
        return former
    return replace(stated, last_active_at=in_milliseconds(decision.last_active_at))


def _phase(session: Session, stated: dict[str, Condition], observed: Observed) -> Phase:
    if session.deleting:
        return Phase.TERMINATING
    if session.suspend_requested:
        return Phase.SUSPENDED if stated[ConditionType.SUSPENDED].holds else Phase.SUSPENDING
    if stated[ConditionType.STALLED].holds:
        return Phase.FAILED
    if stated[ConditionType.READY].holds:
        return Phase.READY
    if observed.position is not None:
        return Phase.QUEUED
    return Phase.STARTING if own_pod(session, observed) is not None else Phase.PENDING
