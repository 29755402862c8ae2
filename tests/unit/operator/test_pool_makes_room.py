"""Desktops of a pool give way to sessions that find no room."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from blendersessions_operator.planning import pool_steps
from blendersessions_operator.planning.pool import plan_pool, requeue_pool_after
from blendersessions_operator.planning.pool_observed import MemberState, state_of
from blendersessions_operator.planning.room import HELD_TIME
from unit.operator.factories import NOW
from unit.operator.pools import class_of, full, of_kind, reported, wants


def test_desktops_make_room_for_sessions_that_start_cold() -> None:
    made = full()
    made.wanting = [wants("one"), wants("other")]
    removed = [step for step in plan_pool(made.observe()).steps if isinstance(step, pool_steps.RemoveDesktop)]
    assert {step.makes_room_for for step in removed} == {"one", "other"}
    assert of_kind(made.observe(), pool_steps.MakeDesktop) == []
    made.settle()
    assert len(made.members) == 1, "one for each session, once"


@pytest.mark.parametrize(("by_quota", "left"), [(False, 2), (True, 4)])
def test_a_desktop_that_is_on_no_node_makes_no_room_there(by_quota: bool, left: int) -> None:
    made = full({"size": 3})
    made.session_class = class_of({"size": 5})
    made.work()
    assert len(made.members) == 5
    made.wanting = [wants(by_quota=by_quota)]
    removed = [step for step in plan_pool(made.observe()).steps if isinstance(step, pool_steps.RemoveDesktop)]
    (served,) = [step.ref.name for step in removed if step.makes_room_for]
    ready = state_of(made.members[served], made.observe()) is MemberState.READY
    assert ready is not by_quota, "any pod counts for a quota"
    made.work()
    leaving = {name for name, each in made.members.items() if "deletionTimestamp" in each.pod["metadata"]}
    assert len(made.members) - len(leaving) == left, "no pod waits for the place that comes free"


def test_a_desktop_that_has_waited_for_a_node_for_too_long_gives_way_too() -> None:
    made = full({"size": 3})
    made.session_class = class_of({"size": 5})
    made.work()
    made.now += timedelta(minutes=11)
    made.wanting = [replace(wants(), since=made.now)]
    assert len(of_kind(made.observe(), pool_steps.RemoveDesktop)) == 3, "two that are on no node, and one that is"


def test_a_pool_grows_again_when_a_session_has_found_no_room_for_long() -> None:
    made = full()
    made.wanting = [wants()]
    made.settle()
    assert len(made.members) == 2
    assert requeue_pool_after(made.observe()) == HELD_TIME
    made.now += HELD_TIME
    made.settle()
    assert len(made.members) == 3


def test_a_desktop_that_goes_for_another_reason_serves_no_session() -> None:
    made = full({"size": 1})
    (name,) = made.members
    pod = made.members[name].pod
    drained = pod["status"]["conditions"] + [{"type": "DisruptionTarget", "status": "True"}]
    made.touch(name, pod | {"status": pod["status"] | {"conditions": drained}})
    made.wanting = [wants()]
    (removed,) = of_kind(made.observe(), pool_steps.RemoveDesktop)
    assert isinstance(removed, pool_steps.RemoveDesktop)
    assert removed.makes_room_for == ""


@pytest.mark.parametrize("by_quota", [False, True])
def test_a_desktop_that_was_evicted_makes_no_room(by_quota: bool) -> None:
    made = full({"size": 5})
    name = min(made.members)
    evicted = {"type": "Ready", "status": "False", "lastTransitionTime": NOW.isoformat()}
    made.touch(name, reported(made.members[name].pod, ready=False, phase="Failed", conditions=[evicted]))
    made.wanting = [wants(by_quota=by_quota)]
    served = [step.ref.name for step in of_kind(made.observe(), pool_steps.RemoveDesktop) if step.makes_room_for]  # type: ignore[union-attr]
    assert len(served) == 1
    assert name not in served
