"""How a desktop ended is a condition, one Event and a part of the status, and the next desktop tells of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from apiserver.installation import desktop_name
from waiting import until

if TYPE_CHECKING:
    from apiserver.fake_agent import FakeAgent
    from apiserver.installation import Installation, Object

HOME_FULL = 'Usage of EmptyDir volume "home" exceeds the limit "4Gi". '


def seconds_now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def evict(installation: Installation, session: Object) -> None:
    """Report the session's pod as the kubelet does that evicted it."""
    at = seconds_now()
    ready = {"type": "Ready", "status": "False", "lastTransitionTime": at}
    target = {"type": "DisruptionTarget", "status": "True", "reason": "TerminationByKubelet", "lastTransitionTime": at}
    installation.set_pod_status(
        desktop_name(session),
        {"phase": "Failed", "reason": "Evicted", "message": HOME_FULL, "conditions": [ready, target]},
    )


def events_of(installation: Installation, reason: str) -> list[str]:
    return [message for kind, other, message in installation.events() if (kind, other) == ("Warning", reason)]


def test_an_eviction_is_named_and_outlives_the_pod_and_the_next_desktop_tells_of_it(
    own_running_installation: Installation, agent: FakeAgent
) -> None:
    installation = own_running_installation
    session = installation.create()
    installation.run_pod(session, agent.address)
    installation.until_ready()
    former = installation.child("pods", desktop_name(session))
    assert former is not None
    evict(installation, session)
    condition = installation.until_reason("DesktopReady", "Evicted")
    assert 'volume "home" exceeds the limit "4Gi"' in condition["message"]
    assert "spec.workspace.size" in condition["message"]
    until("an Event reports it", lambda: events_of(installation, "Evicted"))
    until(
        "another pod is made",
        lambda: (
            (installation.child("pods", desktop_name(session)) or former)["metadata"]["uid"]
            != former["metadata"]["uid"]
        ),
    )
    until("the start names it", lambda: "exceeds the limit" in installation.condition("Ready")["message"])
    assert installation.status()["lastTermination"]["noticePending"]
    installation.stop(kill=True)
    installation.run_pod(session, agent.address)
    installation.start()
    installation.until_ready()
    until("the desktop tells it", lambda: agent.notices)
    assert "What was in it is lost." in agent.notices[0]
    until("that is recorded", lambda: "noticePending" not in installation.status()["lastTermination"])
    last = installation.status()["lastTermination"]
    assert last["reason"] == "Evicted"
    assert "exceeds the limit" in last["message"]
    installation.stop()
    installation.start()
    installation.patch("cart", {"spec": {"connections": {"max": 3}}})
    until(
        "the operator has worked on it",
        lambda: (installation.session() or {})["metadata"]["generation"] == installation.status()["observedGeneration"],
    )
    assert len(agent.notices) == 1, "it is told once"
    assert len(events_of(installation, "Evicted")) == 1
    assert installation.status()["phase"] == "Ready"


def test_each_time_out_of_memory_is_one_event_and_it_is_found_after_the_session_is_ready_again(
    installation: Installation, agent: FakeAgent
) -> None:
    session = installation.create(resources={"limits": {"memory": "600Mi"}})
    installation.run_pod(session, agent.address)
    installation.until_ready()
    for number in (1, 2):
        at = f"2026-11-24T06:00:0{number}Z"
        ended = {"exitCode": 137, "reason": "OOMKilled", "startedAt": "2026-11-24T05:00:00Z", "finishedAt": at}
        for waiting in (True, False):
            state = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}} if waiting else {"running": {}}
            entry = {"name": "blender", "image": "i", "imageID": "i", "ready": False, "restartCount": number}
            report = entry | {"state": state, "lastState": {"terminated": ended}}
            status = {
                "phase": "Running",
                "containerStatuses": [report],
                "conditions": [{"type": "Ready", "status": "False"}],
            }
            installation.set_pod_status(desktop_name(session), status)
            condition = installation.until_reason("Ready", "OutOfMemory")
            assert "its limit of 600Mi" in condition["message"]
            assert "spec.resources.limits.memory" in condition["message"]
        until(
            "there is one Event for each",
            lambda count=number: len(events_of(installation, "OutOfMemory")) == count,  # type: ignore[misc]
        )
        installation.run_pod(session, agent.address)
        installation.until_ready()
        assert installation.status()["lastTermination"]["reason"] == "OutOfMemory"
        assert installation.status()["lastTermination"]["at"] == at.replace("Z", ".000Z")
    assert len(events_of(installation, "OutOfMemory")) == 2
    assert agent.notices == [], "the desktop itself tells of it"
