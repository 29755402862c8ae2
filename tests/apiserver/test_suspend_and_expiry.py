"""Suspending saves the scene and deletes the pod; idle sessions and old ones expire."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from apiserver.fake_agent import FakeAgent, fake_agent, started
from apiserver.installation import desktop_name
from waiting import until

if TYPE_CHECKING:
    from apiserver.installation import Installation, Object

HOME = {"size": "1Gi"}


def until_suspended(installation: Installation, reason: str, name: str = "cart") -> Object:
    installation.until_reason("Suspended", reason, name)
    until("the phase follows", lambda: installation.status(name).get("phase") == "Suspended")
    return installation.status(name)


def backdate(installation: Installation, *, minutes: int, name: str = "cart") -> None:
    """Move a session's start, readiness and last activity this long into the past."""
    moment = (datetime.now(UTC) - timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    installation.set_status(name, {"startedAt": moment, "readyAt": moment, "activity": {"lastActiveAt": moment}})


def resume(installation: Installation, name: str = "cart") -> None:
    installation.patch(name, {"spec": {"replicas": 1}})


def test_suspending_saves_and_deletes_the_pod_and_nothing_else(installation: Installation, agent: FakeAgent) -> None:
    session = started(installation, agent, owner="sue", workspace=HOME)
    name = desktop_name(session)
    claim = installation.child("persistentvolumeclaims", name)
    assert claim is not None
    assert claim["spec"]["resources"]["requests"]["storage"] == "1Gi"
    secret = installation.child("secrets", name)
    pod = installation.child("pods", name)
    assert pod is not None
    assert {"name": "home", "persistentVolumeClaim": {"claimName": name}} in pod["spec"]["volumes"]
    installation.patch("cart", {"spec": {"suspend": True}})
    status = until_suspended(installation, "Requested")
    assert agent.saved == 1
    assert status["suspension"]["reason"] == "Requested"
    assert not {"clientURL", "readyAt", "startedAt", "activity"} & status.keys()
    assert installation.child("pods", name) is None
    assert installation.child("persistentvolumeclaims", name) is not None
    assert installation.child("services", name) is not None
    assert installation.child("secrets", name) == secret
    [connection] = installation.guacamole.named(name)
    assert installation.guacamole.get("users/sue/permissions")["connectionPermissions"] == {
        connection["identifier"]: ["READ"]
    }

    installation.patch("cart", {"spec": {"suspend": False}})
    installation.run_pod(session, agent.address)
    again = installation.until_ready()
    assert again["status"]["clientURL"] == session["status"]["clientURL"], "a bookmark stays good"
    assert "suspension" not in again["status"]


def test_a_scene_that_cannot_be_saved_keeps_the_desktop(installation: Installation, agent: FakeAgent) -> None:
    agent.save_answer = (507, {"message": "The workspace is full: delete files or enlarge it."})
    session = started(installation, agent, workspace=HOME)
    installation.patch("cart", {"spec": {"suspend": True}})
    condition = installation.until_reason("Suspended", "SaveFailed")
    assert "The workspace is full" in condition["message"]
    assert installation.child("pods", desktop_name(session)) is not None
    agent.save_answer = (200, {"file": "/home/blender/cart.blend"})
    until_suspended(installation, "Requested")


def test_without_a_workspace_there_is_nothing_to_save(installation: Installation, agent: FakeAgent) -> None:
    started(installation, agent)
    installation.patch("cart", {"spec": {"suspend": True}})
    until_suspended(installation, "Requested")
    assert agent.saved == 0
    assert "Without a workspace nothing was kept" in installation.condition("Suspended")["message"]


def test_an_idle_desktop_is_warned_then_suspended_and_can_be_resumed(
    installation: Installation, agent: FakeAgent
) -> None:
    agent.idle_seconds = 7200
    session = started(installation, agent, workspace=HOME, lifetime={"idleAfter": "1h"})
    assert session["status"]["activity"]["expiryReason"] == "Idle"
    backdate(installation, minutes=57)
    until(
        "the desktop shows the warning", lambda: [each for each in agent.notices if "Move the mouse to keep it" in each]
    )
    until("an Event reports it", lambda: "Expiring" in [reason for _, reason, _ in installation.events()])
    backdate(installation, minutes=61)
    status = until_suspended(installation, "Idle")
    assert agent.saved == 1
    found = installation.session()
    assert found is not None
    assert (found["spec"]["suspend"], found["spec"]["replicas"]) == (False, 0)
    assert status["suspension"]["reason"] == "Idle"
    agent.idle_seconds = 0
    resume(installation)
    installation.run_pod(session, agent.address)
    installation.until_ready()


WORKS = ("Render", "Bake", "Simulation", "Operation")


def test_work_keeps_a_session_alive_with_nobody_connected(installation: Installation) -> None:
    # All at once: an idle agent is asked every 20 s.
    with contextlib.ExitStack() as ends:
        agents = {work: ends.enter_context(fake_agent()) for work in WORKS}
        for work, agent in agents.items():
            agent.idle_seconds, agent.work = 3600, work
            started(installation, agent, work.lower(), lifetime={"idleAfter": "2s"})
        for work in agents:
            until_kept_alive(installation, work, work.lower())
        polls = {work: agent.polls for work, agent in agents.items()}
        for agent in agents.values():
            agent.work = ""
        for work, agent in agents.items():
            until("the agent is polled again", lambda agent=agent, work=work: agent.polls > polls[work])
            until_suspended(installation, "Idle", work.lower())


def until_kept_alive(installation: Installation, by: str, name: str = "cart") -> None:
    until(f"{by} keeps {name} alive", lambda: installation.status(name).get("activity", {}).get("keptAliveBy") == by)


def test_input_keeps_a_session_alive(installation: Installation, agent: FakeAgent) -> None:
    started(installation, agent, lifetime={"idleAfter": "2s"})
    until("the agent was polled often", lambda: agent.polls > 4)
    until_kept_alive(installation, "Input")
    assert installation.status()["phase"] == "Ready"


def test_the_maximum_age_suspends_a_session_when_its_render_is_done(
    installation: Installation, agent: FakeAgent
) -> None:
    agent.work = "Render"
    started(installation, agent, lifetime={"maxAge": "1h"}, workspace=HOME)
    backdate(installation, minutes=57)
    until("the desktop shows the warning", lambda: [each for each in agent.notices if "its time is over" in each])
    backdate(installation, minutes=61)
    condition = installation.until_reason("Suspended", "WaitingForWork")
    assert "A render runs. The pod is stopped when that is done and saved, at" in condition["message"]
    assert agent.saved == 0
    agent.work = ""
    until_suspended(installation, "MaxAge")
    assert agent.saved == 1


def test_a_suspension_waits_for_work_for_the_time_of_the_class_and_then_saves_what_it_can(
    installation: Installation, agent: FakeAgent
) -> None:
    installation.create_class("impatient", saving={"waitForWork": "1s", "timeout": "7m"})
    agent.work, agent.save_answer = "Bake", (503, {"message": "Blender bakes."})
    session = started(installation, agent, className="impatient", workspace=HOME)
    pod = installation.child("pods", desktop_name(session))
    assert pod is not None
    assert pod["spec"]["terminationGracePeriodSeconds"] == 420
    installation.patch("cart", {"spec": {"suspend": True}})
    status = until_suspended(installation, "Requested")
    assert agent.saved == 1, "asked once more before the pod is stopped"
    assert status["suspension"]["lastSave"] == {"result": "Failed", "message": "A bake runs."}
    assert "The last save failed: A bake runs." in installation.condition("Suspended")["message"]


def test_a_pod_that_is_not_ready_for_a_moment_is_asked_to_save(installation: Installation, agent: FakeAgent) -> None:
    session = started(installation, agent, workspace=HOME)
    running = {"name": "blender", "image": "i", "imageID": "i", "ready": False, "restartCount": 0}
    installation.set_pod_status(
        desktop_name(session),
        {
            "conditions": [{"type": "Ready", "status": "False"}],
            "containerStatuses": [running | {"state": {"running": {}}}],
        },
    )
    installation.until_reason("SceneReady", "SceneLoading")
    installation.patch("cart", {"spec": {"suspend": True}})
    status = until_suspended(installation, "Requested")
    assert agent.saved == 1
    assert status["suspension"]["lastSave"] == {"result": "Saved"}


def test_an_agent_that_never_answered_is_stopped_with_words_that_claim_no_scene(installation: Installation) -> None:
    installation.create_class("hasty-saver", saving={"waitForWork": "1s"})
    installation.ready(className="hasty-saver", workspace=HOME)
    installation.patch("cart", {"spec": {"suspend": True}})
    until_suspended(installation, "Requested")
    message = installation.condition("Suspended")["message"]
    assert "The scene is in the workspace" not in message
    assert "The last save failed: The agent of the desktop" in message


def test_a_session_with_on_expiry_delete_is_deleted(installation: Installation, agent: FakeAgent) -> None:
    agent.idle_seconds = 7200
    started(installation, agent, lifetime={"idleAfter": "1h", "onExpiry": "Delete"}, owner="del-later")
    backdate(installation, minutes=61)
    installation.until_gone()
    until("its user goes too", lambda: "del-later" not in installation.guacamole.users())


def test_a_retained_volume_outlives_its_session_with_what_was_saved_last(
    installation: Installation, agent: FakeAgent
) -> None:
    session = started(installation, agent, workspace={"size": "1Gi", "reclaimPolicy": "Retain"})
    seen: list[bool] = []
    agent.on_save = lambda: seen.append(installation.child("pods", desktop_name(session)) is not None)
    installation.delete()
    installation.until_gone()
    assert (agent.saved, seen) == (1, [True])
    assert installation.child("pods", desktop_name(session)) is None
    installation.collect_garbage()
    claim = installation.child("persistentvolumeclaims", desktop_name(session))
    assert claim is not None
    assert claim["metadata"].get("ownerReferences") is None
    installation.delete_child("persistentvolumeclaims", desktop_name(session))
