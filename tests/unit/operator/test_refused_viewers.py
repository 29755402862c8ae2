"""A viewer whom the class refuses gets no grant, also in a session that runs, and its owner works on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from blendersessions.model.manifest import CLASS_KIND, ref_of
from blendersessions_operator.controller.reconciler import reconcile
from unit.operator.factories import OTHER_UID, body
from unit.operator.simulation import KEY, Simulation

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest


def let(sim: Simulation, *viewers: str) -> None:
    """Have the class allow these viewers."""
    made: Manifest = {
        "kind": CLASS_KIND,
        "metadata": {"namespace": "art", "name": "default", "uid": "class"},
        "spec": {"viewers": list(viewers)},
    }
    sim.server.objects[ref_of(made)] = made
    sim.server.touched(ref_of(made))


def work(sim: Simulation) -> None:
    for _ in range(4):
        for pod in sim.pods():
            pod["status"] = {
                "phase": "Running",
                "podIP": "127.0.0.1",
                "conditions": [{"type": "Ready", "status": "True"}],
            }
            sim.server.touched(ref_of(pod))
        sim.sync_caches()
        asyncio.run(sim.reconcile())


def condition(sim: Simulation, kind: str) -> tuple[str, str, str]:
    found = sim.server.objects[KEY]["status"]["conditions"]
    [entry] = [each for each in found if each["type"] == kind]
    return entry["status"], entry["reason"], entry["message"]


def people(sim: Simulation) -> set[str]:
    return {user for user, _ in sim.guacamole.grants}


def test_a_viewer_who_is_added_later_or_refused_later_has_no_grant() -> None:
    sim = Simulation()
    let(sim, "vic", "wu")
    sim.server.objects[KEY] = body({"owner": "ann", "viewers": ["vic"]}, finalizer=False)
    sim.server.touched(KEY)
    work(sim)
    assert people(sim) == {"ann", "vic"}
    asyncio.run(sim.server.merge(KEY, {"spec": {"viewers": ["vic", "eve"]}}))
    work(sim)
    assert people(sim) == {"ann", "vic"}
    assert "eve" not in sim.guacamole.users
    assert condition(sim, "Ready")[0] == "True", "the owner works on"
    truth, reason, message = condition(sim, "ConnectionReady")
    assert (truth, reason) == ("True", "ViewerRefused")
    assert "spec.viewers has eve, and the class default allows as viewers vic, wu" in message
    let(sim, "wu")
    work(sim)
    assert people(sim) == {"ann"}
    assert set(sim.guacamole.users) == {"ann"}
    let(sim, "*")
    work(sim)
    assert people(sim) == {"ann", "vic", "eve"}


def test_a_refused_viewer_whom_two_sessions_name_goes_with_the_last_of_them() -> None:
    sim = Simulation()
    let(sim, "vic")
    sim.server.objects[KEY] = body({"owner": "ann", "viewers": ["vic"]}, finalizer=False)
    sim.server.touched(KEY)
    work(sim)
    other = body({"owner": "bo", "viewers": ["vic"]})
    other["metadata"] |= {"name": "other", "uid": OTHER_UID}
    sim.server.objects[ref_of(other)] = other
    sim.server.touched(ref_of(other))
    let(sim, "wu")
    work(sim)
    assert people(sim) == {"ann"}
    for ref in (ref_of(other), KEY):
        asyncio.run(sim.server.delete(ref, sim.server.objects[ref]["metadata"]["uid"]))
        sim.sync_caches()
        asyncio.run(reconcile(sim.context, ref))
    assert sim.guacamole.users == {}
