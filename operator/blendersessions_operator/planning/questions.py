"""What must be asked before more can be decided about a session.

What the caches know costs no request, and mostly suffices. What can be done without an answer is done first: a
Guacamole that is slow or away holds up no desktop, and keeps nobody in who was shut out.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from blendersessions_operator.planning.access import plan_access_change, vnc_password
from blendersessions_operator.planning.ownership import doubtful_connections, doubtful_users
from blendersessions_operator.planning.plan import plan
from blendersessions_operator.planning.steps import Area
from blendersessions_operator.planning.suspend import can_answer

if TYPE_CHECKING:
    from blendersessions.model.session import Session
    from blendersessions_operator.planning.observed import Observed


class Question(StrEnum):
    """What is asked."""

    ACTIVITY = "Activity"
    """The desktop's agent: whether somebody works in it, or a render runs."""
    ACCESS = "Access"
    """Guacamole: what is not known yet of the session's connections, users and grants."""
    OWNERSHIP = "Ownership"
    """Guacamole: whether connections and users that seem to be others' still are."""

    @property
    def area(self) -> Area:
        """What fails when there is no answer."""
        return Area.ACTIVITY if self is Question.ACTIVITY else Area.ACCESS


def next_question(session: Session, observed: Observed) -> Question | None:
    """Return what to ask now; None when all that can be decided follows from what is known."""
    if session.deleting or session.spec_error or not session.has_finalizer or Area.SESSION in observed.failures:
        return None
    if activity_needed(session, observed):
        return Question.ACTIVITY
    if access_needed(session, observed):
        question = Question.ACCESS
    elif ownership_doubtful(session, observed):
        question = Question.OWNERSHIP
    else:
        return None
    return question if plan(session, observed).empty else None


def activity_needed(session: Session, observed: Observed) -> bool:
    """Return whether the lifetime waits for the desktop's answer; those who may no longer get in are shut out first."""
    if session.suspend_requested or not can_answer(session, observed) or not observed.lifetime.ask:
        return False
    return Area.ACCESS in observed.failures or not plan_access_change(session, observed)


def access_needed(session: Session, observed: Observed) -> bool:
    """Return whether Guacamole's half waits for what Guacamole has; it begins with the password of the desktop."""
    if observed.access.inspected or Area.ACCESS in observed.failures:
        return False
    return bool(vnc_password(session, observed))


def ownership_doubtful(session: Session, observed: Observed) -> bool:
    """Return whether something in Guacamole has a name of the session's and seems to be others'."""
    if not observed.access.inspected or Area.ACCESS in observed.failures or not vnc_password(session, observed):
        return False
    return bool(doubtful_connections(session, observed) or doubtful_users(session, observed))
