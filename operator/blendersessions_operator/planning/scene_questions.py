"""Decide when an agent is asked how far its scene is: while it brings one in, and once more when that is on screen.

A scene that waits for somebody is asked for more and more seldom. What somebody does then shows without a question: an
upload that is opened turns the pod ready, a change of the spec or the class makes another pod, and a container that
starts again has another start. Only an agent that was killed alone fails anew, perhaps in another way, unseen.
"""

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
    from blendersessions_operator.planning.scene_report import SceneReport
    from blendersessions_operator.planning.suspend import Stages

ASK_INTERVAL: Final = timedelta(seconds=2)
"""Time between two questions while the scene comes by itself."""
WAIT_INTERVAL: Final = timedelta(seconds=10)
"""Time between the first two questions while somebody has to act first. Each further one is twice as long."""
LONGEST_WAIT_FOR_UPLOAD: Final = timedelta(minutes=1)
"""The agent ends the wait for an upload by itself."""
LONGEST_WAIT: Final = timedelta(minutes=10)
"""Longest time between two questions when the scene has failed."""
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
    return max(timedelta(), report.asked_at + _interval(session, observed, report) - observed.now)


def _interval(session: Session, observed: Observed, report: SceneReport) -> timedelta:
    pod, reason = own_pod(session, observed), reported_reason(session, observed)
    if pod is None or podstate.is_ready(pod) or reason in _BY_ITSELF:
        return ASK_INTERVAL
    # As long as it has been so: the times double.
    since = [each for each in (report.told_at, podstate.running_since(pod)) if each is not None]
    lasted = report.asked_at - max(since, default=report.asked_at)
    longest = LONGEST_WAIT_FOR_UPLOAD if reason is Reason.AWAITING_UPLOAD else LONGEST_WAIT
    return min(max(lasted, WAIT_INTERVAL), longest)


def _is_on_screen(session: Session, observed: Observed) -> bool:
    pod = own_pod(session, observed)
    return pod is not None and podstate.is_ready(pod)


def _follows(session: Session, observed: Observed) -> bool:
    """Return whether there is something to learn: what the scene waits for, or the name of what is on screen now."""
    report = observed.scene
    if not _is_on_screen(session, observed):
        return own_pod(session, observed) is not None
    if report is None:
        return not (session.status.scene_name and session.status.blender_version)
    return not report.ready
