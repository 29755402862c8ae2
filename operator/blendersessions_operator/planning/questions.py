"""Find the question that must be answered before more can be decided about a session.

Mostly the caches suffice, and no question is open. Steps that need no answer are carried out first. So a slow Guacamole
delays no desktop, and a missing answer delays no revocation.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from blendersessions_operator.planning.access import may_have_access, vnc_password
from blendersessions_operator.planning.ownership import doubtful_connections, doubtful_users
from blendersessions_operator.planning.plan import plan
from blendersessions_operator.planning.steps import Area

if TYPE_CHECKING:
    from blendersessions.model.session import Session
    from blendersessions_operator.planning.observed import Observed


class Question(StrEnum):
    """A question to Guacamole."""

    ACCESS = "Access"
    """To Guacamole: which connections, users and grants of the session exist?"""
    OWNERSHIP = "Ownership"
    """To Guacamole: do connections and users that seem to be others' still belong to others?"""


def next_question(session: Session, observed: Observed) -> Question | None:
    """Return the question to ask now; None if the known state suffices, or if the plan has steps before it."""
    if session.deleting or session.spec_error or not session.has_finalizer or Area.SESSION in observed.failures:
        return None
    if access_needed(session, observed):
        question = Question.ACCESS
    elif ownership_doubtful(session, observed):
        question = Question.OWNERSHIP
    else:
        return None
    return question if plan(session, observed).empty else None


def access_needed(session: Session, observed: Observed) -> bool:
    """Return whether the access steps wait for Guacamole's state. They begin once there is a password and a pod."""
    if observed.access.inspected or Area.ACCESS in observed.failures:
        return False
    return bool(vnc_password(session, observed)) and may_have_access(session, observed)


def ownership_doubtful(session: Session, observed: Observed) -> bool:
    """Return whether a connection or user in Guacamole has a name of the session's and seems to belong to others."""
    if not observed.access.inspected or Area.ACCESS in observed.failures or not vnc_password(session, observed):
        return False
    if not may_have_access(session, observed):
        return False
    return bool(doubtful_connections(session, observed) or doubtful_users(session, observed))
