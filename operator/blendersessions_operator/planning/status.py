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
    result = SessionStatus(
        observed_generation=session.generation,
        conditions=conditions,
        phase=_phase(session, stated, observed),
        connection=_connection(session, observed),
        desktop_name=session.desktop.name if own_pod(session, observed) is not None else "",
        workspace_claim=claim_name(session),
        suspension=session.status.suspension if session.suspend_requested else None,
    )
    result = _with_run(result, session, observed)
    if session.deleting:
        return result
    if stated[ConditionType.READY].holds:
        result = _with_way_in(_with_readiness(result, observed), session, observed)
    return replace(result, activity=_activity(session, observed, result)) if result.ready_at is not None else result


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


def _with_run(result: SessionStatus, session: Session, observed: Observed) -> SessionStatus:
    """Add what is kept of the present run: since when it waits, starts, and is ready."""
    if session.suspend_requested:
        return result
    if observed.position is not None:
        return replace(result, queue=Queue(observed.position, in_milliseconds(requested_at(session, observed.now))))
    started, former = started_at(session, observed), session.status
    if started is None:
        return result
    return replace(result, started_at=started, ready_at=former.ready_at, startup=former.startup)


def _connection(session: Session, observed: Observed) -> ReportedConnection | None:
    record = observed.access.connections.get(session.desktop.name)
    if record is not None:
        return ReportedConnection(record.name, record.identifier, observed.access.data_source)
    # Whoever removes the rest must still know which tunnels were the session's.
    return session.status.connection if session.deleting else None


def _with_way_in(result: SessionStatus, session: Session, observed: Observed) -> SessionStatus:
    access, base = observed.access, observed.installation.public_url
    shown = access.connections.get(session.desktop.view_connection) if session.spec.viewers else None
    return replace(
        result,
        client_url=client_url(base, access.connections[session.desktop.name], access.data_source),
        view_url=client_url(base, shown, access.data_source) if shown is not None else "",
    )


def _with_readiness(result: SessionStatus, observed: Observed) -> SessionStatus:
    if result.ready_at is not None:
        return result
    ready_at = in_milliseconds(observed.now)
    if result.started_at is None:
        # Nobody knows when it began: its status was lost, and its class is not there to start it by.
        return replace(result, ready_at=ready_at)
    seconds = max(0.0, (observed.now - result.started_at).total_seconds())
    return replace(result, ready_at=ready_at, startup=Startup(StartPath.COLD, round(seconds, 3)))


def _activity(session: Session, observed: Observed, run: SessionStatus) -> ReportedActivity:
    activity = replace(observed.activity, started_at=run.started_at, ready_at=run.ready_at)
    decision = replace(observed, activity=activity).lifetime
    stated = ReportedActivity(users=observed.users, kept_alive_by=decision.kept_alive_by)
    if decision.expires_at is not None and decision.reason is not None:
        ends = in_milliseconds(decision.expires_at)
        stated = replace(stated, expires_at=ends, expiry_reason=decision.reason)
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
