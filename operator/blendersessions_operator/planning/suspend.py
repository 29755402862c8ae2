"""Plan suspension and expiry: save the scene, stop the pod, and keep everything else."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from blendersessions.model.conditions import Reason
from blendersessions.model.durations import write
from blendersessions.model.errors import Unavailable
from blendersessions.model.manifest import ref_of
from blendersessions_operator.planning import podstate, steps
from blendersessions_operator.planning.access import plan_access
from blendersessions_operator.planning.desktop import repair_existing
from blendersessions_operator.planning.lifetime import Action
from blendersessions_operator.planning.observed import own_pod
from blendersessions_operator.planning.steps import Area

if TYPE_CHECKING:
    from blendersessions.model.session import Session
    from blendersessions_operator.planning.observed import Observed
    from blendersessions_operator.planning.steps import Step

SAVE_TIMEOUT: Final = timedelta(minutes=2)
"""An agent that does not answer for this time is broken. The pod is stopped then, and its container saves if it can."""

Stages = tuple[tuple["Step", ...], ...]


def plan_suspension(session: Session, observed: Observed) -> Stages:
    """Plan a suspension: record it, save the scene, stop the pod.

    Connection, grants, Secret, Service and volume are kept and repaired.
    """
    recorded = session.status.suspension
    if session.spec.suspend and (recorded is None or recorded.reason is not Reason.REQUESTED):
        return ((steps.RecordSuspension(Reason.REQUESTED),),)
    kept = _plan_kept(session, observed)
    pod = own_pod(session, observed)
    if pod is None or pod["metadata"].get("deletionTimestamp") or Area.DESKTOP in observed.failures:
        return (tuple(kept),)
    stop = steps.DeleteObject(ref_of({"kind": "Pod"} | pod), pod["metadata"]["uid"])
    failure = observed.failures.get(Area.SAVING)
    if failure is not None:
        # Without a time in the status it is not known how long saving has been tried. It is tried again then.
        since = (recorded.at if recorded is not None else None) or observed.now
        broken = isinstance(failure, Unavailable) and observed.now - since >= SAVE_TIMEOUT
        return ((*kept, stop),) if broken else (tuple(kept),)
    if session.spec.workspace is None or not podstate.is_ready(pod):
        return ((*kept, stop),)
    return ((*kept, steps.SaveScene()), (stop,))


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
    """Plan the warning before an expiry, or the expiry itself. Most of the time nothing is planned."""
    decision, answers = observed.lifetime, can_answer(session, observed)
    action = decision.action if answers else decision.if_silent
    if action is Action.EXPIRE and observed.settings is not None and decision.reason is not None:
        delete = observed.settings.on_expiry == "Delete"
        return ((steps.DeleteSession() if delete else steps.RecordSuspension(decision.reason),),)
    warned = observed.warned_of == decision.expires_at
    if action is Action.WARN and answers and decision.expires_at is not None and not warned:
        return ((steps.Warn(_warning(session, observed), decision.expires_at),),)
    return ()


def can_answer(session: Session, observed: Observed) -> bool:
    """Return whether the desktop's agent can be asked: its pod is ready, and no request to it failed in this run."""
    pod = own_pod(session, observed)
    return Area.ACTIVITY not in observed.failures and pod is not None and podstate.is_ready(pod)


def _warning(session: Session, observed: Observed) -> str:
    decision = observed.lifetime
    left = write((decision.expires_at or observed.now) - observed.now)
    if observed.settings is not None and observed.settings.on_expiry == "Delete":
        what = "This session is deleted"
    else:
        what = "This session is suspended"
    if session.spec.workspace is not None and not (observed.settings and observed.settings.on_expiry == "Delete"):
        scene = "Your scene is saved."
    else:
        scene = "Everything in it is lost."
    if decision.reason is Reason.IDLE:
        return f"{what} in {left} because nobody works in it. {scene} Move the mouse to keep it."
    return f"{what} in {left} because its time is over. {scene}"
