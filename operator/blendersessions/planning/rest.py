"""What to do about a session that is suspended, or whose time is over: save, stop, keep the rest."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from blendersessions.model.conditions import REQUESTED
from blendersessions.model.durations import write
from blendersessions.model.errors import Unavailable
from blendersessions.model.manifest import ref_of
from blendersessions.planning import podstate, steps
from blendersessions.planning.access import plan_access
from blendersessions.planning.desktop import plan_keeping
from blendersessions.planning.lifetime import Expiry
from blendersessions.planning.observed import own_pod
from blendersessions.planning.steps import Part
from blendersessions.resources.secret import desktop_secret

if TYPE_CHECKING:
    from blendersessions.model.session import Session
    from blendersessions.planning.observed import Observed
    from blendersessions.planning.steps import Step

SAVE_PATIENCE: Final = timedelta(minutes=2)
"""An agent that does not answer for so long is broken; the container saves by itself when it is stopped, if it can."""

Stages = tuple[tuple["Step", ...], ...]


def plan_rest(session: Session, observed: Observed) -> Stages:
    """Suspend: note it, save, stop the pod. Connection, grants, Secret, Service and volume are kept in order."""
    if session.suspension.get("reason") != REQUESTED and session.spec.suspend:
        return ((steps.NoteSuspension(REQUESTED),),)
    kept = plan_keeping(session, observed) if Part.DESKTOP not in observed.failures else []
    if observed.secret is None and observed.access.connections and Part.DESKTOP not in observed.failures:
        # Access is kept by it: who was granted is noted there, and the connection's password stands there.
        kept.append(steps.CreateObject(desktop_secret(session, observed.fresh())))
    if observed.secret is not None and Part.ACCESS not in observed.failures:
        kept += plan_access(session, observed)
    pod = own_pod(session, observed)
    if pod is None or pod["metadata"].get("deletionTimestamp") or Part.DESKTOP in observed.failures:
        return (tuple(kept),)
    stop = steps.DeleteObject(ref_of({"kind": "Pod"} | pod), pod["metadata"]["uid"])
    failure = observed.failures.get(Part.SAVING)
    if failure is not None:
        since = datetime.fromisoformat(session.suspension["at"])
        broken = isinstance(failure, Unavailable) and observed.now - since >= SAVE_PATIENCE
        return ((*kept, stop),) if broken else (tuple(kept),)
    if session.spec.workspace is None or not podstate.is_ready(pod):
        return ((*kept, stop),)
    return ((*kept, steps.SaveScene()), (stop,))


def plan_lifetime(session: Session, observed: Observed) -> Stages:
    """Ask the desktop, warn, or end the session; nothing in most of its life."""
    verdict = observed.verdict
    pod = own_pod(session, observed)
    answers = Part.ACTIVITY not in observed.failures and pod is not None and podstate.is_ready(pod)
    if verdict.expired and verdict.ask and answers:
        # Its last word is old: an operator that was away for long must not end those who work all the time.
        return ((steps.AskDesktop(),),)
    if verdict.expired and observed.terms is not None and verdict.reason is not None:
        delete = observed.terms.on_expiry == "Delete"
        return ((steps.DeleteSession() if delete else steps.NoteSuspension(verdict.reason),),)
    if not answers:
        return ()
    if verdict.ask:
        return ((steps.AskDesktop(),),)
    if verdict.warn and verdict.expires_at is not None and observed.warned_of != verdict.expires_at:
        return ((steps.Warn(_warning(session, observed), verdict.expires_at),),)
    return ()


def _warning(session: Session, observed: Observed) -> str:
    verdict = observed.verdict
    left = write((verdict.expires_at or observed.now) - observed.now)
    if observed.terms is not None and observed.terms.on_expiry == "Delete":
        what = "This session is deleted"
    else:
        what = "This session is suspended"
    if session.spec.workspace is not None and not (observed.terms and observed.terms.on_expiry == "Delete"):
        loss = "Your scene is saved."
    else:
        loss = "What is in it is lost then."
    if verdict.reason is Expiry.IDLE:
        return f"{what} in {left}, since nobody works in it. {loss} Move the mouse to go on."
    return f"{what} in {left}, for its time is over. {loss}"
