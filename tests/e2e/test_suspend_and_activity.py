"""Suspending keeps real work in a real volume, and renders and input keep a session alive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from e2e.kubectl import TIMEOUT
from e2e.picture import difference, from_vnc, viewport
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from e2e.desktop import Desktop
    from e2e.kubectl import Kubectl

HOME = {"size": "1Gi"}


def patch(kubectl: Kubectl, name: str, spec: str) -> None:
    kubectl.run("patch", "bs", name, "--type=merge", "-p", spec)


def wait_for(kubectl: Kubectl, name: str, condition: str, seconds: int = 120) -> None:
    kubectl.run("wait", f"--for=condition={condition}", f"bs/{name}", f"--timeout={seconds}s")


def delete_an_object(desktop: Desktop) -> None:
    """Delete the object that is selected in every scene at its start, as a person does."""
    desktop.agent.give_input("move", "500", "350", "key", "x", "key", "enter")
    until("Blender says that the scene was changed", lambda: desktop.agent_status().get("dirty"))


def activity(desktop: Desktop) -> dict[str, Any]:
    return dict(desktop.body["status"].get("activity", {}))


def test_work_survives_suspension(started: Callable[..., Desktop], kubectl: Kubectl, tmp_path: Path) -> None:
    desktop = started("suspended", sample="shopping_cart.blend", owner="e2e-sue", workspace=HOME)
    url = desktop.body["status"]["clientURL"]
    before = from_vnc(desktop, tmp_path / "before.png")
    delete_an_object(desktop)
    changed = from_vnc(desktop, tmp_path / "changed.png")
    file = desktop.agent_status()["file"]

    patch(kubectl, "suspended", '{"spec": {"suspend": true}}')
    wait_for(kubectl, "suspended", "Suspended")
    assert kubectl.names("pods") == []
    assert "clientURL" not in desktop.body["status"]

    patch(kubectl, "suspended", '{"spec": {"suspend": false}}')
    wait_for(kubectl, "suspended", "Ready")
    assert desktop.body["status"]["clientURL"] == url
    status = desktop.agent_status()
    assert (status["file"], status["dirty"]) == (file, False)
    again = from_vnc(desktop, tmp_path / "again.png")
    assert difference(viewport(changed), viewport(again)) < difference(viewport(before), viewport(again)) / 4


def test_a_drained_node_saves_the_work_and_the_desktop_has_it_again(
    started: Callable[..., Desktop], kubectl: Kubectl
) -> None:
    desktop = started("evicted", sample="watering_can.blend", workspace=HOME)
    pod = kubectl.get("pod", desktop.name)
    before = desktop.agent.run("sha256sum /home/blender/watering_can.blend")
    delete_an_object(desktop)
    node, mine = pod["spec"]["nodeName"], f"blendersessions.io/session-uid={desktop.body['metadata']['uid']}"
    try:
        # Of the one node's pods only the desktop goes: the operator has no other node to go to.
        kubectl.run("drain", node, f"--pod-selector={mine}", "--delete-emptydir-data", TIMEOUT)
        until("another pod waits", lambda: uid_of(kubectl, desktop.name) not in ("", pod["metadata"]["uid"]))
        kubectl.run("wait", "--for=jsonpath={.status.phase}=Starting", "bs/evicted", TIMEOUT)
    finally:
        kubectl.run("uncordon", node)
    wait_for(kubectl, "evicted", "Ready")
    assert desktop.agent.run("sha256sum /home/blender/watering_can.blend") != before
    assert not desktop.agent_status()["dirty"]


def test_an_idle_desktop_is_suspended_and_a_render_keeps_one_alive(
    started: Callable[..., Desktop], kubectl: Kubectl
) -> None:
    rendering = started("rendering", sample="watering_can.blend", workspace=HOME)
    # The whole animation takes minutes on any machine; nobody is connected while it runs.
    rendering.agent.give_input("move", "500", "350", "key", "ctrl-f12")
    until("the render runs", lambda: rendering.agent_status().get("work") == "Render")
    # Only now, or a slow machine would have it suspended before the render has begun.
    patch(kubectl, "rendering", '{"spec": {"lifetime": {"idleAfter": "20s"}}}')
    until("the render keeps the session alive", lambda: activity(rendering).get("keptAliveBy") == "Render")
    until("it was without input for long", lambda: rendering.agent_status().get("idle_seconds", 0) > 1.5 * 20, 90)
    assert rendering.agent_status()["work"] == "Render"
    assert rendering.body["status"]["phase"] == "Ready", "the render keeps it"
    rendering.agent.give_input("key", "esc")
    until("the render is over", lambda: rendering.agent_status().get("work") == "")
    wait_for(kubectl, "rendering", "Suspended", 120)
    assert rendering.body["status"]["suspension"]["reason"] == "Idle"
    kubectl.run("scale", "bs", "rendering", "--replicas=1")
    wait_for(kubectl, "rendering", "Ready")


def test_input_by_vnc_keeps_a_session_alive(started: Callable[..., Desktop]) -> None:
    desktop = started("working", sample="fire_extinguisher.blend", lifetime={"idleAfter": "30s"})
    first = activity(desktop)["expiresAt"]

    def works_on() -> bool:
        desktop.agent.give_input("move", "500", "300", "move", "520", "320")
        now = activity(desktop)
        return bool(now.get("keptAliveBy") == "Input" and now["expiresAt"] > first)

    until("the input is seen, and moves the end", works_on, 120)
    assert desktop.body["status"]["phase"] == "Ready"


def uid_of(kubectl: Kubectl, pod: str) -> str:
    found = kubectl.run("get", "pod", pod, "--ignore-not-found", "-o", "jsonpath={.metadata.uid}")
    return found.strip()
