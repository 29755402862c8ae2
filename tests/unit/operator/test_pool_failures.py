"""Desktops of a pool that fail are told, and replaced without haste."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from blendersessions_operator.planning import pool_steps
from blendersessions_operator.planning.pool import requeue_pool_after
from blendersessions_operator.planning.pool_observed import MemberState, state_of
from blendersessions_operator.planning.pool_removals import FAILED_BACKOFF, max_surge
from blendersessions_operator.planning.pool_status import PoolReason, pool_status
from unit.operator.factories import NOW
from unit.operator.pools import POOL, PoolWorld, class_of, complete, full, of_kind, reported, waiting_pod, world


def test_an_image_that_never_starts_does_not_spin() -> None:
    made = world({"size": 5})
    for _ in range(12 * 60):
        made.work()
        made.kubelet(ready=False)
        made.now += timedelta(minutes=1)
    # Each place is tried again once in the start deadline of ten minutes and the five that follow it.
    assert made.made <= 5 * 12 * 4
    assert len(made.members) <= 5


def test_a_desktop_that_is_late_is_told_and_keeps_its_place_for_a_while() -> None:
    made = world({"size": 1})
    for _ in range(4):
        made.work()
        made.kubelet(ready=False)
    made.now += timedelta(minutes=10)
    assert pool_status(made.observe()).reason == PoolReason.FAILING  # type: ignore[union-attr]
    assert of_kind(made.observe(), pool_steps.RemoveDesktop) == []
    assert requeue_pool_after(made.observe()) == FAILED_BACKOFF
    made.now += FAILED_BACKOFF
    assert len(of_kind(made.observe(), pool_steps.RemoveDesktop)) == 1


def test_a_blender_that_ends_after_a_while_is_not_replaced_at_once() -> None:
    made = full({"size": 1})
    made.now += timedelta(hours=1)
    (name,) = made.members
    ended = {"terminated": {"exitCode": 1, "finishedAt": made.now.isoformat()}}
    blender = {"name": "blender", "state": {"running": {}}, "lastState": ended}
    made.touch(name, reported(made.members[name].pod, containerStatuses=[blender]))
    assert of_kind(made.observe(), pool_steps.RemoveDesktop) == []
    assert requeue_pool_after(made.observe()) == FAILED_BACKOFF
    made.now += FAILED_BACKOFF
    assert len(of_kind(made.observe(), pool_steps.RemoveDesktop)) == 1


def test_a_container_that_fails_again_and_again_has_failed_since_it_was_ready() -> None:
    made = full({"size": 1})
    (name,) = made.members
    made.now += timedelta(hours=2)
    unready = {"type": "Ready", "status": "False", "lastTransitionTime": (made.now - FAILED_BACKOFF).isoformat()}
    ended = {"exitCode": 1, "startedAt": made.now.isoformat(), "finishedAt": made.now.isoformat()}
    loop = {"name": "blender", "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": ended}}
    made.touch(name, reported(made.members[name].pod, containerStatuses=[loop], conditions=[unready]))
    assert len(of_kind(made.observe(), pool_steps.RemoveDesktop)) == 1


def test_a_desktop_that_waits_for_its_image_is_told() -> None:
    made = world({"size": 1})
    made.work()
    (name,) = made.members
    waits = {"name": "blender", "state": {"waiting": {"reason": "ErrImagePull", "message": "no such image"}}}
    made.touch(name, reported(made.members[name].pod, ready=False, phase="Pending", containerStatuses=[waits]))
    told = pool_status(made.observe())
    assert told is not None
    assert told.reason == PoolReason.FILLING
    assert "ErrImagePull" in told.message
    assert "no such image" in told.message


def test_a_failed_desktop_does_not_outlive_the_mend_of_its_class() -> None:
    made = full({"size": 4})
    for name in sorted(made.members)[:2]:
        made.touch(name, reported(made.members[name].pod, ready=False, phase="Failed"))
    made.session_class = class_of({"size": 4}, image="blender:mended")
    assert len(of_kind(made.observe(), pool_steps.RemoveDesktop)) == 4
    made.settle()
    assert len(made.members) == 4


def test_one_end_in_a_large_pool_does_not_slow_it() -> None:
    made = full({"size": 20})
    name = min(made.members)
    made.touch(name, reported(made.members[name].pod, ready=False, phase="Failed"))
    made.session_class = class_of({"size": 30})
    assert len(of_kind(made.observe(), pool_steps.MakeDesktop)) == max_surge(30)


def test_a_failed_desktop_keeps_its_place_for_a_while() -> None:
    made = full()
    name = next(iter(made.members))
    failed_at = {"type": "Ready", "status": "False", "lastTransitionTime": NOW.isoformat()}
    made.touch(name, reported(made.members[name].pod, ready=False, phase="Failed", conditions=[failed_at]))
    assert of_kind(made.observe(), pool_steps.RemoveDesktop) == []
    assert requeue_pool_after(made.observe()) == FAILED_BACKOFF
    made.now += FAILED_BACKOFF
    assert len(of_kind(made.observe(), pool_steps.RemoveDesktop)) == 1


def test_a_desktop_on_a_node_that_is_drained_is_removed_at_once() -> None:
    of = class_of(POOL)
    pod = reported(waiting_pod(of, "blender-a"))
    pod["status"]["conditions"].append({"type": "DisruptionTarget", "status": "True"})
    observed = replace(PoolWorld(of).observe(), members=(complete(pod),))
    assert state_of(observed.members[0], observed) is MemberState.UNFIT
    assert len(of_kind(observed, pool_steps.RemoveDesktop)) == 1
