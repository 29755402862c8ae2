"""Decide when an agent is asked how far its scene is: while it brings one in, and once more when that is on screen."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from blendersessions.model.conditions import Reason
from blendersessions_operator.planning import podstate, steps
from blendersessions_operator.planning.observed import own_pod
from blendersessions_operator.planning.scene import reported_reason
from blendersessions_operator.planning.suspend import can_answer, time_of_silence

if TYPE_CHECKING:
    from blendersessions.model.session import Session
    from blendersessions_operator.planning.observed import Observed
    from blendersessions_operator.planning.suspend import Stages

ASK_INTERVAL: Final = timedelta(seconds=2)
"""Time between two questions while the scene comes by itself."""
WAIT_INTERVAL: Final = timedelta(seconds=10)
"""Time between two questions while somebody has to act first. What comes of it shows by the pod's readiness too."""
_BY_ITSELF: Final = (Reason.SCENE_LOADING, Reason.SCENE_FETCHING)


def plan_scene_question(session: Session, observed: Observed) -> Stages:
    """Plan the question to the agent, if it is time for one."""
    if observed.asking or time_to_ask(session, observed) != timedelta():
        return ()
    return ((steps.AskState(),),)


def time_to_ask(session: Session, observed: Observed) -> timedelta | None:
    """Return the time until the agent is asked; None if it need not be asked, or cannot be."""
    if not session.spec.scene.is_brought_in or not _follows(session, observed):
        return None
    if silence := time_of_silence(observed):
        return silence
    if not can_answer(session, observed):
        return None
    report = observed.scene
    if report is None or report.asked_at > observed.now:
        # No answer, or one from before the clock was set back.
        return timedelta()
    interval = ASK_INTERVAL if reported_reason(session, observed) in _BY_ITSELF else WAIT_INTERVAL
    return max(timedelta(), report.asked_at + interval - observed.now)


def _follows(session: Session, observed: Observed) -> bool:
    """Return whether there is something to learn: what the scene waits for, or the name of what is on screen now."""
    pod, report = own_pod(session, observed), observed.scene
    if pod is None or not podstate.is_ready(pod):
        return pod is not None
    if report is None:
        return not (session.status.scene_name and session.status.blender_version)
    return not report.ready
