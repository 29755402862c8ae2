"""What to do next for one session.

A plan is made from scratch each time, and holds only what can be done now: after it was carried out, the next one
follows from what is observed then, until nothing is left to do. So a crash at any line costs nothing but time.

    finalizer   then   Secret, Service   then   pod  ∥  (user's Secret, then user; connection; then the grant)
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from blendersessions.model.people import connection_names, people
from blendersessions.planning import steps
from blendersessions.planning.access import plan_access, plan_change_of_people, reported_identifier
from blendersessions.planning.desktop import plan_desktop, plan_keeping, rest_of
from blendersessions.planning.observed import Observed, granted_before, own_pod
from blendersessions.planning.podstate import is_over
from blendersessions.planning.rest import plan_lifetime, plan_rest
from blendersessions.planning.steps import Part
from blendersessions.resources.connection import hostname

if TYPE_CHECKING:
    from blendersessions.model.session import Session
    from blendersessions.planning.steps import Step


SHORTEST_LOOK: Final = timedelta(seconds=1)


@dataclass(frozen=True)
class Plan:
    """Stages to carry out in order; the steps of one stage run side by side, and a failed stage ends the plan."""

    stages: tuple[tuple[Step, ...], ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not any(self.stages)


def plan(session: Session, observed: Observed) -> Plan:
    """Decide what can be done now to bring the world to what the session wants."""
    if session.deleting:
        return _deletion(session, observed)
    if session.spec_error or Part.SESSION in observed.failures:
        return Plan()
    if not session.has_finalizer:
        return Plan(((steps.AddFinalizer(),),))
    if Part.ACCESS not in observed.failures and (stages := plan_change_of_people(session, observed)):
        return Plan(stages)
    if session.resting:
        return Plan(plan_rest(session, observed))
    if stages := plan_lifetime(session, observed):
        return Plan(stages)
    todo: list[Step] = []
    if Part.DESKTOP not in observed.failures:
        todo += plan_desktop(session, observed) if _may_run(session, observed) else plan_keeping(session, observed)
    if Part.ACCESS not in observed.failures:
        todo += plan_access(session, observed)
    return Plan((tuple(todo),))


def next_look(session: Session, observed: Observed) -> timedelta | None:
    """Return when to look again at a session though nothing happens; None: when something does."""
    if session.deleting or session.resting:
        return None
    looks = [observed.verdict.look_again]
    pod = own_pod(session, observed)
    failed = Part.DESKTOP in observed.failures
    if pod is not None and is_over(pod) and not pod["metadata"].get("deletionTimestamp") and not failed:
        # Not at once, for what keeps the pod from being replaced may last. What failed is for the queue to try again.
        looks.append(max(rest_of(pod, observed.now), SHORTEST_LOOK))
    looks.append(time_to_deadline(session, observed))
    return min((look for look in looks if look is not None), default=None)


def time_to_deadline(session: Session, observed: Observed) -> timedelta | None:
    """Return how long a session that is starting has left for it; None when it is not, or there is no limit."""
    started = session.status.get("startedAt")
    if not started or "readyAt" in session.status or observed.terms is None or observed.terms.start_deadline is None:
        return None
    left = datetime.fromisoformat(started) + observed.terms.start_deadline - observed.now
    return left if left > timedelta() else None


def _may_run(session: Session, observed: Observed) -> bool:
    """Say whether the desktop is made, or what there is of it made whole.

    One that runs is left running when its class is gone or asks less than the session: that holds for the next start.
    """
    return observed.may_start or (observed.terms is not None and own_pod(session, observed) is not None)


def _deletion(session: Session, observed: Observed) -> Plan:
    """Clear Guacamole, then let go; Kubernetes collects the desktop by its owner references."""
    if not session.has_finalizer or observed.failures:
        return Plan()
    usernames = dict.fromkeys([*people(session), *granted_before(session, observed)])
    hints = (reported_identifier(session), "")
    return Plan(
        (
            tuple(
                steps.RemoveConnection(name, hostname(session), hint)
                for name, hint in zip(connection_names(session), hints, strict=True)
            ),
            tuple(steps.ReleaseUser(username) for username in usernames),
            (steps.RemoveFinalizer(),),
        )
    )
