"""The room of a session that ends goes to whoever waits for it, without any event of theirs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from blendersessions.handlers.reconcile import reconcile
from blendersessions.model.manifest import CLASS_KIND, Ref
from unit.operator.simulation import KEY, Simulation
from unit.operator.worlds import OTHER_UID, body

WAITING = Ref(KEY.kind, KEY.namespace, "can")


@pytest.fixture
def full() -> tuple[Simulation, list[Ref]]:
    """A class with room for one, taken by the session of `KEY`; another one stands in line. Who is woken is noted."""
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
        simulation.see()
        asyncio.run(reconcile(simulation.world, ref))
    assert simulation.server.objects[WAITING]["status"]["queuePosition"] == 1
    woken: list[Ref] = []
    simulation.world.wake = woken.append
    return simulation, woken


def delete(simulation: Simulation) -> None:
    asyncio.run(simulation.server.delete(KEY, simulation.server.objects[KEY]["metadata"]["uid"]))
    simulation.see()


@pytest.mark.parametrize("others", [[], ["example.org/theirs"]])
def test_when_the_operator_releases_a_session(full: tuple[Simulation, list[Ref]], others: list[str]) -> None:
    simulation, woken = full
    simulation.server.objects[KEY]["metadata"]["finalizers"] += others
    delete(simulation)
    assert asyncio.run(simulation.reconcile())
    assert WAITING in woken, "also while somebody else's finalizer still holds the session"
    assert asyncio.run(reconcile(simulation.world, WAITING))
    assert "queuePosition" not in simulation.server.objects[WAITING]["status"]


def test_when_a_watch_tells_that_a_session_is_gone(full: tuple[Simulation, list[Ref]]) -> None:
    simulation, woken = full
    simulation.server.collect(KEY)
    simulation.see()
    assert WAITING in woken
