"""A class that comes, changes or goes wakes its sessions, and those whose status names the classes of the namespace."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING
from uuid import NAMESPACE_DNS, uuid5

import pytest

from blendersessions.clients.agent import AgentStatus
from blendersessions.model.manifest import CLASS_KIND, Ref, ref_of
from blendersessions_operator.controller.informer import apply_event
from unit.operator.contexts import context_of
from unit.operator.factories import body
from unit.operator.scenes import UPLOAD, URL
from unit.operator.simulation import KEY, Simulation

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest


def a_session(name: str, spec: Manifest, *told: tuple[str, str], namespace: str = "art") -> Manifest:
    made = body(spec)
    made["metadata"] |= {"name": name, "namespace": namespace, "uid": str(uuid5(NAMESPACE_DNS, f"{name}.{namespace}"))}
    conditions = [{"type": kind, "status": "False", "reason": reason, "message": ""} for kind, reason in told]
    made["status"] = {"conditions": conditions}
    return made


def a_class(name: str, version: str = "200", **spec: object) -> Manifest:
    return {
        "apiVersion": "blendersessions.io/v1alpha1",
        "kind": CLASS_KIND,
        "metadata": {"namespace": "art", "name": name, "uid": f"class-{name}", "resourceVersion": version},
        "spec": spec,
    }


SESSIONS = [
    a_session("of-the-class", {"className": "new"}),
    a_session("too-new", UPLOAD, ("SceneReady", "SceneTooNew")),
    a_session("its-source-is-refused", URL, ("DesktopReady", "BeyondClass")),
    a_session("too-new-elsewhere", UPLOAD, ("SceneReady", "SceneTooNew"), namespace="studio"),
    a_session("unreadable", UPLOAD, ("SceneReady", "SceneUnreadable")),
    a_session("beyond-its-class", {}, ("DesktopReady", "BeyondClass")),
    a_session("works", {}),
]


@pytest.mark.parametrize("gone", [False, True])
def test_a_class_wakes_exactly_the_sessions_whose_status_it_may_change(gone: bool) -> None:
    known = [a_class("new", version="100")] if gone else []
    context, queue = context_of(None, None, *SESSIONS, *known)
    apply_event(context, a_class("new"), gone=gone)
    woken = sorted(ref.name for ref in queue.added)
    assert woken == ["its-source-is-refused", "of-the-class", "too-new"]
    assert {ref.namespace for ref in queue.added} == {"art"}


async def test_the_message_names_the_classes_as_they_are_now() -> None:
    sim = Simulation()
    made = sim.server.objects[KEY] = body(UPLOAD, finalizer=False)
    sim.agents.scene = AgentStatus(0.0, scene_reason="SceneTooNew", scene_message="No.", scene_needs="5.0")

    async def told() -> str:
        for _ in range(30):
            for pod in sim.pods():
                if "status" not in pod:
                    running = {"name": "blender", "state": {"running": {}}}
                    pod["status"] = {"podIP": "127.0.0.1", "containerStatuses": [running]}
                    sim.server.touched(ref_of(pod))
            sim.sync_caches()
            await sim.reconcile()
        found = next(each for each in made["status"]["conditions"] if each["type"] == "SceneReady")
        return str(found["message"])

    assert "No class of the namespace says by its blenderVersion" in await told()
    place = Ref(CLASS_KIND, "art", "new")
    sim.server.objects[place] = a_class("new", blenderVersion="5.2")
    sim.queue.added.clear()
    apply_event(sim.context, copy.deepcopy(sim.server.objects[place]), gone=False)
    assert sim.queue.added == [KEY]
    assert "Create the session in a class that can open it: new (5.2)." in await told()
