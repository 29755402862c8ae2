"""The life of a session: its class, the line, suspension and resume, and how it ends by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from apiserver.fake_agent import FakeAgent, fake_agent
from apiserver.stage import house, idle, stage
from blendersessions.model.names import name_for, user_secret_name
from waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apiserver.lifecycle import Object, Stage

__all__ = ["house", "idle", "stage"]

HOME = {"size": "1Gi"}


@pytest.fixture
def agent() -> Iterator[FakeAgent]:
    with fake_agent() as agent:
        yield agent


def agent_endpoint(session: Object) -> str:
    return name_for(session["metadata"]["uid"])


def started(stage: Stage, agent: FakeAgent, name: str = "cart", **spec: object) -> Object:
    """Create a session whose desktop has this agent, and wait until it is ready."""
    stage.run_pod(stage.create(name, **spec), agent.address)
    return stage.until_ready(name)


def status_of(stage: Stage, name: str = "cart") -> Object:
    return (stage.session(name) or {}).get("status", {})


def until_suspended(stage: Stage, reason: str, name: str = "cart") -> Object:
    stage.until_reason("Suspended", reason, name)
    until("the phase says so", lambda: status_of(stage, name).get("phase") == "Suspended")
    return status_of(stage, name)


def backdate(stage: Stage, *, minutes: int, name: str = "cart") -> None:
    """Have a session started and ready so long ago, for a test cannot wait for its time to pass."""
    moment = (datetime.now(UTC) - timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    stage.set_status(name, {"startedAt": moment, "readyAt": moment, "activity": {"lastActiveAt": moment}})


def resume(stage: Stage, value: str, name: str = "cart") -> None:
    stage.patch(name, {"metadata": {"annotations": {"blendersessions.io/resume": value}}})


def test_a_class_that_does_not_exist_is_said_and_the_session_starts_when_it_does(stage: Stage) -> None:
    session = stage.create(className="large")
    said = stage.until_reason("Ready", "ClassNotFound")
    assert "kubectl get bsc" in said["message"]
    assert stage.child("pods", agent_endpoint(session)) is None
    stage.create_class("large", image="large:1", nodeSelector={"pool": "big"})
    stage.run_pod(session)
    stage.until_ready()
    pod = stage.child("pods", agent_endpoint(session))
    assert pod is not None
    assert pod["spec"]["containers"][0]["image"] == "large:1"
    assert pod["spec"]["nodeSelector"] == {"pool": "big"}


def test_what_asks_for_more_than_the_class_allows_is_stalled_until_the_class_allows_it(stage: Stage) -> None:
    stage.create_class("small", resources={"max": {"memory": "2Gi"}})
    session = stage.create(className="small", resources={"limits": {"memory": "3Gi"}})
    said = stage.until_reason("Stalled", "BeyondClass")
    assert "spec.resources.limits.memory is 3Gi, and the class small allows 2Gi" in said["message"]
    stage.patch_class("small", {"resources": {"max": {"memory": "4Gi"}}})
    stage.run_pod(session)
    stage.until_ready()


def test_over_the_limit_sessions_wait_in_line_and_start_by_themselves(stage: Stage) -> None:
    stage.create_class("two", limits={"sessions": 1})
    first = stage.create("first", className="two")
    stage.run_pod(first)
    stage.until_ready("first")
    second = stage.create("second", className="two")
    said = stage.until_reason("Ready", "Queued", "second")
    assert "position 1 in the queue" in said["message"]
    stage.create("third", className="two")
    until("the third is second", lambda: status_of(stage, "third").get("queuePosition") == 2)
    assert status_of(stage, "second")["phase"] == "Queued"
    seen_in_line = datetime.now(UTC)
    assert stage.child("pods", agent_endpoint(second)) is None
    stage.delete("first")
    stage.run_pod(second)
    ready = stage.until_ready("second")
    assert "queuePosition" not in ready["status"]
    begun, done = (datetime.fromisoformat(ready["status"][key]) for key in ("startedAt", "readyAt"))
    assert begun >= seen_in_line, "the wait in the line is not the start"
    assert ready["status"]["startup"]["seconds"] == pytest.approx((done - begun).total_seconds(), abs=0.01)
    until("the third moves up", lambda: status_of(stage, "third").get("queuePosition") == 1)
    stage.patch_class("two", {"limits": None})
    stage.until_reason("Ready", "PodStarting", "third")


def test_suspended_it_saves_and_stops_and_keeps_the_rest(stage: Stage, agent: FakeAgent) -> None:
    session = started(stage, agent, owner="sue", workspace=HOME)
    name = agent_endpoint(session)
    claim = stage.child("persistentvolumeclaims", name)
    assert claim is not None
    assert claim["spec"]["resources"]["requests"]["storage"] == "1Gi"
    secret = stage.child("secrets", name)
    pod = stage.child("pods", name)
    assert pod is not None
    assert {"name": "home", "persistentVolumeClaim": {"claimName": name}} in pod["spec"]["volumes"]
    stage.patch("cart", {"spec": {"suspend": True}})
    status = until_suspended(stage, "Requested")
    assert agent.saved == 1
    assert status["suspension"]["reason"] == "Requested"
    assert not {"clientURL", "readyAt", "startedAt", "activity"} & status.keys()
    assert stage.child("pods", name) is None
    assert stage.child("persistentvolumeclaims", name) is not None
    assert stage.child("services", name) is not None
    assert stage.child("secrets", name) == secret
    [connection] = stage.guacamole.named(name)
    assert stage.guacamole.get("users/sue/permissions")["connectionPermissions"] == {connection["identifier"]: ["READ"]}

    stage.patch("cart", {"spec": {"suspend": False}})
    stage.run_pod(session, agent.address)
    again = stage.until_ready()
    assert again["status"]["clientURL"] == session["status"]["clientURL"], "a bookmark stays good"
    assert "suspension" not in again["status"]


def test_a_scene_that_cannot_be_saved_keeps_the_desktop(stage: Stage, agent: FakeAgent) -> None:
    agent.save_answer = (507, {"message": "The workspace is full: delete files or enlarge it."})
    session = started(stage, agent, workspace=HOME)
    stage.patch("cart", {"spec": {"suspend": True}})
    said = stage.until_reason("Suspended", "SaveFailed")
    assert "The workspace is full" in said["message"]
    assert stage.child("pods", agent_endpoint(session)) is not None
    agent.save_answer = (200, {"file": "/home/blender/cart.blend"})
    until_suspended(stage, "Requested")


def test_without_a_workspace_there_is_nothing_to_save(stage: Stage, agent: FakeAgent) -> None:
    started(stage, agent)
    stage.patch("cart", {"spec": {"suspend": True}})
    until_suspended(stage, "Requested")
    assert agent.saved == 0
    assert "Without a workspace nothing was kept" in stage.condition("Suspended")["message"]


def test_a_forgotten_desktop_is_warned_and_suspended_and_comes_back_when_asked(stage: Stage, agent: FakeAgent) -> None:
    agent.idle_seconds = 7200
    session = started(stage, agent, workspace=HOME, lifetime={"idleAfter": "1h"})
    assert session["status"]["activity"]["expiryReason"] == "Idle"
    backdate(stage, minutes=57)
    until("the person is warned", lambda: [each for each in agent.notices if "Move the mouse to keep it" in each])
    until("it was told", lambda: "Expiring" in [reason for _, reason, _ in stage.events()])
    backdate(stage, minutes=61)
    status = until_suspended(stage, "Idle")
    assert agent.saved == 1
    found = stage.session()
    assert found is not None
    assert found["spec"]["suspend"] is False, "the spec is the person's"
    assert status["suspension"]["reason"] == "Idle"
    agent.idle_seconds = 0
    resume(stage, "please")
    stage.run_pod(session, agent.address)
    stage.until_ready()


def test_a_render_keeps_it_alive_with_nobody_connected(stage: Stage, agent: FakeAgent) -> None:
    agent.idle_seconds, agent.rendering = 3600, True
    started(stage, agent, lifetime={"idleAfter": "2s"})
    until("the render keeps it", lambda: status_of(stage).get("activity", {}).get("keptAliveBy") == "Render")
    asked = agent.asked
    agent.rendering = False
    until("it was asked again", lambda: agent.asked > asked)
    until_suspended(stage, "Idle")


def test_input_keeps_it_alive(stage: Stage, agent: FakeAgent) -> None:
    started(stage, agent, lifetime={"idleAfter": "2s"})
    until("it was asked often", lambda: agent.asked > 4)
    until("its input keeps it", lambda: status_of(stage).get("activity", {}).get("keptAliveBy") == "Input")
    assert status_of(stage)["phase"] == "Ready"


def test_its_time_is_over_whatever_happens(stage: Stage, agent: FakeAgent) -> None:
    agent.rendering = True
    started(stage, agent, lifetime={"maxAge": "1h"}, workspace=HOME)
    backdate(stage, minutes=57)
    until("the person is warned", lambda: [each for each in agent.notices if "its time is over" in each])
    backdate(stage, minutes=61)
    until_suspended(stage, "MaxAge")


def test_a_session_that_is_to_be_deleted_is(stage: Stage, agent: FakeAgent) -> None:
    agent.idle_seconds = 7200
    started(stage, agent, lifetime={"idleAfter": "1h", "onExpiry": "Delete"}, owner="del-later")
    backdate(stage, minutes=61)
    stage.until_gone()
    until("its user goes too", lambda: "del-later" not in stage.guacamole.users())


def test_a_volume_that_is_kept_outlives_the_session(stage: Stage) -> None:
    session = stage.ready(workspace={"size": "1Gi", "reclaimPolicy": "Retain"})
    stage.delete()
    stage.until_gone()
    stage.collect_garbage()
    claim = stage.child("persistentvolumeclaims", agent_endpoint(session))
    assert claim is not None
    assert claim["metadata"].get("ownerReferences") is None
    stage.delete_child("persistentvolumeclaims", agent_endpoint(session))


def test_a_start_that_takes_too_long_says_what_it_waits_for_and_may_still_end_well(stage: Stage) -> None:
    stage.create_class("hasty", startDeadline="1s")
    session = stage.create(className="hasty")
    said = stage.until_reason("Stalled", "StartDeadlineExceeded")
    assert "Not ready within 1s" in said["message"]
    until("it says what it waits for", lambda: "PodStarting" in stage.condition("Stalled")["message"])
    stage.run_pod(session)
    stage.until_ready()
    assert stage.condition("Stalled")["status"] == "False"


def test_a_changed_password_in_the_secret_restarts_the_desktop_with_it(stage: Stage) -> None:
    session = stage.ready()
    name = agent_endpoint(session)
    before = stage.child("pods", name)
    assert before is not None
    path = f"api/v1/namespaces/{stage.namespace}/secrets/{name}"
    stage.api.request("PATCH", path, {"stringData": {"vnc-password": "another1"}}, "application/merge-patch+json")
    until(
        "there is another pod",
        lambda: (stage.child("pods", name) or before)["metadata"]["uid"] != before["metadata"]["uid"],
    )
    stage.run_pod(session)
    stage.until_ready()
    [connection] = stage.guacamole.named(name)
    assert stage.guacamole.get(f"connections/{connection['identifier']}/parameters")["password"] == "another1"


def test_a_session_edited_all_the_time_converges(stage: Stage) -> None:
    session = stage.ready(owner="eve-edits")
    for number in range(30):
        stage.patch("cart", {"spec": {"viewers": [f"viewer-{number % 3}"], "connections": {"max": 5 + number % 4}}})
    wanted = {"viewer-2", "eve-edits"}
    until("the last edit holds", lambda: stage.guacamole.users() == wanted)
    [connection] = stage.guacamole.named(agent_endpoint(session))
    until(
        "its limits too",
        lambda: stage.guacamole.get(f"connections/{connection['identifier']}")["attributes"]["max-connections"] == "6",
    )


def test_viewers_look_by_a_connection_of_their_own_and_lose_it(stage: Stage) -> None:
    session = stage.ready(owner="ann-shows", viewers=["vic-looks"])
    name = agent_endpoint(session)
    until("there is a link for viewers", lambda: status_of(stage).get("viewURL"))
    [shown] = stage.guacamole.named(name + "-view")
    parameters: Any = stage.guacamole.get(f"connections/{shown['identifier']}/parameters")
    assert parameters["read-only"] == "true"
    assert stage.guacamole.get("users/vic-looks/permissions")["connectionPermissions"] == {
        shown["identifier"]: ["READ"]
    }
    assert stage.child("secrets", user_secret_name("vic-looks")) is not None
    stage.patch("cart", {"spec": {"viewers": None}})
    until("the viewer is gone", lambda: stage.guacamole.users() == {"ann-shows"})
    until("so is the connection", lambda: stage.guacamole.named(name + "-view") == [])
    until("so is the Secret", lambda: stage.child("secrets", user_secret_name("vic-looks")) is None)
    until("the link goes", lambda: "viewURL" not in status_of(stage))


def test_an_owner_of_two_namespaces_is_refused_in_the_second(stage: Stage, idle: Stage) -> None:
    stage.ready(owner="one-name")
    idle.door = stage.door
    idle.start()
    idle.create(owner="one-name")
    said = idle.until_reason("Stalled", "OwnerTaken")
    assert "spec.owner" in said["message"]
    idle.delete()
    idle.until_gone()
    assert "one-name" in stage.guacamole.users(), "it is not ours to remove"
