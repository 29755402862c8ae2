"""What a person made is saved before a pod is stopped; a stop waits for work, and for no agent for ever."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from blendersessions.model.conditions import Reason
from blendersessions.model.session import parse_session
from blendersessions.model.status import LastSave, SaveResult, parse_status
from blendersessions_operator.planning import steps
from blendersessions_operator.planning.conditions import compute_conditions
from blendersessions_operator.planning.plan import plan, requeue_after
from blendersessions_operator.planning.save_progress import SaveOutcome, SaveProgress
from blendersessions_operator.planning.saving import FRESH_FOR, SILENCE_LIMIT
from blendersessions_operator.planning.status import with_save
from unit.operator.factories import NOW, body, everything_observed, nothing_observed, running_pod, session, settings

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest
    from blendersessions.model.session import Session
    from blendersessions_operator.planning.observed import Observed

KEPT: Manifest = {"workspace": {"size": "1Gi", "reclaimPolicy": "Retain"}}
SUSPENDED = {"suspension": {"reason": "Requested", "at": NOW.isoformat()}}
WAIT = timedelta(minutes=10)
"""The default of `saving.waitForWork`."""


def suspended(**spec: object) -> Session:
    return parse_session(body({"suspend": True} | KEPT | spec) | {"status": SUSPENDED})


def deleted(spec: Manifest | None = None, *, finalizer: bool = True) -> Session:
    return session(KEPT if spec is None else spec, deleting=True, finalizer=finalizer)


def seen(of: Session, save: SaveProgress | None = None, **later: int) -> Observed:
    """Everything as the session wants it, some time later."""
    return replace(everything_observed(of), save=save, now=NOW + timedelta(**later))


def ended(outcome: SaveOutcome, message: str = "", **others: Any) -> SaveProgress:  # noqa: ANN401 - any of its fields
    return SaveProgress(outcome=outcome, message=message, **({"ended_at": NOW, "row_since": NOW, "row": 1} | others))


def kinds(of: Session, observed: Observed) -> list[list[str]]:
    return [[type(step).__name__ for step in stage] for stage in plan(of, observed).stages if stage]


def saves(of: Session, observed: Observed) -> list[bool]:
    """For each save in the plan, whether it is asked for although Blender works."""
    return [step.final for stage in plan(of, observed).stages for step in stage if isinstance(step, steps.SaveScene)]


def stops(of: Session, observed: Observed) -> bool:
    return "DeleteObject" in {kind for stage in kinds(of, observed) for kind in stage}


@pytest.mark.parametrize("of", [suspended(), deleted(), deleted({"workspace": {"claimName": "home"}})])
@pytest.mark.parametrize("ready", [True, False])
def test_a_desktop_that_runs_is_asked_to_save_before_its_pod_is_stopped(of: Session, *, ready: bool) -> None:
    asked = replace(seen(of), pod=running_pod(of, ready=ready))
    assert kinds(of, asked) == [["SaveScene"]], "also while its pod is not ready for a moment"
    assert plan(of, asked).stages[0][0] == steps.SaveScene("pod-uid", timedelta(seconds=90))
    assert kinds(of, replace(asked, save=SaveProgress(running=True))) == []
    assert stops(of, replace(asked, save=ended(SaveOutcome.SAVED)))


@pytest.mark.parametrize(
    "of",
    [suspended(workspace=None), deleted({}), deleted({"workspace": {"size": "1Gi"}})],
    ids=["none", "gone", "size"],
)
def test_work_that_nothing_can_keep_is_not_waited_for(of: Session) -> None:
    assert stops(of, seen(of))


@pytest.mark.parametrize("state", [{"waiting": {"reason": "CrashLoopBackOff"}}, {"terminated": {"exitCode": 1}}])
def test_a_pod_whose_container_does_not_run_has_nothing_to_save(state: Manifest) -> None:
    pod = running_pod(suspended(), ready=False)
    pod["status"]["containerStatuses"][0]["state"] = state
    assert stops(suspended(), replace(seen(suspended()), pod=pod))


def test_how_the_save_ended_is_recorded_before_the_pod_is_stopped() -> None:
    of = suspended()
    saved = seen(of, ended(SaveOutcome.SAVED))
    assert kinds(of, saved) == [["RecordSave"], ["DeleteObject"]]
    of = replace(of, status=with_save(of, LastSave(SaveResult.SAVED)))
    assert kinds(of, saved) == [["DeleteObject"]]
    assert parse_status(of.status.to_manifest()) == of.status


def test_a_save_is_repeated_if_the_pod_could_not_be_stopped_for_long_after_it() -> None:
    assert saves(suspended(), seen(suspended(), ended(SaveOutcome.SAVED, ended_at=NOW - FRESH_FOR))) == [False]


@pytest.mark.parametrize("of", [suspended(), deleted()])
def test_a_stop_waits_for_work_and_says_until_when(of: Session) -> None:
    busy = seen(of, ended(SaveOutcome.BUSY, "A render runs."))
    assert kinds(of, busy) == []
    assert requeue_after(of, busy) == timedelta(seconds=1)
    assert saves(of, replace(busy, now=NOW + timedelta(seconds=1))) == [False]
    found = compute_conditions(of, busy)["DesktopReady" if of.deleting else "Suspended"]
    assert (found.status, found.reason) == ("False", Reason.WAITING_FOR_WORK)
    limit = (of.deleted_at or NOW) + WAIT
    assert found.message == (
        f"A render runs. The pod is stopped when that is done and saved, at {limit:%H:%M:%S} UTC at the latest."
    )


def test_after_the_wait_a_busy_desktop_is_asked_once_more_and_stopped_with_true_words() -> None:
    of = suspended()
    busy = ended(SaveOutcome.BUSY, "A render runs.", row=9)
    late = replace(seen(of, busy), now=NOW + WAIT)
    assert saves(of, late) == [True]
    still = replace(late, save=replace(busy, final=True))
    assert kinds(of, still) == [["RecordSave"], ["DeleteObject"]]
    assert plan(of, still).stages[0][-1] == steps.RecordSave(LastSave(SaveResult.FAILED, "A render runs."))


def test_the_class_decides_how_long_work_is_waited_for() -> None:
    of = suspended()
    busy = ended(SaveOutcome.BUSY, "A render runs.", final=True, row=9)
    hasty = replace(
        seen(of, busy), settings=settings(of, {"saving": {"timeout": "5m", "waitForWork": "30s"}}), now=NOW + WAIT / 20
    )
    assert stops(of, hasty)
    [[save]] = plan(of, replace(hasty, save=None)).stages
    assert save == steps.SaveScene("pod-uid", timedelta(minutes=5))


@pytest.mark.parametrize("of", [suspended(), deleted()])
def test_an_agent_that_does_not_answer_is_asked_again_and_given_up_after_a_while(of: Session) -> None:
    silent = seen(of, ended(SaveOutcome.SILENT, "No answer."), seconds=20)
    assert saves(of, silent) == [False]
    words = compute_conditions(of, silent)["DesktopReady" if of.deleting else "Suspended"]
    assert words.reason == Reason.SAVE_FAILED
    assert "No answer. The pod is stopped at 06:02:00 UTC at the latest" in words.message
    assert stops(of, replace(silent, now=NOW + SILENCE_LIMIT))
    impatient = settings(of, {"saving": {"waitForWork": "10s"}})
    assert stops(of, replace(silent, settings=impatient)), "no silence is waited for longer than work"


def test_a_refused_save_keeps_a_suspended_desktop_and_holds_up_a_deletion_for_a_while() -> None:
    full = ended(SaveOutcome.REFUSED, "The disk is full.", row=8)
    assert saves(suspended(), seen(suspended(), full, days=1)) == [False]
    assert kinds(suspended(), seen(suspended(), full, seconds=10)) == []
    assert "The desktop runs on." in compute_conditions(suspended(), seen(suspended(), full))["Suspended"].message
    assert not stops(deleted(), seen(deleted(), full, seconds=10))
    assert stops(deleted(), replace(seen(deleted(), full), now=NOW + SILENCE_LIMIT))


@pytest.mark.parametrize(
    ("save", "says", "claims"),
    [
        (None, "The workspace keeps its files.", False),
        (LastSave(SaveResult.SAVED), "The scene is in the workspace.", True),
        (LastSave(SaveResult.FAILED, "No answer."), "The last save failed: No answer. The pod was stopped", False),
    ],
)
def test_a_stopped_session_claims_a_saved_scene_only_if_a_save_succeeded(
    save: LastSave | None, says: str, *, claims: bool
) -> None:
    of = suspended()
    of = replace(of, status=with_save(of, save)) if save is not None else of
    message = compute_conditions(of, replace(seen(of), pod=None))["Suspended"].message
    assert says in message
    assert ("The scene is in the workspace" in message) is claims


@pytest.mark.parametrize("of", [suspended(), deleted()])
def test_a_clock_that_was_set_back_delays_no_save(of: Session) -> None:
    assert saves(of, seen(of, ended(SaveOutcome.SILENT, row=5), hours=-1)) == [False]


def test_another_controllers_finalizer_does_not_keep_the_pod() -> None:
    of = deleted({}, finalizer=False)
    assert kinds(of, seen(of)) == [["DeleteObject"]]
    assert kinds(of, nothing_observed()) == []


def test_a_deleted_session_says_of_nothing_that_it_is_ready() -> None:
    conditions = compute_conditions(deleted({}), seen(deleted({})))
    assert {kind: entry.status for kind, entry in conditions.items()} == dict.fromkeys(
        ("Ready", "DesktopReady", "SceneReady", "ConnectionReady"), "False"
    )
