"""Plan the next steps for one session.

A plan is made from scratch each time, and holds only steps that can be carried out now. After that, the next plan
follows from a new observation, until nothing is left to do. So a crash at any line costs only time.

    finalizer   then   network policies   then   Secret, Service   then   pod   then
    user's Secret, connection   then   user   then   grant

Kubernetes starts the pod while the session is registered in Guacamole.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from blendersessions.model.access import access_list
from blendersessions_operator.planning import steps
from blendersessions_operator.planning.access import plan_access, plan_access_change, session_access
from blendersessions_operator.planning.confinement import plan_confinement
from blendersessions_operator.planning.desktop import plan_desktop, repair_existing, restart_backoff
from blendersessions_operator.planning.last_termination import plan_recording, plan_telling
from blendersessions_operator.planning.lifetime import Action
from blendersessions_operator.planning.lost_node import plan_lost_pod, time_to_overdue
from blendersessions_operator.planning.named_claim import time_to_read_again
from blendersessions_operator.planning.observed import Observed, granted_before, own_pod
from blendersessions_operator.planning.podstate import has_ended
from blendersessions_operator.planning.saving import decide_save
from blendersessions_operator.planning.scene_questions import plan_scene_question, time_to_ask
from blendersessions_operator.planning.start_deadline import time_to_deadline
from blendersessions_operator.planning.steps import Area
from blendersessions_operator.planning.suspend import Stages, plan_lifetime, plan_stop, plan_suspension, time_of_silence
from blendersessions_operator.planning.warm_start import plan_opening, plan_surplus, plan_take_over, plan_taking

if TYPE_CHECKING:
    from blendersessions.model.session import Session
    from blendersessions_operator.planning.steps import Step


MIN_REQUEUE: Final = timedelta(seconds=1)
"""Time until a session is looked at again because its pod ended, or because its own time was over at once."""


@dataclass(frozen=True)
class Plan:
    """Stages to carry out in order; the steps of one stage run side by side, and a failed stage ends the plan."""

    stages: tuple[tuple[Step, ...], ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not any(self.stages)


def plan(session: Session, observed: Observed) -> Plan:
    """Return the steps that can be carried out now to reach the session's desired state."""
    if session.deleting:
        return _deletion(session, observed)
    if session.spec_error or Area.SESSION in observed.failures:
        return Plan()
    if not session.has_finalizer:
        return Plan(((steps.AddFinalizer(),),))
    if _has_desktop(session, observed) and (todo := plan_confinement(session, observed)):
        return Plan((tuple(todo),))
    if stages := plan_taking(session, observed) or _plan_access_change(session, observed):
        return Plan(stages)
    lost = plan_lost_pod(session, observed)
    if session.suspend_requested:
        return Plan(lost or plan_suspension(session, observed))
    asks = plan_opening(session, observed) or plan_lifetime(session, observed) or plan_scene_question(session, observed)
    if stages := lost or asks or _plan_end(session, observed):
        return Plan(stages)
    todo = []
    if Area.DESKTOP not in observed.failures:
        todo += plan_desktop(session, observed) if _may_run(session, observed) else repair_existing(session, observed)
    if Area.ACCESS not in observed.failures:
        todo += plan_access(session, observed)
    return Plan((tuple(todo),))


def requeue_after(session: Session, observed: Observed) -> timedelta | None:
    """Return the time after which time alone changes the plan or the status; None if only an event can."""
    pod = own_pod(session, observed)
    if session.deleting or session.suspend_requested:
        leaving = pod is not None and not pod["metadata"].get("deletionTimestamp")
        after = [decide_save(session, observed).requeue_after if leaving else None, time_to_overdue(session, observed)]
        return min((delay for delay in after if delay is not None), default=None)
    delays = [observed.lifetime.requeue_after, time_of_silence(observed) or None]
    if not observed.asking and (until_question := time_to_ask(session, observed)) is not None:
        # Not at once, because what keeps the question from being planned may last.
        delays.append(max(until_question, MIN_REQUEUE))
    if observed.claim_refusal is not None:
        delays.append(time_to_read_again(session, observed.now))
    if observed.lifetime.action is Action.EXPIRE:
        # Its time was over before its status was written: no deadline is left that would wake it.
        delays.append(MIN_REQUEUE)
    failed = Area.DESKTOP in observed.failures
    if pod is not None and has_ended(pod) and not pod["metadata"].get("deletionTimestamp") and not failed:
        # Not at once, because the obstacle to a replacement may last. After a failure the queue tries again.
        delays.append(max(restart_backoff(pod, observed.now), MIN_REQUEUE))
    delays += [time_to_deadline(session, observed), time_to_overdue(session, observed)]
    if plan_take_over(session, observed):
        # The session is ready, and nobody waits for what still belongs to the pool.
        delays.append(MIN_REQUEUE)
    return min((delay for delay in delays if delay is not None), default=None)


def _plan_access_change(session: Session, observed: Observed) -> Stages:
    return plan_access_change(session, observed) if Area.ACCESS not in observed.failures else ()


def _plan_end(session: Session, observed: Observed) -> Stages:
    """Plan what the end of a former desktop asks for: a record of it, or a notice in the new one."""
    return plan_recording(session, observed) or plan_telling(session, observed)


def _may_run(session: Session, observed: Observed) -> bool:
    """Return whether missing objects of the desktop may be created.

    A running desktop is kept when its class refuses the session now, because that applies to the next start only. A
    session that is offered a desktop of a pool makes none beside it, also while it may not take that one yet.
    """
    if observed.offer is not None:
        return False
    return observed.may_start or (observed.settings is not None and own_pod(session, observed) is not None)


def _has_desktop(session: Session, observed: Observed) -> bool:
    """Return whether the session has a pod, or is about to get one."""
    may_start = observed.may_start and not session.suspend_requested
    return may_start or own_pod(session, observed) is not None


def _deletion(session: Session, observed: Observed) -> Plan:
    """Stop the pod, clean up Guacamole, then remove the finalizer. Kubernetes deletes the rest by its owner references.

    A session whose files outlive it is asked to save first. Another controller's finalizer may keep the session, so the
    pod is stopped by us, and also after our finalizer was removed.
    """
    stages: tuple[tuple[Step, ...], ...] = ()
    pod = own_pod(session, observed)
    if observed.failures:
        return Plan()
    if pod is not None and not pod["metadata"].get("deletionTimestamp"):
        stages = plan_stop(session, observed, pod)
        if not any(isinstance(step, steps.DeleteObject) for stage in stages for step in stage):
            return Plan(stages)
    if not session.has_finalizer:
        return Plan(stages)
    stages += plan_surplus(session, observed)
    usernames = dict.fromkeys([*access_list(session), *granted_before(session, observed)])
    access = session_access(session)
    return Plan(
        (
            *stages,
            tuple(steps.RemoveConnection(name, access) for name in access.connections),
            tuple(steps.ReleaseUser(username) for username in usernames),
            (steps.RemoveFinalizer(),),
        )
    )
