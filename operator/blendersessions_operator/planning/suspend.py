"""Plan suspension and expiry: have the desktop save, stop the pod, and keep everything else."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from blendersessions.model.conditions import Reason
from blendersessions.model.durations import write
from blendersessions.model.files import Files
from blendersessions.model.manifest import ref_of
from blendersessions_operator.planning import podstate, steps
from blendersessions_operator.planning.access import plan_access
from blendersessions_operator.planning.desktop import repair_existing
from blendersessions_operator.planning.lifetime import Action
from blendersessions_operator.planning.observed import own_pod
from blendersessions_operator.planning.saving import SaveAction, decide_save, saving_of
from blendersessions_operator.planning.steps import Area

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest
    from blendersessions.model.session import Session
    from blendersessions_operator.planning.observed import Observed
    from blendersessions_operator.planning.steps import Step

ASK_AGAIN: Final = timedelta(seconds=5)
"""Time until an agent that did not answer is asked again. Until then it counts as silent."""

UNSEEN_GRACE_SECONDS: Final = 15
"""How long a desktop may take to end that was never ready. Nobody has worked in it, so nothing is left to save."""

Stages = tuple[tuple["Step", ...], ...]


def plan_suspension(session: Session, observed: Observed) -> Stages:
    """Plan a suspension: record it, have the desktop save, stop the pod.

    Connection, grants, Secret, Service and volume are kept and repaired.
    """
    recorded = session.status.suspension
    if recorded is None or (session.held and recorded.reason is not Reason.REQUESTED):
        return ((steps.RecordSuspension(Reason.REQUESTED),),)
    kept = _plan_kept(session, observed)
    pod = own_pod(session, observed)
    if pod is None or pod["metadata"].get("deletionTimestamp") or Area.DESKTOP in observed.failures:
        return (tuple(kept),)
    return plan_stop(session, observed, pod, tuple(kept))


def plan_stop(session: Session, observed: Observed, pod: Manifest, beside: tuple[Step, ...] = ()) -> Stages:
    """Plan the end of a pod: have it save, record how that ended, and delete it.

    Args:
        session: a session that is suspended or deleted.
        observed: its observed state.
        pod: its pod.
        beside: further steps, which do not wait for the save.
    """
    decision, uid = decide_save(session, observed), pod["metadata"]["uid"]
    if decision.action is SaveAction.SAVE:
        save = steps.SaveScene(uid, saving_of(observed).timeout, decision.final)
        return ((*beside, save),)
    if decision.action is SaveAction.WAIT:
        return (beside,)
    suspension = session.status.suspension
    # A container that is told to end in the moment of its start does not hear it, and would be waited for.
    grace = UNSEEN_GRACE_SECONDS if session.status.ready_at is None else None
    stop = steps.DeleteObject(ref_of({"kind": "Pod"} | pod), uid, grace)
    if session.deleting or decision.result is None or suspension is None or suspension.save == decision.result:
        return ((*beside, stop),)
    return ((*beside, steps.RecordSave(decision.result)), (stop,))


def _plan_kept(session: Session, observed: Observed) -> list[Step]:
    """Plan the repairs of the objects that a suspended session keeps."""
    kept = repair_existing(session, observed) if Area.DESKTOP not in observed.failures else []
    if observed.secret is None and observed.access.connections and Area.DESKTOP not in observed.failures:
        # Access depends on it: it holds the record of granted users and the connection's password.
        kept.append(steps.CreateDesktopSecret())
    if observed.secret is not None and Area.ACCESS not in observed.failures:
        kept += plan_access(session, observed)
    return kept


def plan_lifetime(session: Session, observed: Observed) -> Stages:
    """Plan the question to the desktop, the warning before an expiry, or the expiry itself; mostly nothing."""
    decision, answers = observed.lifetime, can_answer(session, observed)
    if decision.ask and answers:
        return () if observed.asking else ((steps.AskState(),),)
    action = decision.action if answers else decision.if_silent
    if action is Action.EXPIRE and observed.settings is not None and decision.reason is not None:
        return ((_expire(session, decision.reason, delete=observed.settings.on_expiry == "Delete"),),)
    warned = observed.warned_of == decision.expires_at
    if action is Action.WARN and answers and decision.expires_at is not None and not warned:
        return ((steps.Warn(_warning(session, observed), decision.expires_at),),)
    return ()


def _expire(session: Session, reason: Reason, *, delete: bool) -> Step:
    """Return the next step of an expiry. The record alone suspends nothing; it tells why the scale becomes 0.

    After a crash between the two, or a change of the session, the lifetime is evaluated again.
    """
    if delete:
        return steps.DeleteSession()
    recorded = session.status.suspension
    if recorded is not None and recorded.reason is reason and recorded.generation == session.generation:
        return steps.ScaleToZero()
    return steps.RecordSuspension(reason)


def can_answer(session: Session, observed: Observed) -> bool:
    """Return whether the desktop's agent can be asked: its container runs, and it was not silent a moment ago.

    A render that takes all CPU may keep the pod from being ready. The agent knows of it all the same.
    """
    pod = own_pod(session, observed)
    if pod is None or pod["metadata"].get("deletionTimestamp") or podstate.has_ended(pod):
        return False
    return podstate.is_running(pod) and not time_of_silence(observed)


def time_of_silence(observed: Observed) -> timedelta:
    """Return for how long an agent that did not answer is left alone; zero if it may be asked."""
    if observed.silent_at is None or observed.now < observed.silent_at:
        return timedelta()
    return max(timedelta(), observed.silent_at + ASK_AGAIN - observed.now)


def _warning(session: Session, observed: Observed) -> str:
    decision = observed.lifetime
    left = write((decision.expires_at or observed.now) - observed.now)
    deletes = observed.settings is not None and observed.settings.on_expiry == "Delete"
    what = "This session is deleted" if deletes else "This session is suspended"
    kept = session.files is Files.KEPT if deletes else session.spec.workspace is not None
    scene = "Your scene is saved." if kept else "Everything in it is lost."
    if decision.reason is Reason.IDLE:
        return f"{what} in {left} because nobody works in it. {scene} Move the mouse to keep it."
    return f"{what} in {left} because its time is over. {scene}"
