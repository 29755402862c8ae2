"""An admission policy that changes or refuses our objects is named in a condition, and is not fought."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from blendersessions.model.errors import Invalid, System
from blendersessions.model.manifest import Manifest, Ref, first_difference
from blendersessions_operator.controller.alterations import RETRY_SECONDS
from unit.operator.factories import body
from unit.operator.simulation import KEY, Simulation

if TYPE_CHECKING:
    from collections.abc import Callable

    from unit.operator.api_server import Server


def writes_of(server: Server, change: Callable[[Manifest], None]) -> list[Ref]:
    """Have each write of the operator changed by a policy, and return the list of writes, which grows."""
    touched, writes = server.touched, []

    def admitted(ref: Ref) -> Manifest:
        if ref.kind != KEY.kind:
            writes.append(ref)
            change(server.objects[ref])
        return touched(ref)

    server.touched = admitted  # type: ignore[method-assign]
    return writes


def relabel(manifest: Manifest) -> None:
    manifest["metadata"]["labels"]["app.kubernetes.io/name"] = "changed-by-policy"


def hide_until_ready(manifest: Manifest) -> None:
    if manifest["kind"] == "Service":
        manifest["spec"]["publishNotReadyAddresses"] = False


def begin() -> Simulation:
    sim = Simulation()
    made = body({}, finalizer=False)
    made["metadata"]["creationTimestamp"] = sim.now().isoformat()
    sim.server.objects[KEY] = made
    sim.server.touched(KEY)
    return sim


def work(sim: Simulation, times: int) -> None:
    for _ in range(times):
        sim.sync_caches()
        asyncio.run(sim.reconcile())


def run_pods(sim: Simulation) -> None:
    """Have the kubelet run the pods, which no policy is asked about."""
    for pod in sim.pods():
        pod["status"] = {
            "phase": "Running",
            "podIP": "127.0.0.1",
            "conditions": [{"type": "Ready", "status": "True"}],
        }
        pod["metadata"]["resourceVersion"] = "9000"


def desktop_condition(sim: Simulation) -> dict[str, Any]:
    status = sim.server.objects[KEY]["status"]
    return next(each for each in status["conditions"] if each["type"] == "DesktopReady")


@pytest.mark.parametrize(
    ("change", "field"),
    [(relabel, "metadata.labels.app.kubernetes.io/name"), (hide_until_ready, "spec.publishNotReadyAddresses")],
)
def test_a_field_that_a_policy_changes_is_named_and_not_written_for_ever(
    change: Callable[[Manifest], None], field: str
) -> None:
    sim = begin()
    writes = writes_of(sim.server, change)
    work(sim, 3)
    made = len(writes)
    work(sim, 20)
    assert len(writes) == made, "nothing is written again and again"
    assert writes.count(next(ref for ref in writes if ref.kind == "Service")) <= 2, "it is made, and repaired once"
    run_pods(sim)
    work(sim, 3)
    found = desktop_condition(sim)
    assert found["status"] == "True", "the desktop can be used all the same"
    assert f"changes {field} each time" in found["message"]


def test_it_is_written_again_when_the_policy_may_be_gone() -> None:
    sim = begin()
    seconds = 0.0
    sim.context.alterations.clock = lambda: seconds
    touched = sim.server.touched
    writes_of(sim.server, hide_until_ready)
    work(sim, 3)
    sim.server.touched = touched  # type: ignore[method-assign]
    run_pods(sim)
    work(sim, 3)
    assert "each time" in desktop_condition(sim)["message"]
    seconds = RETRY_SECONDS
    work(sim, 3)
    assert desktop_condition(sim)["message"] == "The pod runs."


def test_a_refusal_is_said_in_the_policys_words() -> None:
    sim = begin()
    made = sim.server.create

    async def refused(manifest: Manifest) -> Manifest:
        if manifest["kind"] == "Pod":
            raise Invalid("Pod art/blender: denied by policy: spec.securityContext.runAsUser", System.KUBERNETES)
        return await made(manifest)

    sim.server.create = refused  # type: ignore[method-assign]
    work(sim, 3)
    found = desktop_condition(sim)
    assert found["reason"] == "DesktopRefused"
    assert "denied by policy: spec.securityContext.runAsUser" in found["message"]


@pytest.mark.parametrize(
    ("actual", "desired", "path"),
    [
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, ()),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, ("a", "b")),
        ({}, {"a": {"b": 2}}, ("a", "b")),
        ({"a": [1]}, {"a": [1, 2]}, ("a",)),
    ],
)
def test_the_first_field_that_differs_is_found(actual: object, desired: object, path: tuple[str, ...]) -> None:
    assert first_difference(actual, desired) == path
