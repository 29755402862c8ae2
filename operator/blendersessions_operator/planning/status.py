"""Compute the whole status of a session from its observed state."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from blendersessions.model.conditions import Condition, ConditionType, Reason, set_condition, with_room_for_ours
from blendersessions.model.fields import in_milliseconds
from blendersessions.model.status import (
    Phase,
    Queue,
    ReportedActivity,
    ReportedConnection,
    SessionStatus,
    Startup,
    Suspension,
)
from blendersessions_operator.planning.admission import requested_at
from blendersessions_operator.planning.conditions import compute_conditions
from blendersessions_operator.planning.last_termination import last_termination
from blendersessions_operator.planning.observed import Observed, own_pod
from blendersessions_operator.planning.scene import FAILURES
from blendersessions_operator.planning.start_deadline import started_at
from blendersessions_operator.planning.warm_start import startup_of
from blendersessions_operator.resources.connection import client_url
from blendersessions_operator.resources.volume_claim import claim_name

if TYPE_CHECKING:
    from datetime import datetime

    from blendersessions.model.session import Session
    from blendersessions.model.status import LastSave
    from blendersessions_operator.planning.lifetime import Activity

LAST_ACTIVE_STEP: Final = timedelta(minutes=1)
"""A smaller change of `lastActiveAt` alone is not written: the field is for users, and each write costs a request."""


def status(session: Session, observed: Observed) -> SessionStatus:
    """Compute the whole status. It equals the last one if nothing changed."""
    current = compute_conditions(session, observed)
    conditions = with_room_for_ours(session.status.conditions)
    for condition in current.values():
        conditions = set_condition(conditions, condition, generation=session.generation, now=observed.now)
    ready = current[ConditionType.READY].holds
    started = _started_at(session, observed)
    ready_at, startup = _readiness(session, observed, started, ready=ready)
    failed_at = _failed_at(session, observed, current.get(ConditionType.STALLED)) if started and not ready_at else None
    activity = replace(observed.activity, started_at=started, ready_at=ready_at, failed_at=failed_at)
    wanted = SessionStatus(
        observed_generation=session.generation,
        conditions=conditions,
        phase=_phase(session, current, observed),
        queue=_queue(session, observed),
        started_at=started,
        ready_at=ready_at,
        startup=startup,
        connection=_connection(session, observed),
        replicas=1 if own_pod(session, observed) is not None else 0,
        desktop_name=_desktop_name(session, observed),
        workspace_claim=claim_name(session),
        suspension=_suspension(session, observed),
        client_url=_client_url(session, observed) if ready else "",
        view_url=_view_url(session, observed) if ready else "",
        activity=_activity(session, observed, activity) if activity.begun_at and not session.deleting else None,
        last_termination=last_termination(session, observed),
        blender_version=_blender_version(session, observed, started),
        scene_name=_scene_name(session, observed),
    )
    return wanted if _is_worth_a_write(session, wanted) else session.status


def with_suspension(session: Session, reason: Reason, now: datetime) -> SessionStatus:
    """Return the status that records why the session is suspended, or is about to be.

    A session that is created suspended has no status yet. Its first status has a `Ready` condition, as every other.
    """
    suspension = Suspension(reason, in_milliseconds(now), session.generation)
    status = replace(session.status, suspension=suspension)
    if status.conditions:
        return status
    ready = Condition(ConditionType.READY, "False", Reason.SUSPENDING, "The session is being suspended.")
    return replace(
        status,
        observed_generation=session.generation,
        conditions=set_condition((), ready, generation=session.generation, now=now),
        phase=Phase.SUSPENDING,
    )


def with_save(session: Session, save: LastSave) -> SessionStatus:
    """Return the status that records how the last save of a suspension ended."""
    suspension = session.status.suspension
    return replace(session.status, suspension=replace(suspension, save=save) if suspension is not None else None)


def _suspension(session: Session, observed: Observed) -> Suspension | None:
    recorded, decision = session.status.suspension, observed.lifetime
    if session.suspend_requested or recorded is None:
        return recorded
    # The record of an expiry stays until the scale is 0. An expiry that is taken back takes its record along.
    current = recorded.generation == session.generation and recorded.reason is decision.reason
    return recorded if current and decision.expired else None


def _blender_version(session: Session, observed: Observed, started: datetime | None) -> str:
    """Return the version of the desktop's Blender. With the next run it may be another one."""
    if observed.scene is not None and observed.scene.blender_version:
        return observed.scene.blender_version
    return session.status.blender_version if started is not None else ""


def _scene_name(session: Session, observed: Observed) -> str:
    scene = session.spec.scene
    if not scene.is_brought_in:
        return scene.sample
    opened = observed.scene.scene if observed.scene is not None and observed.scene.ready else ""
    return opened or session.status.scene_name


def _is_worth_a_write(session: Session, wanted: SessionStatus) -> bool:
    """Return whether more has changed than the version of Blender, of a session that is asked for other reasons."""
    former = session.status
    if session.spec.scene.is_brought_in or wanted.blender_version == former.blender_version:
        return True
    return replace(wanted, blender_version=former.blender_version) != former


def _queue(session: Session, observed: Observed) -> Queue | None:
    if session.suspend_requested or observed.position is None:
        return None
    return Queue(observed.position, in_milliseconds(requested_at(session, observed.now)))


def _started_at(session: Session, observed: Observed) -> datetime | None:
    if session.suspend_requested or observed.waits:
        return None
    return started_at(session, observed)


def _readiness(
    session: Session, observed: Observed, started: datetime | None, *, ready: bool
) -> tuple[datetime | None, Startup | None]:
    """Return when the current run first became ready, and how it was started."""
    former = session.status if started is not None else SessionStatus()
    if former.ready_at is not None or not ready:
        return former.ready_at, former.startup
    # The beginning is not known if the status was lost and the class is gone.
    seconds = (observed.now - started).total_seconds() if started is not None else 0.0
    startup = startup_of(session, observed, round(max(0.0, seconds), 3))
    return in_milliseconds(observed.now), startup if started is not None else None


def _desktop_name(session: Session, observed: Observed) -> str:
    """Return the name of the desktop that there is. One that was taken from a pool keeps its name without a pod too."""
    has_pod = own_pod(session, observed) is not None
    return session.desktop.name if has_pod or session.desktop.name != session.generated_name else ""


def _connection(session: Session, observed: Observed) -> ReportedConnection | None:
    record = observed.access.connections.get(session.desktop.name)
    if record is not None:
        return ReportedConnection(record.name, record.identifier, observed.access.data_source)
    # The identifier is kept in a deletion: without the connection, its tunnels are found by it.
    return session.status.connection if session.deleting else None


def _client_url(session: Session, observed: Observed) -> str:
    access = observed.access
    return client_url(observed.installation.public_url, access.connections[session.desktop.name], access.data_source)


def _view_url(session: Session, observed: Observed) -> str:
    access = observed.access
    record = access.connections.get(session.desktop.view_connection) if session.spec.viewers else None
    return client_url(observed.installation.public_url, record, access.data_source) if record is not None else ""


def _failed_at(session: Session, observed: Observed, stalled: Condition | None) -> datetime | None:
    """Return since when the scene has failed for the present reason; None if it has not."""
    if stalled is None or not stalled.holds or stalled.reason not in FAILURES:
        return None
    former = session.status.condition(ConditionType.STALLED)
    if former is not None and former.holds and former.reason == stalled.reason and observed.activity.failed_at:
        return observed.activity.failed_at
    return in_milliseconds(observed.now)


def _activity(session: Session, observed: Observed, activity: Activity) -> ReportedActivity:
    decision = replace(observed, activity=activity).lifetime
    expires = decision.expires_at is not None and decision.reason is not None
    reported = ReportedActivity(
        users=observed.users,
        kept_alive_by=decision.kept_alive_by,
        expires_at=in_milliseconds(decision.expires_at) if decision.expires_at is not None and expires else None,
        expiry_reason=decision.reason if expires else None,
    )
    if decision.last_active_at is None:
        return reported
    former = session.status.activity
    if (
        former is not None
        and former.last_active_at is not None
        and replace(former, last_active_at=None) == reported
        and decision.last_active_at - former.last_active_at < LAST_ACTIVE_STEP
    ):
        return former
    return replace(reported, last_active_at=in_milliseconds(decision.last_active_at))


def _phase(session: Session, conditions: dict[str, Condition], observed: Observed) -> Phase:
    if session.deleting:
        return Phase.TERMINATING
    if session.suspend_requested:
        return Phase.SUSPENDED if conditions[ConditionType.SUSPENDED].holds else Phase.SUSPENDING
    if conditions[ConditionType.STALLED].holds:
        return Phase.FAILED
    if conditions[ConditionType.READY].holds:
        return Phase.READY
    if observed.waits:
        return Phase.QUEUED
    return Phase.STARTING if own_pod(session, observed) is not None else Phase.PENDING
