"""What time heals, or a clock makes worse: no room on any node, a volume that is not there, a clock set back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from apiserver.api import ApiError
from apiserver.fake_agent import FakeAgent, fake_agent
from apiserver.stage import house, idle, stage
from blendersessions.model.names import name_for
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apiserver.api import Api
    from apiserver.lifecycle import Object, Stage

__all__ = ["house", "idle", "stage"]

NO_ROOM = "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available."
UNBOUND = "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims."


@pytest.fixture
def agents() -> Iterator[tuple[FakeAgent, FakeAgent]]:
    with fake_agent() as first, fake_agent() as second:
        yield first, second


@pytest.fixture
def growing(api: Api) -> Iterator[str]:
    """A StorageClass whose volumes may grow."""
    kind = "apis/storage.k8s.io/v1/storageclasses"
    body = {"metadata": {"name": "grows"}, "provisioner": "example.com/disks", "allowVolumeExpansion": True}
    api.request("POST", kind, body)
    yield "grows"
    api.request("DELETE", f"{kind}/grows")


def unschedulable(stage: Stage, session: Object, message: str) -> str:
    """Say that there is no node for the session's pod, as the scheduler does; return the pod's UID."""
    name = name_for(session["metadata"]["uid"])
    pod = until("the pod is made", lambda: stage.child("pods", name))
    said = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    stage.set_pod_status(name, {"phase": "Pending", "conditions": [said]})
    return str(pod["metadata"]["uid"])


def test_what_no_node_has_room_for_is_said_and_waited_for(stage: Stage) -> None:
    stage.create_class("huge", resources={"requests": {"cpu": "500"}}, startDeadline="1h")
    session = stage.create(className="huge")
    pod = unschedulable(stage, session, NO_ROOM)
    assert stage.until_reason("Ready", "Unschedulable")["message"] == NO_ROOM
    assert stage.condition("Stalled")["status"] == "False", "a cluster autoscaler may be at work"
    stage.patch_class("huge", {"startDeadline": "1s"})
    said = stage.until_reason("Stalled", "StartDeadlineExceeded")
    assert f"Not ready within 1s; the start is still tried. Unschedulable: {NO_ROOM}" in said["message"]
    assert (stage.child("pods", name_for(session["metadata"]["uid"])) or {})["metadata"]["uid"] == pod
    stage.run_pod(session)
    stage.until_ready()
    assert stage.condition("Stalled")["status"] == "False"


def test_a_volume_that_is_raised_before_it_is_there_grows_when_it_is(stage: Stage, growing: str) -> None:
    session = stage.create(workspace={"size": "1Gi", "storageClassName": growing})
    unschedulable(stage, session, UNBOUND)
    name = name_for(session["metadata"]["uid"])
    until("the claim is made", lambda: stage.child("persistentvolumeclaims", name))
    path = f"api/v1/namespaces/{stage.namespace}/persistentvolumeclaims/{name}"
    larger = {"spec": {"resources": {"requests": {"storage": "2Gi"}}}}
    with pytest.raises(ApiError):
        stage.api.request("PATCH", path, larger, "application/merge-patch+json")
    stage.patch("cart", {"spec": {"workspace": {"size": "2Gi"}}})
    words = f"{UNBOUND} The workspace grows to 2Gi by itself when its volume claim is bound."
    until("it says what it waits for", lambda: stage.condition("Ready").get("message") == words)
    assert stage.condition("Stalled")["status"] == "False"
    bound = {"status": {"phase": "Bound", "capacity": {"storage": "1Gi"}}}
    stage.api.request("PATCH", f"{path}/status", bound, "application/merge-patch+json")

    def requested() -> str:
        claim = stage.child("persistentvolumeclaims", name) or {}
        return str(claim["spec"]["resources"]["requests"]["storage"])

    until("the claim asks for more", lambda: requested() == "2Gi")
    stage.run_pod(session)
    ready = stage.until_ready()
    assert not [each for each in ready["status"]["conditions"] if "grows" in each["message"]]


def last_active(stage: Stage, name: str) -> datetime:
    return datetime.fromisoformat((stage.session(name) or {})["status"]["activity"]["lastActiveAt"])


@pytest.fixture
def clock(idle: Stage, tmp_path: Path) -> Path:
    """A file whose text is how far the operator's clock is off; timers are not touched, as by a real clock."""
    [library] = Path("/usr/lib").glob("*/faketime/libfaketime.so.1")
    file = tmp_path / "clock"
    file.write_text("+0\n")
    idle.settings |= {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_CACHE_DURATION": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    return file


def test_a_clock_that_is_set_back_ends_nobody_early_and_keeps_nobody_for_ever(
    idle: Stage, clock: Path, agents: tuple[FakeAgent, FakeAgent]
) -> None:
    busy, left = agents
    idle.start()
    idle.ready("calm")
    for name, agent in (("busy", busy), ("left", left)):
        idle.run_pod(idle.create(name, lifetime={"idleAfter": "10s", "maxAge": "2h"}), agent.address)
        idle.until_ready(name)
    since = {name: idle.condition("Ready", name)["lastTransitionTime"] for name in ("calm", "busy", "left")}

    clock.write_text("-1h\n")
    hours_ago = datetime.now(UTC) - timedelta(minutes=50)
    for name in ("busy", "left"):
        until(f"{name} is asked by the new time", lambda name=name: last_active(idle, name) < hours_ago)
    assert datetime.fromisoformat(idle.ready("fresh")["status"]["readyAt"]) < hours_ago
    assert {name: idle.condition("Ready", name)["lastTransitionTime"] for name in since} == since
    told = [reason for name in since for _, reason, _ in idle.events(name)]
    assert "Expiring" not in told, "nobody is warned who works"

    left.idle_seconds = 3600
    idle.until_reason("Suspended", "Idle", "left")
    for name in ("calm", "busy", "fresh"):
        assert idle.condition("Ready", name)["status"] == "True", name
    for name in (*since, "fresh"):
        idle.delete(name)
    for name in (*since, "fresh"):
        idle.until_gone(name)
    assert idle.guacamole.connections() == {}
