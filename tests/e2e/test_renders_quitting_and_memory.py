"""What happens in a working day: long operations, quitting, too little memory, a volume that is in use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from e2e.desktop import Desktop, manifest
from e2e.kubectl import TIMEOUT
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2e.agent import Agent
    from e2e.kubectl import Kubectl

HOME = {"size": "1Gi"}
BLENDER = 'for p in /proc/[0-9]*; do if [ "$(cat $p/comm 2>/dev/null)" = blender ]; then echo ${p#/proc/}; fi; done'
"""Prints the process ID of Blender."""
VIEW = ("move", "500", "350")


def run_in_console(agent: Agent, code: str) -> None:
    """Run a line of Python in Blender, as a person does: Shift+F4 makes the view the Python console."""
    agent.give_input(*VIEW, "key", "shift-f4", "pause", "1", "type", code, "key", "enter")


def condition(kubectl: Kubectl, session: str, kind: str) -> dict[str, Any]:
    found = kubectl.get("bs", session).get("status", {}).get("conditions", [])
    return next((entry for entry in found if entry["type"] == kind), {})


def test_a_suspension_waits_for_a_render(started: Callable[..., Desktop], kubectl: Kubectl) -> None:
    desktop = started("waits", sample="watering_can.blend", workspace=HOME)
    # The whole animation takes minutes on any machine.
    desktop.agent.give_input(*VIEW, "key", "ctrl-f12")
    until("the render runs", lambda: desktop.agent_status().get("work") == "Render")
    pod = kubectl.get("pod", desktop.name)["metadata"]["uid"]

    kubectl.run("patch", "bs", "waits", "--type=merge", "-p", '{"spec": {"suspend": true}}')
    until("it waits", lambda: condition(kubectl, "waits", "Suspended").get("reason") == "WaitingForWork")
    assert "render" in condition(kubectl, "waits", "Suspended")["message"].lower()
    assert kubectl.get("pod", desktop.name)["metadata"]["uid"] == pod
    desktop.agent.give_input("key", "esc")
    kubectl.run("wait", "--for=condition=Suspended", "bs/waits", TIMEOUT)
    assert "The scene is in the workspace." in condition(kubectl, "waits", "Suspended")["message"]
    assert desktop.body["status"]["suspension"]["lastSave"]["result"] == "Saved"


def test_quitting_blender_brings_it_back_and_is_no_failure(started: Callable[..., Desktop], kubectl: Kubectl) -> None:
    desktop = started("quits", sample="fire_extinguisher.blend")
    agent = desktop.agent
    for _ in range(3):
        before = agent.run(BLENDER)
        run_in_console(agent, "bpy.ops.wm.quit_blender()")
        until("another Blender runs", lambda before=before: agent.run(BLENDER) not in ("", before))
        until("the scene is on screen", lambda: agent.status().get("ready"))
    assert agent.restarts() == 0
    assert condition(kubectl, "quits", "Stalled")["status"] == "False"
    kubectl.run("wait", "--for=condition=Ready", "bs/quits", TIMEOUT)


def test_too_little_memory_is_named(started: Callable[..., Desktop], kubectl: Kubectl) -> None:
    memory = {"requests": {"memory": "512Mi"}, "limits": {"memory": "1200Mi"}}
    desktop = started("small-memory", sample="fire_extinguisher.blend", resources=memory, workspace=HOME)
    run_in_console(desktop.agent, "x = b'x' * (4 * 10**9)")
    until("the container is started again", lambda: desktop.agent.restarts() == 1)

    def ended() -> dict[str, Any]:
        return dict(desktop.body["status"].get("lastTermination", {}))

    until("the session says why", lambda: ended().get("reason") == "OutOfMemory")
    message = ended()["message"]
    assert "1.2 GiB" in message
    assert "memory" in message
    kubectl.run("wait", "--for=condition=Ready", "bs/small-memory", TIMEOUT)
    notice = "because the desktop used more memory than its limit of 1.2 GiB"
    until("the person is told", lambda: notice in desktop.agent.log())


def test_a_volume_has_one_desktop_at_a_time(started: Callable[..., Desktop], kubectl: Kubectl) -> None:
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "shared", "annotations": {"blendersessions.io/workspace-for": "*"}},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    kubectl.apply(claim)
    workspace = {"claimName": "shared"}
    started("first", sample="watering_can.blend", workspace=workspace)
    kubectl.apply(manifest("second", sample="watering_can.blend", workspace=workspace))
    until("the second waits", lambda: condition(kubectl, "second", "Ready").get("reason") == "WorkspaceInUse")
    assert "first" in condition(kubectl, "second", "Ready")["message"]
    assert len(kubectl.names("pods")) == 1

    kubectl.run("patch", "bs", "first", "--type=merge", "-p", '{"spec": {"suspend": true}}')
    kubectl.run("wait", "--for=condition=Ready", "bs/second", TIMEOUT)
    assert kubectl.names("pods") == [f"pod/{Desktop(kubectl, 'second').name}"]
