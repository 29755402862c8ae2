"""Desktops of a pool that are old or of another image are replaced, and the pool is never empty meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from blendersessions_operator.planning import pool_steps
from blendersessions_operator.planning.pool import plan_pool
from blendersessions_operator.planning.pool_observed import MemberState, state_of
from blendersessions_operator.planning.pool_removals import FAILED_BACKOFF, max_surge
from unit.operator.pools import POOL, class_of, full, of_kind

QUOTA, OTHER = 'forbidden: exceeded quota: "few"', "the ConfigMap studio is missing"


def test_another_image_removes_all_at_once_and_makes_new_ones_at_the_usual_pace() -> None:
    made = full({"size": 10})
    made.session_class = class_of({"size": 10}, image="blender:next")
    assert len(of_kind(made.observe(), pool_steps.RemoveDesktop)) == 10
    made.settle()
    assert len(made.members) == 10
    assert made.made == 20


def test_another_limit_of_sessions_removes_nothing() -> None:
    made = full()
    made.session_class = class_of(POOL, limits={"sessions": 2})
    assert plan_pool(made.observe()).steps == ()


def test_old_desktops_are_replaced_a_few_at_a_time_and_can_be_taken_until_then() -> None:
    made = full({"size": 20})
    made.now += timedelta(hours=25)
    assert len(of_kind(made.observe(), pool_steps.RemoveDesktop)) == max_surge(20)
    states = {state_of(member, made.observe()) for member in made.members.values()}
    assert states == {MemberState.EXPIRED}
    made.settle()
    assert len(made.members) == 20
    assert made.made == 40


def test_a_smaller_pool_loses_first_what_no_session_could_take() -> None:
    made = full()
    made.session_class = class_of(POOL | {"size": 4})
    made.work()
    made.session_class = class_of(POOL)
    (removed,) = of_kind(made.observe(), pool_steps.RemoveDesktop)
    assert isinstance(removed, pool_steps.RemoveDesktop)
    assert state_of(made.members[removed.ref.name], made.observe()) is MemberState.STARTING


@pytest.mark.parametrize(("refusal", "left"), [(QUOTA, 1), (OTHER, 0)])
@pytest.mark.parametrize("size", [1, 5])
def test_an_old_desktop_goes_only_if_a_successor_may_come(size: int, refusal: str, left: int) -> None:
    made = full({"size": size})
    made.now += timedelta(hours=25)
    refused = replace(made.observe(), refused_until=made.now + FAILED_BACKOFF, refusal=refusal)
    assert len(of_kind(refused, pool_steps.RemoveDesktop)) == left, "a quota that is full has room then"
    fewer = replace(refused, members=refused.members[1:])
    assert of_kind(fewer, pool_steps.RemoveDesktop) == [], "the last one was not replaced yet"


def test_old_desktops_do_not_all_go_while_none_can_be_made() -> None:
    made = full({"size": 5})
    made.now += timedelta(hours=25)
    observed = made.observe()
    for _ in range(10):
        gone = {step.ref.name for step in of_kind(observed, pool_steps.RemoveDesktop)}  # type: ignore[union-attr]
        observed = replace(observed, members=tuple(each for each in observed.members if each.name not in gone))
    assert len(observed.members) == 3, "as few are missing as are renewed at a time"


@pytest.mark.parametrize("size", [1, 2, 10])
def test_an_old_pool_is_never_empty_while_it_is_renewed(size: int) -> None:
    made = full({"size": size})
    made.now += timedelta(hours=25)
    former = set(made.members)
    fewest = size
    for _ in range(30):
        made.work()
        made.kubelet()
        states = [state_of(each, made.observe()) for each in made.members.values()]
        fewest = min(fewest, len([each for each in states if each in (MemberState.READY, MemberState.EXPIRED)]))
    assert fewest >= 1
    assert len(made.members) == size
    assert not former & made.members.keys()


def test_a_pool_at_its_largest_size_is_renewed_too() -> None:
    made = full({"size": 1, "maxSize": 1})
    former = set(made.members)
    made.now += timedelta(hours=25)
    made.settle()
    assert len(made.members) == 1
    assert not former & made.members.keys()


def test_a_desktop_that_hangs_on_a_dead_node_does_not_stop_renewals() -> None:
    made = full({"size": 3})
    made.now += timedelta(hours=25)
    for name in sorted(made.members)[:2]:
        metadata = made.members[name].pod["metadata"] | {"deletionTimestamp": made.now.isoformat()}
        made.touch(name, made.members[name].pod | {"metadata": metadata})
    made.work()
    made.kubelet()
    for name in made.ending:
        made.members.pop(name, None)
    made.settle()
    assert all(state_of(each, made.observe()) is MemberState.READY for each in made.members.values())


def test_a_clock_that_was_set_back_makes_no_desktop_old() -> None:
    made = full()
    made.now -= timedelta(days=400)
    assert plan_pool(made.observe()).steps == ()
