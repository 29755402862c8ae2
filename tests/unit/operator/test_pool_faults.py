"""A pool and its sessions when something does not go as it should: refusals, lost labels, other people's changes."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING
from unittest.mock import AsyncMock, patch

import pytest

from blendersessions.model.errors import SignedOut, System, Unauthorised
from blendersessions.model.manifest import Ref
from blendersessions_operator.controller.informer import apply_event, enqueue_affected
from blendersessions_operator.resources.network_policy import CLOSED
from unit.operator.pool_simulation import CART, POOL, POOL_KEY, PoolSimulation, crowded, filled, find_no_room

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest


def refuse_to_give_the_secret(sim: PoolSimulation) -> None:
    """Something in the cluster lets the owner of no Secret be changed."""
    merge = sim.server.merge

    async def merged(ref: Ref, patch: Manifest) -> Manifest:
        if ref.kind == "Secret" and "ownerReferences" in patch["metadata"]:
            raise Unauthorised("cannot set an ownerRef on a resource you can't delete", System.KUBERNETES)
        return await merge(ref, patch)

    sim.server.merge = merged  # type: ignore[method-assign]


def settle_without_end(sim: PoolSimulation, seconds: float) -> None:
    """Let it work while something is tried again and again."""
    end = sim.seconds + seconds
    while sim.seconds < end:
        sim.kubelet()
        sim.deliver()
        if not sim.work():
            sim.seconds += 1.0


def pod_of(sim: PoolSimulation, ref: Ref) -> Ref:
    """The pod of a session."""
    return Ref("Pod", "art", sim.server.objects[ref]["status"]["desktop"]["name"])


@pytest.mark.parametrize("how", ["suspended", "evicted"])
def test_a_session_that_cannot_take_its_secret_over_is_suspended_and_gets_another_pod(how: str) -> None:
    sim = filled(size=1)
    refuse_to_give_the_secret(sim)
    ref = sim.create(CART)
    settle_without_end(sim, 5.0)
    assert sim.startup(ref) == ("Warm", "")
    pod = pod_of(sim, ref)
    former = sim.server.objects[pod]["metadata"]["uid"]
    if how == "suspended":
        sim.server.change_spec(ref, {"suspend": True})
    else:
        sim.server.objects[pod]["status"] |= {"phase": "Failed", "reason": "Evicted", "message": "memory"}
        sim.server.touched(pod)
    settle_without_end(sim, 100.0)
    assert sim.server.objects[ref]["status"]["phase"] == ("Suspended" if how == "suspended" else "Ready")
    assert (pod in sim.server.objects) is (how == "evicted")
    assert how == "suspended" or sim.server.objects[pod]["metadata"]["uid"] != former


def test_few_desktops_are_tried_where_one_is_refused() -> None:
    sim = PoolSimulation(POOL | {"size": 200, "maxSize": 200})
    sim.server.quota = 10
    create, tried = sim.server.create, []

    async def created(manifest: Manifest) -> Manifest:
        tried.append(manifest["kind"])
        return await create(manifest)

    sim.server.create = created  # type: ignore[method-assign]
    sim.settle()
    assert len(sim.waiting()) == 10
    assert tried.count("Pod") <= 16, "one, two, four and eight"
    tried.clear()
    sim.server.collect(next(iter(sim.of_kind("Pod"))))
    sim.settle()
    assert len(sim.waiting()) == 10
    assert tried.count("Pod") <= 3


def test_a_token_that_has_expired_refuses_no_desktop() -> None:
    sim = PoolSimulation(POOL)
    expired = AsyncMock(side_effect=SignedOut("the token has expired", System.KUBERNETES))
    with patch.object(sim.server, "create", expired):
        sim.deliver()
        sim.work()
    assert sim.context.pools.refusals == {}
    sim.settle(20.0)
    assert len(sim.waiting()) == 2
    ref = sim.create(CART)
    with patch.object(sim.server, "merge", expired):
        sim.deliver()
        sim.work()
    sim.settle(20.0)
    assert sim.startup(ref) == ("Warm", "")


def test_a_desktop_that_lost_the_label_of_the_watch_is_deleted() -> None:
    sim = filled()
    ref = next(iter(sim.of_kind("Pod")))
    lost = copy.deepcopy(sim.server.objects[ref])
    # The watch says of a pod that its selector does not find any more that it is gone.
    sim.server.touched(ref)
    del sim._last[ref]
    apply_event(sim.context, lost, gone=True)
    sim.work()
    assert ref not in sim.server.objects
    sim.settle(60.0)
    assert len(sim.waiting()) == 2
    assert sim.guacamole.connections.keys() == sim.waiting()
    assert sim.context.pools.strays == {}


def test_a_desktop_that_no_watch_told_of_leaves_nothing_in_guacamole() -> None:
    """It was made and removed while the watch was away, and the next watch begins after both."""
    sim = filled(size=1)
    for _ in range(2):
        sim.seconds += 90_000.0
        sim.work()
    sim.settle(60.0)
    assert len(sim.waiting()) == 1
    assert sim.guacamole.connections.keys() == sim.waiting()


def test_a_policy_that_somebody_deletes_has_the_pools_of_its_namespace_looked_at() -> None:
    sim = filled()
    policy = {"kind": "NetworkPolicy", "metadata": {"namespace": "art", "name": CLOSED}}
    enqueue_affected(sim.context, policy | {"metadata": {"namespace": "music", "name": CLOSED}})
    assert sim.queue.pop() == []
    enqueue_affected(sim.context, policy)
    assert sim.queue.pop() == [POOL_KEY]


def test_pools_grow_at_once_when_a_session_that_wanted_room_goes() -> None:
    sim, ref = crowded()
    find_no_room(sim, ref)
    sim.settle(20.0)
    assert len(sim.waiting()) == 2
    # Somebody removes its finalizer.
    sim.server.objects[ref]["metadata"]["finalizers"] = []
    sim.server.collect(ref)
    sim.settle(20.0)
    assert len(sim.waiting()) == 3


def test_an_offer_that_suits_no_more_is_its_pools_to_decide() -> None:
    sim = filled()
    ref = sim.create(CART)
    sim.deliver()
    known = sim.context.cache.session(ref)
    assert known is not None
    offered = sim.context.pools.offer(known, POOL_KEY, lambda _: True)
    assert offered is not None
    sim.context.pools.opened.add(offered)
    sim.queue.due = {ref: 0.0}
    sim.work()
    assert sim.queue.due[POOL_KEY] == sim.seconds, "at once, and not only after the claim"
    sim.settle(60.0)
    assert sim.startup(ref) == ("Warm", "")
    assert offered not in sim.server.objects
    assert len(sim.waiting()) == 2


def test_the_same_steps_twice_are_told(caplog: pytest.LogCaptureFixture) -> None:
    sim = filled()
    (name, *_) = sim.waiting()
    ref = Ref("Pod", "art", name)
    sim.server.objects[ref]["metadata"]["labels"]["app.kubernetes.io/name"] = "another"
    sim.server.touched(ref)
    with patch.object(sim.server, "delete", AsyncMock()):
        sim.deliver()
        sim.work()
    assert "The same steps come again" in caplog.text
    assert sim.queue.due[POOL_KEY] > sim.seconds


def test_a_resume_is_told_as_one_also_by_another_operator() -> None:
    sim = filled()
    ref = sim.create(CART)
    sim.settle(20.0)
    sim.server.change_spec(ref, {"suspend": True})
    sim.settle(60.0)
    assert sim.server.objects[ref]["status"]["phase"] == "Suspended"
    sim.server.change_spec(ref, {"suspend": False})
    sim.deliver()
    sim.work()
    sim.restart()
    sim.settle(60.0)
    assert sim.startup(ref) == ("Cold", "Resumed")
