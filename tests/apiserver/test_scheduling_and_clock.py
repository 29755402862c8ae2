"""A pod that no node can take, a volume that is not bound yet, and a clock that is set back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from apiserver.api import ApiError
from apiserver.fake_agent import FakeAgent, fake_agent
from blendersessions.model.names import name_for
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apiserver.installation import Installation, Object

INSUFFICIENT_CPU = "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available."
UNBOUND = "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims."


@pytest.fixture
def agents() -> Iterator[tuple[FakeAgent, FakeAgent]]:
    with fake_agent() as first, fake_agent() as second:
        yield first, second


def unschedulable(installation: Installation, session: Object, message: str) -> str:
    """Report the session's pod as unschedulable, as the scheduler does; return the pod's UID."""
    name = name_for(session["metadata"]["uid"])
    pod = until("the pod is made", lambda: installation.child("pods", name))
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    installation.set_pod_status(name, {"phase": "Pending", "conditions": [condition]})
    return str(pod["metadata"]["uid"])


def test_an_unschedulable_pod_is_reported_and_waited_for(installation: Installation) -> None:
    installation.create_class("huge", resources={"requests": {"cpu": "500"}}, startDeadline="1h")
    session = installation.create(className="huge")
    pod = unschedulable(installation, session, INSUFFICIENT_CPU)
    assert installation.until_reason("Ready", "Unschedulable")["message"] == INSUFFICIENT_CPU
    assert installation.condition("Stalled")["status"] == "False", "a cluster autoscaler may be at work"
    installation.patch_class("huge", {"startDeadline": "1s"})
    stalled = installation.until_reason("Stalled", "StartDeadlineExceeded")
    assert f"Not ready within 1s; the start is still tried. Unschedulable: {INSUFFICIENT_CPU}" in stalled["message"]
    assert (installation.child("pods", name_for(session["metadata"]["uid"])) or {})["metadata"]["uid"] == pod
    installation.run_pod(session)
    installation.until_ready()
    assert installation.condition("Stalled")["status"] == "False"


def test_a_volume_enlarged_before_it_is_bound_grows_once_it_is_bound(installation: Installation, growing: str) -> None:
    session = installation.create(workspace={"size": "1Gi", "storageClassName": growing})
    unschedulable(installation, session, UNBOUND)
    name = name_for(session["metadata"]["uid"])
    until("the claim is made", lambda: installation.child("persistentvolumeclaims", name))
    path = f"api/v1/namespaces/{installation.namespace}/persistentvolumeclaims/{name}"
    larger = {"spec": {"resources": {"requests": {"storage": "2Gi"}}}}
    with pytest.raises(ApiError):
        installation.api.request("PATCH", path, larger, "application/merge-patch+json")
    installation.patch("cart", {"spec": {"workspace": {"size": "2Gi"}}})
    words = f"{UNBOUND} The workspace grows to 2Gi by itself when its volume claim is bound."
    until("the message names what it waits for", lambda: installation.condition("Ready").get("message") == words)
    assert installation.condition("Stalled")["status"] == "False"
    bound = {"status": {"phase": "Bound", "capacity": {"storage": "1Gi"}}}
    installation.api.request("PATCH", f"{path}/status", bound, "application/merge-patch+json")

    def requested() -> str:
        claim = installation.child("persistentvolumeclaims", name) or {}
        return str(claim["spec"]["resources"]["requests"]["storage"])

    until("the claim asks for more", lambda: requested() == "2Gi")
    installation.run_pod(session)
    ready = installation.until_ready()
    assert not [each for each in ready["status"]["conditions"] if "grows" in each["message"]]


def last_active(installation: Installation, name: str) -> datetime:
    return datetime.fromisoformat((installation.session(name) or {})["status"]["activity"]["lastActiveAt"])


class Clock:
    """The operator's clock, which stands still between two settings. Its timers go on, as when a real clock is set.

    So whatever is decided by the time depends on the settings alone, however long the machine takes.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self.now = datetime.now(UTC)
        self.move(timedelta())

    def move(self, by: timedelta) -> None:
        """Set the clock forward or back."""
        self.now += by
        partial = self._file.with_suffix(".partial")
        partial.write_text(f"{self.now:%Y-%m-%d %H:%M:%S}\n")
        partial.replace(self._file)


@pytest.fixture
def clock(own_installation: Installation, tmp_path: Path) -> Clock:
    """The clock of the test's own operator."""
    [library] = Path("/usr/lib").glob("*/faketime/libfaketime.so.1")
    own_installation.settings |= {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(tmp_path / "clock"),
        "FAKETIME_CACHE_DURATION": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "TZ": "UTC",
    }
    return Clock(tmp_path / "clock")


def test_a_clock_set_back_ends_no_session_early_and_keeps_none_for_ever(
    own_installation: Installation, clock: Clock, agents: tuple[FakeAgent, FakeAgent]
) -> None:
    busy, left = agents
    own_installation.start()
    own_installation.ready("calm")
    for name, agent in (("busy", busy), ("left", left)):
        own_installation.run_pod(
            own_installation.create(name, lifetime={"idleAfter": "10s", "maxAge": "2h"}), agent.address
        )
        own_installation.until_ready(name)
    since = {name: own_installation.condition("Ready", name)["lastTransitionTime"] for name in ("calm", "busy", "left")}

    clock.move(timedelta(hours=-1))
    hours_ago = clock.now + timedelta(minutes=10)
    for name in ("busy", "left"):
        until(
            f"the agent of {name} is polled by the new time",
            lambda name=name: last_active(own_installation, name) < hours_ago,
        )
    assert datetime.fromisoformat(own_installation.ready("fresh")["status"]["readyAt"]) < hours_ago
    assert {name: own_installation.condition("Ready", name)["lastTransitionTime"] for name in since} == since
    reasons = [reason for name in since for _, reason, _ in own_installation.events(name)]
    assert "Expiring" not in reasons, "a session in use gets no warning"

    left.idle_seconds = 3600
    clock.move(timedelta(seconds=15))
    own_installation.until_reason("Suspended", "Idle", "left")
    for name in ("calm", "busy", "fresh"):
        assert own_installation.condition("Ready", name)["status"] == "True", name
    for name in (*since, "fresh"):
        own_installation.delete(name)
    for name in (*since, "fresh"):
        own_installation.until_gone(name)
    assert own_installation.guacamole.connections() == {}
