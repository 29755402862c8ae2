"""Conditions keep the moment of their last change."""

from __future__ import annotations

from datetime import timedelta

from blendersessions.model.conditions import Condition, set_condition
from unit.operator.factories import NOW

WAITING = Condition("Ready", "False", "PodStarting", "The pod is being started.")


def test_a_new_condition_begins_now() -> None:
    [made] = set_condition([], WAITING, generation=3, now=NOW)
    assert made.to_manifest() == (
        {
            "type": "Ready",
            "status": "False",
            "observedGeneration": 3,
            "lastTransitionTime": "2026-11-24T06:00:00Z",
            "reason": "PodStarting",
            "message": "The pod is being started.",
        }
    )


def test_another_reason_does_not_move_the_transition_time() -> None:
    before = set_condition([], WAITING, generation=3, now=NOW)
    other = Condition("Ready", "False", "SceneLoading", "Blender is opening it.")
    after = set_condition(before, other, generation=4, now=NOW + timedelta(minutes=1))
    assert after[0].last_transition_time == before[0].last_transition_time
    assert (after[0].reason, after[0].observed_generation) == ("SceneLoading", 4)


def test_another_status_moves_the_transition_time() -> None:
    before = set_condition([], WAITING, generation=3, now=NOW)
    ready = Condition("Ready", "True", "SessionReady", "Open it.")
    after = set_condition(before, ready, generation=3, now=NOW + timedelta(minutes=1))
    assert after[0].to_manifest()["lastTransitionTime"] == "2026-11-24T06:01:00Z"


def test_other_conditions_stay_as_and_where_they_are() -> None:
    foreign = Condition("Backup", "True", "", "")
    before = set_condition([foreign], WAITING, generation=3, now=NOW)
    ready = Condition("Ready", "True", "SessionReady", "Open it.")
    after = set_condition(before, ready, generation=3, now=NOW)
    assert after[0] is foreign
    assert [entry.type for entry in after] == ["Backup", "Ready"]
    assert before[1].status == "False", "the argument must not be changed"


def test_a_clock_set_back_dates_no_change_before_the_last_one() -> None:
    before = set_condition([], WAITING, generation=3, now=NOW)
    ready = Condition("Ready", "True", "SessionReady", "Open it.")
    after = set_condition(before, ready, generation=3, now=NOW - timedelta(hours=1))
    entry = after[0].to_manifest()
    assert (entry["status"], entry["lastTransitionTime"]) == ("True", "2026-11-24T06:00:00Z")
