"""The plan for a session that is suspended or expired."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from blendersessions.model.session import parse_session
from blendersessions_operator.planning import steps
from blendersessions_operator.planning.lifetime import Activity
from blendersessions_operator.planning.plan import plan, requeue_after
from blendersessions_operator.planning.suspend import ASK_AGAIN, plan_lifetime
from unit.operator.factories import NOW, body, everything_observed, nothing_observed, running_pod, session, settings

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest
    from blendersessions.model.session import Session
    from blendersessions_operator.planning.observed import Observed


def suspend_requested(*, workspace: bool = True) -> Session:
    """A session that was suspended a moment ago."""
    made = body({"suspend": True} | ({"workspace": {"size": "1Gi"}} if workspace else {}))
    return parse_session(
        made | {"status": {"suspension": {"reason": "Requested", "at": NOW.isoformat(), "resume": ""}}}
    )


def kinds(of: Session, observed: Observed) -> list[list[str]]:
    return [[type(step).__name__ for step in stage] for stage in plan(of, observed).stages if stage]


def test_a_requested_suspension_is_recorded_before_anything_is_deleted() -> None:
    of = session({"suspend": True})
    assert plan(of, everything_observed(of)).stages == ((steps.RecordSuspension("Requested"),),)


def test_without_a_workspace_there_is_nothing_to_save() -> None:
    of = suspend_requested(workspace=False)
    assert kinds(of, everything_observed(of)) == [["DeleteObject"]]


def test_a_suspended_session_without_a_pod_has_an_empty_plan() -> None:
    assert kinds(suspend_requested(), replace(everything_observed(suspend_requested()), pod=None)) == []


def test_a_secret_lost_during_suspension_is_made_again() -> None:
    assert kinds(suspend_requested(), replace(everything_observed(suspend_requested()), pod=None, secret=None)) == [
        ["CreateDesktopSecret"]
    ]


def test_an_operator_that_was_stopped_asks_before_a_session_expires() -> None:
    of = session()
    begun = NOW - timedelta(hours=5)
    seen = replace(
        nothing_observed(),
        settings=settings(of, {"lifetime": {"idleAfter": "30m"}}),
        pod=running_pod(of),
        activity=Activity(started_at=begun, ready_at=begun),
    )
    assert plan_lifetime(of, seen) == ((steps.AskActivity(),),)
    assert plan_lifetime(of, replace(seen, asking=True)) == (), "nothing ends before the answer"
    silent = replace(seen, silent_at=NOW)
    assert isinstance(plan_lifetime(of, silent)[0][0], steps.RecordSuspension)
    answered = replace(seen, activity=replace(seen.activity, asked_at=NOW, last_input_at=NOW))
    assert plan_lifetime(of, answered) == ()


def test_a_silent_desktop_is_asked_again_after_a_while_and_the_session_is_looked_at_then() -> None:
    of = session()
    idle = Activity(started_at=NOW, ready_at=NOW, last_input_at=NOW - timedelta(minutes=28))
    seen = replace(
        everything_observed(of),
        settings=settings(of, {"lifetime": {"idleAfter": "30m"}}),
        activity=replace(idle, started_at=NOW - timedelta(hours=1), ready_at=NOW - timedelta(hours=1)),
        silent_at=NOW,
        warned_of=NOW + timedelta(minutes=2),
    )
    assert plan_lifetime(of, seen) == ()
    assert (requeue_after(of, seen) or timedelta.max) <= ASK_AGAIN
    for moment in (NOW + ASK_AGAIN, NOW - timedelta(minutes=1)):
        assert plan_lifetime(of, replace(seen, now=moment)) == ((steps.AskActivity(),),), "also with the clock set back"


def idle_for_long(of: Session) -> Observed:
    """Two minutes before the end of the idle time, with an answer of the desktop's."""
    activity = Activity(started_at=NOW - timedelta(hours=1), ready_at=NOW - timedelta(hours=1), asked_at=NOW)
    return replace(
        everything_observed(of),
        settings=settings(of, {"lifetime": {"idleAfter": "30m"}}),
        activity=replace(activity, last_input_at=NOW - timedelta(minutes=28)),
    )


def test_a_desktop_whose_pod_is_not_ready_for_a_moment_is_asked_for_activity_too() -> None:
    of = session()
    seen = idle_for_long(of)
    seen = replace(seen, pod=running_pod(of, ready=False), activity=replace(seen.activity, asked_at=None))
    assert plan_lifetime(of, seen) == ((steps.AskActivity(),),)
    assert seen.pod is not None
    seen.pod["metadata"]["deletionTimestamp"] = "2026-11-24T06:00:00Z"
    assert plan_lifetime(of, seen) == ()


@pytest.mark.parametrize(
    ("workspace", "expiry", "words"),
    [
        (None, "Suspend", "Everything in it is lost."),
        ({"size": "1Gi"}, "Suspend", "Your scene is saved."),
        ({"size": "1Gi"}, "Delete", "Everything in it is lost."),
        ({"size": "1Gi", "reclaimPolicy": "Retain"}, "Delete", "Your scene is saved."),
        ({"claimName": "home"}, "Delete", "Your scene is saved."),
    ],
)
def test_a_warning_says_what_is_lost(workspace: Manifest | None, expiry: str, words: str) -> None:
    of = session({"lifetime": {"onExpiry": expiry}} | ({"workspace": workspace} if workspace else {}))
    [[warning]] = plan_lifetime(of, idle_for_long(of))
    assert isinstance(warning, steps.Warn)
    assert words in warning.message
