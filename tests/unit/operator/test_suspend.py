"""The plan for a session that is suspended or expired."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from blendersessions.model.conditions import ConditionType
from blendersessions.model.errors import System, Unauthorised
from blendersessions.model.session import parse_session
from blendersessions_operator.planning import steps
from blendersessions_operator.planning.lifetime import Activity
from blendersessions_operator.planning.plan import plan, requeue_after
from blendersessions_operator.planning.status import status
from blendersessions_operator.planning.steps import Area
from blendersessions_operator.planning.suspend import ASK_AGAIN, plan_lifetime
from unit.operator.factories import NOW, body, everything_observed, nothing_observed, running_pod, session, settings

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest
    from blendersessions.model.session import Session
    from blendersessions_operator.planning.observed import Observed


def suspend_requested(*, workspace: bool = True) -> Session:
    """A session that was suspended a moment ago."""
    made = body({"suspend": True} | ({"workspace": {"size": "1Gi"}} if workspace else {}))
    return parse_session(made | {"status": {"suspension": {"reason": "Requested", "at": NOW.isoformat()}}})


def kinds(of: Session, observed: Observed) -> list[list[str]]:
    return [[type(step).__name__ for step in stage] for stage in plan(of, observed).stages if stage]


def test_a_requested_suspension_is_recorded_before_anything_is_deleted() -> None:
    of = session({"suspend": True})
    assert plan(of, everything_observed(of)).stages == ((steps.RecordSuspension("Requested"),),)


def test_a_scale_to_zero_is_recorded_like_a_request_in_the_spec() -> None:
    of = session({"replicas": 0})
    assert plan(of, everything_observed(of)).stages == ((steps.RecordSuspension("Requested"),),)


def expiring(status: Manifest | None = None, **spec: object) -> tuple[Session, Observed]:
    """A session at the end of its idle time, whose desktop has just been asked."""
    begun = NOW - timedelta(hours=1)
    run = {"startedAt": begun.isoformat(), "readyAt": begun.isoformat()}
    of = parse_session(body({"lifetime": {"idleAfter": "30m"}} | spec) | {"status": run | (status or {})})
    activity = Activity(started_at=begun, ready_at=begun, last_input_at=begun, asked_at=NOW)
    return of, replace(everything_observed(of), settings=settings(of), activity=activity)


def recorded(reason: str, generation: int | None) -> Manifest:
    return {"suspension": {"reason": reason, "at": NOW.isoformat(), "generation": generation}}


GENERATION = session().generation


@pytest.mark.parametrize(
    ("status", "spec", "step"),
    [
        ({}, {}, steps.RecordSuspension("Idle")),
        (recorded("Idle", GENERATION), {}, steps.ScaleToZero()),
        (recorded("Idle", GENERATION - 1), {}, steps.RecordSuspension("Idle")),
        (recorded("Idle", None), {}, steps.RecordSuspension("Idle")),
        (recorded("MaxAge", GENERATION), {}, steps.RecordSuspension("Idle")),
        (recorded("Idle", GENERATION), {"replicas": 0}, None),
        (recorded("Idle", GENERATION - 1), {"replicas": 0}, None),
        (recorded("Idle", GENERATION), {"suspend": True}, steps.RecordSuspension("Requested")),
    ],
    ids=["new", "recorded", "changed since", "of an older release", "of another kind", "scaled", "later", "held"],
)
def test_an_expiry_is_recorded_then_scaled_and_nothing_stops_before_that(
    status: Manifest, spec: Manifest, step: steps.Step | None
) -> None:
    of, seen = expiring(status, **spec)
    planned = [each for stage in plan(of, seen).stages for each in stage]
    if step is not None:
        assert planned == [step]
    else:
        assert [type(each) for each in planned] == [steps.DeleteObject], "the pod has nothing to save"


def test_an_expiry_that_was_recorded_before_a_crash_is_decided_again() -> None:
    of, seen = expiring(recorded("Idle", GENERATION))
    assert status(of, seen).suspension == of.status.suspension, "else it would be written and removed for ever"
    forgotten = replace(seen, activity=replace(seen.activity, asked_at=None))
    assert plan(of, forgotten).stages == ((steps.AskState(),),)
    worked = replace(seen, activity=replace(seen.activity, last_input_at=NOW))
    assert plan(of, worked).empty
    assert status(of, worked).suspension is None
    assert status(of, worked).started_at == of.status.started_at is not None


def test_a_refused_suspension_is_said_and_not_written_again_and_again() -> None:
    of, seen = expiring(recorded("Idle", GENERATION))
    refused = replace(seen, failures={Area.SESSION: Unauthorised("you may not scale", System.KUBERNETES)})
    assert plan(of, refused).empty
    found = status(of, refused)
    condition = found.condition(ConditionType.SUSPENDED)
    assert condition is not None
    assert (condition.status, condition.reason) == ("False", "Suspending")
    assert "the suspension is refused: you may not scale" in condition.message
    assert status(replace(of, status=found), refused) == found


@pytest.mark.parametrize(
    ("spec", "reason", "cause", "way_back"),
    [
        ({"suspend": True}, "Requested", "spec.suspend is true.", "Set spec.suspend to false to resume it."),
        ({"replicas": 0}, "Requested", "spec.replicas is 0.", "Resume it with kubectl scale bs cart --replicas=1."),
        ({"replicas": 0}, "Idle", "Nobody worked", "Resume it with kubectl scale bs cart --replicas=1."),
        (
            {"suspend": True, "replicas": 0},
            "Requested",
            "spec.suspend is true.",
            "Set spec.suspend to false, then resume it with kubectl scale bs cart --replicas=1.",
        ),
    ],
)
def test_the_way_back_is_the_right_one(spec: Manifest, reason: str, cause: str, way_back: str) -> None:
    of = parse_session(body(spec) | {"status": recorded(reason, 1)})
    condition = status(of, replace(everything_observed(of), pod=None)).condition(ConditionType.SUSPENDED)
    assert condition is not None
    assert (condition.status, condition.reason) == ("True", reason)
    assert condition.message.startswith(cause)
    assert condition.message.endswith(way_back)


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
    assert plan_lifetime(of, seen) == ((steps.AskState(),),)
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
        assert plan_lifetime(of, replace(seen, now=moment)) == ((steps.AskState(),),), "also with the clock set back"


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
    assert plan_lifetime(of, seen) == ((steps.AskState(),),)
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
