"""What to do about a session that is suspended, or whose time is over: save, stop, keep the rest."""

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

SAVE_PATIENCE: Final = timedelta(minutes=2)
"""An agent that does not answer for so long is broken; the container saves by itself when it is stopped, if it can."""

Stages = tuple[tuple["Step", ...], ...]


def plan_suspension(session: Session, observed: Observed) -> Stages:
    """Suspend: note it, save, stop the pod. Connection, grants, Secret, Service and volume are kept in order."""
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
        # Without a moment in the status nobody knows how long it has been tried: the scene comes first.
        since = (recorded.at if recorded is not None else None) or observed.now
        broken = isinstance(failure, Unavailable) and observed.now - since >= SAVE_PATIENCE
        return ((*kept, stop),) if broken else (tuple(kept),)
    if session.spec.workspace is None or not podstate.is_ready(pod):
        return ((*kept, stop),)
    return ((*kept, steps.SaveScene()), (stop,))


def _plan_kept(session: Session, observed: Observed) -> list[Step]:
    """Keep in order what a suspended session keeps."""
    kept = repair_existing(session, observed) if Area.DESKTOP not in observed.failures else []
    if observed.secret is None and observed.access.connections and Area.DESKTOP not in observed.failures:
        # Access is kept by it: who was granted is noted there, and the connection's password stands there.
        kept.append(steps.CreateDesktopSecret())
    if observed.secret is not None and Area.ACCESS not in observed.failures:
        kept += plan_access(session, observed)
    return kept


def plan_lifetime(session: Session, observed: Observed) -> Stages:
    """Warn of the end, or end the session; nothing in most of its life, and nothing before a desktop has answered."""
    decision, answers = observed.lifetime, can_answer(session, observed)
    action = decision.action if answers else decision.if_silent
    if action is Action.EXPIRE and observed.settings is not None and decision.reason is not None:
        delete = observed.settings.on_expiry == "Delete"
        return ((steps.DeleteSession() if delete else steps.RecordSuspension(decision.reason),),)
    told = observed.warned_of == decision.expires_at
    if action is Action.WARN and answers and decision.expires_at is not None and not told:
        return ((steps.Warn(_warning(session, observed), decision.expires_at),),)
    return ()


def can_answer(session: Session, observed: Observed) -> bool:
    """Return whether the desktop's agent can be asked: its pod is ready, and no answer has failed in this run."""
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
        loss = "Your scene is saved."
    else:
        loss = "What is in it is lost then."
    if decision.reason is Reason.IDLE:
        return f"{what} in {left}, since nobody works in it. {loss} Move the mouse to go on."
    return f"{what} in {left}, for its time is over. {loss}"
