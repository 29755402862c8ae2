"""Which users a session may let in: those made for its namespace, and those whose record admits it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from blendersessions.model.access import UserRecord
from blendersessions.model.errors import OwnerNotAllowed, TooManyUsers, UserMissing
from blendersessions_operator.planning import steps
from blendersessions_operator.planning.conditions import compute_conditions
from blendersessions_operator.planning.ownership import doubtful_users
from blendersessions_operator.planning.plan import plan
from blendersessions_operator.planning.refusals import refusal
from blendersessions_operator.planning.steps import Area
from unit.operator.factories import (
    PROFILE,
    everything_observed,
    granted_access,
    session,
    with_user,
    without_connections,
)

if TYPE_CHECKING:
    from blendersessions.model.errors import DomainError
    from blendersessions.model.session import Session
    from blendersessions_operator.planning.observed import Observed

ALICE = {"owner": "alice"}
MISSING = UserRecord("alice", exists=False)


def observed_with(of: Session, user: UserRecord, *, granted: bool = False, create: bool = True) -> Observed:
    """Everything is there but what the session may do with this user."""
    access = with_user(granted_access(of), user, granted=granted)
    return replace(
        everything_observed(of),
        access=access,
        user_secrets={},
        installation=replace(PROFILE, create_users=create, users_per_namespace=3),
    )


def stalled_by(of: Session, observed: Observed, error: DomainError) -> tuple[str, str, str]:
    """The reason of ConnectionReady, Stalled, and its status."""
    found = compute_conditions(of, replace(observed, failures={Area.ACCESS: error}))
    return found["ConnectionReady"].reason, found["Stalled"].reason, found["Stalled"].status


@pytest.mark.parametrize(
    ("admitted", "allowed"), [((), False), (("music",), False), (("music", "art"), True), (("*",), True)]
)
def test_an_administrators_user_is_granted_only_if_its_record_admits_the_namespace(
    admitted: tuple[str, ...], *, allowed: bool
) -> None:
    of = session(ALICE)
    observed = observed_with(of, UserRecord("alice", exists=True, admitted=admitted))
    granted = [step for stage in plan(of, observed).stages for step in stage if isinstance(step, steps.Grant)]
    assert bool(granted) is allowed
    assert bool(doubtful_users(of, observed)) is not allowed


def test_a_refused_owner_is_told_the_way_out() -> None:
    of = session(ALICE)
    observed = observed_with(of, UserRecord("alice", exists=True))
    error = refusal(of, observed, observed.access.users["alice"])
    assert isinstance(error, OwnerNotAllowed)
    assert "blender-sessions: art" in str(error)
    assert stalled_by(of, observed, error) == ("OwnerNotAllowed", "OwnerNotAllowed", "True")


def test_a_namespace_that_is_taken_off_the_record_loses_its_grant_first() -> None:
    of = session(ALICE)
    observed = observed_with(of, UserRecord("alice", exists=True), granted=True)
    [[step]] = plan(of, observed).stages
    assert step == steps.Revoke("alice", of.desktop.name)
    assert doubtful_users(of, observed) == {}, "the grant goes before the session is refused"


def test_a_viewer_who_is_not_admitted_is_refused_alone() -> None:
    of = session({"owner": "alice", "viewers": ["vera"]})
    observed = everything_observed(of)
    access = with_user(observed.access, UserRecord("vera", exists=True), granted=False)
    observed = replace(observed, access=access)
    assert doubtful_users(of, observed) == {"vera": Area.VIEWERS}
    error = refusal(of, observed, access.users["vera"])
    assert error is not None
    found = compute_conditions(of, replace(observed, failures={Area.VIEWERS: error}))["ConnectionReady"]
    assert (found.status, found.reason) == ("True", "ViewerRefused")
    assert "vera" in found.message


@pytest.mark.parametrize("spec", [ALICE, {}])
def test_no_user_is_made_where_none_may_be_made(spec: dict[str, str]) -> None:
    of = session(spec)
    observed = observed_with(of, UserRecord(of.username, exists=False), create=False)
    observed = replace(observed, access=without_connections(observed.access))
    assert plan(of, observed).empty, "neither a Secret nor a user nor a connection"
    error = refusal(of, observed, observed.access.users[of.username])
    assert isinstance(error, UserMissing)
    assert "spec.owner" in str(error)
    assert stalled_by(of, observed, error) == ("OwnerMissing", "Progressing", "False")


def test_a_user_who_appears_is_let_in_where_none_may_be_made() -> None:
    of = session(ALICE)
    observed = observed_with(of, UserRecord("alice", exists=True, admitted=("art",)), create=False)
    assert plan(of, observed).stages == ((steps.Grant("alice", of.desktop.name),),)


@pytest.mark.parametrize(("made", "refused"), [(2, False), (3, True)])
def test_a_namespace_has_no_more_users_than_it_may_have(made: int, *, refused: bool) -> None:
    of = session(ALICE)
    observed = observed_with(of, MISSING)
    observed = replace(observed, access=replace(observed.access, users_made=made))
    error = refusal(of, observed, MISSING)
    assert isinstance(error, TooManyUsers) is refused
    assert plan(of, observed).empty is refused
    if error is not None:
        assert stalled_by(of, observed, error) == ("TooManyUsers", "Progressing", "False")


def test_users_that_exist_stay_when_the_namespace_has_too_many() -> None:
    of = session(ALICE)
    observed = everything_observed(of)
    full = replace(observed, access=replace(observed.access, users_made=10**6))
    assert plan(of, full).empty
