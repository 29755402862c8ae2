"""The capacity of a session that ends goes to the next queued one, without an event of that one."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from blendersessions.model.manifest import CLASS_KIND, Ref, ref_of
from blendersessions_operator.controller.informer import apply_event
from blendersessions_operator.controller.reconciler import reconcile
from unit.operator.factories import OTHER_UID, body
from unit.operator.simulation import KEY, Simulation

WAITING = Ref(KEY.kind, KEY.namespace, "can")


@pytest.fixture
def full() -> tuple[Simulation, list[Ref]]:
    """A class with capacity for one: the session of `KEY` runs, and another one waits. Also return what is enqueued."""
    simulation = Simulation()
    second = body(finalizer=False)
    second["metadata"] |= {"name": WAITING.name, "uid": OTHER_UID}
    limited: dict[str, Any] = {
        "kind": CLASS_KIND,
        "metadata": {"namespace": KEY.namespace, "name": "default", "uid": "class-uid"},
        "spec": {"limits": {"sessions": 1}},
    }
    place = Ref(CLASS_KIND, KEY.namespace, "default")
    for ref, made in ((place, limited), (KEY, body(finalizer=False)), (WAITING, second)):
        simulation.server.objects[ref] = made
        simulation.server.touched(ref)
        simulation.sync_caches()
        asyncio.run(reconcile(simulation.context, ref))
    assert simulation.server.objects[WAITING]["status"]["queuePosition"] == 1
    simulation.queue.added.clear()
    return simulation, simulation.queue.added


def delete(simulation: Simulation) -> None:
    asyncio.run(simulation.server.delete(KEY, simulation.server.objects[KEY]["metadata"]["uid"]))
    simulation.sync_caches()


@pytest.mark.parametrize("others", [[], ["example.org/theirs"]])
def test_when_the_operator_releases_a_session(full: tuple[Simulation, list[Ref]], others: list[str]) -> None:
    simulation, enqueued = full
    simulation.server.objects[KEY]["metadata"]["finalizers"] += others
    delete(simulation)
    assert asyncio.run(simulation.reconcile())
    assert WAITING in enqueued, "also while somebody else's finalizer still holds the session"
    assert asyncio.run(reconcile(simulation.context, WAITING))
    assert "queuePosition" not in simulation.server.objects[WAITING]["status"]


def test_when_a_watch_shows_that_a_session_is_gone(full: tuple[Simulation, list[Ref]]) -> None:
    simulation, enqueued = full
    simulation.server.collect(KEY)
    simulation.sync_caches()
    assert WAITING in enqueued


@pytest.mark.parametrize("others", [[], ["example.org/theirs"]], ids=["gone", "held"])
def test_a_pod_that_still_ends_holds_the_capacity_of_a_deleted_session(
    full: tuple[Simulation, list[Ref]], others: list[str]
) -> None:
    simulation, enqueued = full
    simulation.server.objects[KEY]["metadata"]["finalizers"] += others
    [pod] = simulation.pods()
    pod["metadata"]["finalizers"] = ["kubelet/ends"]
    simulation.server.touched(ref_of(pod))
    delete(simulation)
    assert asyncio.run(simulation.reconcile())
    simulation.sync_caches()
    assert pod["metadata"]["deletionTimestamp"], "the pod is stopped, whoever else holds the session"
    session = simulation.session()
    assert (session is not None) is bool(others)
    assert session is None or (session["status"]["phase"], "clientURL" in session["status"]) == ("Terminating", False)
    assert asyncio.run(reconcile(simulation.context, WAITING))
    assert simulation.server.objects[WAITING]["status"]["queuePosition"] == 1
    enqueued.clear()
    simulation.server.collect(ref_of(pod))
    apply_event(simulation.context, pod, gone=True)
    assert asyncio.run(simulation.reconcile())
    assert WAITING in enqueued
    assert asyncio.run(reconcile(simulation.context, WAITING))
    assert "queuePosition" not in simulation.server.objects[WAITING]["status"]


def test_a_pod_that_still_saves_holds_the_capacity_of_a_suspended_session(full: tuple[Simulation, list[Ref]]) -> None:
    simulation, _ = full
    [pod] = simulation.pods()
    pod["metadata"]["finalizers"] = ["kubelet/ends"]
    simulation.server.touched(ref_of(pod))
    asyncio.run(simulation.server.merge(KEY, {"spec": {"suspend": True}}))
    for _ in range(3):
        simulation.sync_caches()
        asyncio.run(simulation.reconcile())
    assert pod["metadata"]["deletionTimestamp"]
    assert asyncio.run(reconcile(simulation.context, WAITING))
    assert simulation.server.objects[WAITING]["status"]["queuePosition"] == 1
