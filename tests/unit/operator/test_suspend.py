"""The plan for a session that is suspended or expired."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from blendersessions.model.errors import Invalid, System, Unavailable
from blendersessions.model.session import parse_session
from blendersessions_operator.planning import steps
from blendersessions_operator.planning.lifetime import Activity
from blendersessions_operator.planning.plan import plan
from blendersessions_operator.planning.questions import Question, next_question
from blendersessions_operator.planning.steps import Area
from blendersessions_operator.planning.suspend import SAVE_TIMEOUT, plan_lifetime
from unit.operator.factories import NOW, body, everything_observed, nothing_observed, running_pod, session, settings

if TYPE_CHECKING:
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


def test_the_scene_is_saved_before_the_pod_is_deleted() -> None:
    assert kinds(suspend_requested(), everything_observed(suspend_requested())) == [["SaveScene"], ["DeleteObject"]]


def test_without_a_workspace_there_is_nothing_to_save() -> None:
    of = suspend_requested(workspace=False)
    assert kinds(of, everything_observed(of)) == [["DeleteObject"]]


def test_a_refused_save_keeps_the_desktop_without_a_deadline() -> None:
    late = replace(
        everything_observed(suspend_requested()),
        now=NOW + timedelta(days=1),
        failures={Area.SAVING: Invalid("full", System.AGENT)},
    )
    assert kinds(suspend_requested(), late) == []


def test_an_agent_that_does_not_answer_is_given_up_after_a_while() -> None:
    silent = replace(
        everything_observed(suspend_requested()), failures={Area.SAVING: Unavailable("silent", System.AGENT)}
    )
    assert kinds(suspend_requested(), silent) == []
    assert kinds(suspend_requested(), replace(silent, now=NOW + SAVE_TIMEOUT)) == [["DeleteObject"]]


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
    assert next_question(of, seen) is Question.ACTIVITY
    assert plan_lifetime(of, seen) == (), "nothing ends before the answer"
    failed = replace(seen, failures={Area.ACTIVITY: Unavailable("no answer", "Agent")})
    assert next_question(of, failed) is not Question.ACTIVITY
    assert isinstance(plan_lifetime(of, failed)[0][0], steps.RecordSuspension)
    answered = replace(seen, activity=replace(seen.activity, asked_at=NOW, last_input_at=NOW))
    assert next_question(of, answered) is not Question.ACTIVITY
    assert plan_lifetime(of, answered) == ()
