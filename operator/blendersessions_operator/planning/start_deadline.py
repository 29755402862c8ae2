"""When a session began to start, or to start again, and when that takes too long."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from blendersessions.model.conditions import ConditionType, Reason
from blendersessions.model.fields import in_milliseconds
from blendersessions_operator.planning import podstate
from blendersessions_operator.planning.observed import own_pod

if TYPE_CHECKING:
    from datetime import datetime

    from blendersessions.model.session import Session
    from blendersessions_operator.planning.observed import Observed


HELD_UP: Final = (
    Reason.WORKSPACE_IN_USE,
    Reason.WORKSPACE_NOT_FOUND,
    Reason.WORKSPACE_NOT_ALLOWED,
    Reason.SCENE_NOT_FOUND,
    Reason.SCENE_NOT_ALLOWED,
    Reason.CLASS_FILES_NOT_FOUND,
    Reason.CLASS_FILES_NOT_ALLOWED,
    Reason.CLASS_NOT_FOUND,
    Reason.CLASS_INVALID,
    Reason.BEYOND_CLASS,
)
"""Reasons of `DesktopReady` with which a session has not begun to start."""


def started_at(session: Session, observed: Observed) -> datetime | None:
    """Return the beginning of the current run: from the status, or computed if the run begins now; None without one."""
    former = session.status
    if former.started_at is not None or not observed.may_start or session.suspend_requested:
        return former.started_at
    desktop = former.condition(ConditionType.DESKTOP_READY)
    held_up = desktop is not None and desktop.reason in HELD_UP
    waited = former.queue is not None or former.suspension is not None or held_up
    return in_milliseconds(observed.now if waited else session.created_at)


def starting_since(session: Session, observed: Observed) -> datetime | None:
    """Return since when the session is being started, or started again in the same run; None if it is not.

    A session that was ready is being started again for as long as its scene is not on screen. A connection that is
    missing then is no start.
    """
    if session.suspend_requested or session.deleting or observed.waits:
        return None
    if session.status.ready_at is None:
        return started_at(session, observed)
    scene = session.status.condition(ConditionType.SCENE_READY)
    return scene.last_transition_time if scene is not None and not scene.holds else None


def start_deadline(session: Session, observed: Observed) -> timedelta | None:
    """Return how long the start may take; None without a deadline.

    Once the desktop runs, it has its class's time for an upload, or for what comes from a URL, on top of that.
    """
    settings, pod = observed.settings, own_pod(session, observed)
    if settings is None or settings.start_deadline is None:
        return None
    scene, transfer = session.spec.scene, settings.transfer
    if pod is None or not podstate.is_running(pod) or not (scene.url or scene.upload is not None):
        return settings.start_deadline
    return settings.start_deadline + (transfer.fetch_timeout if scene.url else transfer.upload_deadline)


def time_to_deadline(session: Session, observed: Observed) -> timedelta | None:
    """Return the time until the start deadline; None if the session is not starting, or has no deadline left."""
    deadline = start_deadline(session, observed)
    # The beginning of a first start is not in the status before it is written; then the next look computes the time.
    since = starting_since(session, observed) if session.status.started_at is not None else None
    if since is None or deadline is None:
        return None
    left = since + deadline - observed.now
    return left if left > timedelta() else None
