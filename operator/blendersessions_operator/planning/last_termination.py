"""Keep how the last desktop ended: record it before its pod goes, name it in the next start, and tell the person."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from blendersessions.model.conditions import ConditionType
from blendersessions.model.manifest import ref_of
from blendersessions_operator.planning import podstate, steps
from blendersessions_operator.planning.desktop import restart_backoff
from blendersessions_operator.planning.endings import termination
from blendersessions_operator.planning.observed import Observed, is_new_claim, own_pod
from blendersessions_operator.planning.steps import Area

if TYPE_CHECKING:
    from blendersessions.model.session import Session
    from blendersessions.model.status import Termination
    from blendersessions_operator.planning.suspend import Stages

REPORT_TIME: Final = timedelta(minutes=2)
"""Longest time from the end of a desktop until `Ready` turns false because of it. A later change has another cause."""
MAX_CAUSE_CHARACTERS: Final = 360
"""A notice in the desktop takes 500 characters, with what became of the work."""


def last_termination(session: Session, observed: Observed) -> Termination | None:
    """Return the last end of a desktop that nobody asked for: what the pod shows now, or else what was recorded."""
    recorded, pod = session.status.last_termination, own_pod(session, observed)
    if pod is None or session.suspend_requested or session.deleting:
        return recorded
    if is_new_claim(session, observed):
        # Nobody has seen it. Another one is started in its place.
        return recorded
    seen = termination(pod)
    return recorded if seen is None or seen.same_end(recorded) else seen


def cause_of_start(session: Session, observed: Observed) -> Termination | None:
    """Return the end because of which the session is being started again; None if another cause made it start."""
    last, ready = last_termination(session, observed), session.status.condition(ConditionType.READY)
    if last is None or session.suspend_requested:
        return None
    since = ready.last_transition_time if ready is not None and not ready.holds else observed.now
    new = not last.same_end(session.status.last_termination)
    return last if new or since is None or last.at >= since - REPORT_TIME else None


def plan_recording(session: Session, observed: Observed) -> Stages:
    """Plan the replacement of a pod that ended, if only the pod shows how: this is recorded first."""
    pod = own_pod(session, observed)
    if pod is None or not podstate.has_ended(pod) or pod["metadata"].get("deletionTimestamp"):
        return ()
    record = recording(session, observed)
    if not record or Area.DESKTOP in observed.failures or restart_backoff(pod, observed.now):
        return ()
    return (*record, (steps.DeleteObject(ref_of({"kind": "Pod"} | pod), pod["metadata"]["uid"]),))


def recording(session: Session, observed: Observed) -> Stages:
    """Return the stage that records how the desktop ended; none if the status has it, or was never written."""
    last = last_termination(session, observed)
    if last is None or last == session.status.last_termination or not session.status.conditions:
        return ()
    return ((steps.RecordTermination(last),),)


def plan_telling(session: Session, observed: Observed) -> Stages:
    """Plan the notice in a new desktop that tells how the former one ended, and what became of the work."""
    last, pod = session.status.last_termination, own_pod(session, observed)
    if last is None or not last.notice_pending or Area.NOTICE in observed.failures:
        return ()
    if pod is None or not podstate.is_ready(pod):
        return ()
    if session.spec.workspace is not None:
        work = "Your files are in the workspace; what was not saved there since the last automatic save is lost."
    else:
        work = "What was in it is lost."
    cause = last.message if len(last.message) <= MAX_CAUSE_CHARACTERS else last.message[:MAX_CAUSE_CHARACTERS] + "…"
    return ((steps.TellTermination(f"The former desktop was stopped. {work} {cause}", last),),)
