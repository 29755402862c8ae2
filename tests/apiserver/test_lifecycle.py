"""A session from creation to deletion: the real operator process, a real API server, and the stand-in for Guacamole."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest
import requests

from apiserver.stage import alone, house, idle, stage
from blendersessions.model.names import name_for, user_secret_name
from waiting import DEADLINE_SECONDS, until

if TYPE_CHECKING:
    from apiserver.lifecycle import Object, Stage


__all__ = ["alone", "house", "idle", "stage"]


def value(secret: Object | None, key: str) -> str:
    assert secret is not None
    return base64.b64decode(secret["data"][key]).decode()


def test_a_created_session_becomes_ready_with_a_url(stage: Stage) -> None:
    created = stage.create(scene={"sample": "shopping_cart.blend"}, owner="alice")
    name = name_for(created["metadata"]["uid"])
    stage.until_reason("Ready", "PodStarting")
    stage.run_pod(created)
    session = stage.until_ready()

    status = session["status"]
    [connection] = stage.guacamole.named(name)
    identifier = f"{connection['identifier']}\0c\0{stage.guacamole.source}".encode()
    code = base64.urlsafe_b64encode(identifier).decode().rstrip("=")
    assert status["clientURL"] == f"https://desk.example/guacamole/#/client/{code}"
    assert status["phase"] == "Ready"
    assert status["desktop"] == {"name": name}
    assert status["connection"] == {
        "name": name,
        "identifier": connection["identifier"],
        "dataSource": stage.guacamole.source,
    }
    assert status["observedGeneration"] == session["metadata"]["generation"]
    assert {entry["observedGeneration"] for entry in status["conditions"]} == {session["metadata"]["generation"]}
    assert status["startup"]["path"] == "Cold"
    assert session["metadata"]["finalizers"] == ["blendersessions.io/finalizer"]

    parameters = stage.guacamole.get(f"connections/{connection['identifier']}/parameters")
    secret = stage.child("secrets", name)
    assert parameters["password"] == value(secret, "vnc-password")
    assert len(parameters["password"]) == 8
    assert parameters["hostname"] == f"{name}.{stage.namespace}.svc"
    assert stage.child("services", name) is not None

    user = stage.child("secrets", user_secret_name("alice"))
    assert value(user, "username") == "alice"
    assert stage.guacamole.can_log_in("alice", value(user, "password"))
    permissions = stage.guacamole.get("users/alice/permissions")
    assert permissions["connectionPermissions"] == {connection["identifier"]: ["READ"]}
    assert permissions["systemPermissions"] == []
    until("readiness is told", lambda: "Ready" in [reason for _, reason, _ in stage.events()])
    told = " ".join(message for _, _, message in stage.events())
    for step in (
        "is being started",
        "pod runs",
        "scene is on screen",
        "may open the connection",
        f"Open {status['clientURL']}",
    ):
        assert step in told, f"{step!r} is not in what the Events say: {told}"


def test_a_deleted_session_leaves_nothing_on_either_side(stage: Stage) -> None:
    stage.ready(owner="alice-del")
    stage.ready("second")
    stage.delete()
    stage.delete("second")
    stage.until_gone()
    stage.until_gone("second")
    stage.collect_garbage()
    assert stage.children() == []
    assert stage.guacamole.get("connections") == {}
    assert "alice-del" not in stage.guacamole.users()
    assert not [user for user in stage.guacamole.users() if user.startswith("blender-")]


def test_a_ready_session_is_written_no_more(stage: Stage) -> None:
    session = stage.ready()
    objects = [stage.child(*entry.split("/")) for entry in stage.children()]
    version = session["metadata"]["resourceVersion"]
    stage.create("other")
    stage.until_reason("Ready", "PodStarting", "other")
    found = stage.session()
    assert found is not None
    assert found["metadata"]["resourceVersion"] == version
    assert [stage.child(*f"{o['kind'].lower()}s/{o['metadata']['name']}".split("/")) for o in objects if o] == objects


def test_a_restart_goes_on_where_it_was_and_writes_nothing(alone: Stage) -> None:
    session = alone.ready()
    alone.stop()
    created = alone.create("while-away")
    alone.start()
    alone.run_pod(created)
    alone.until_ready("while-away")
    found = alone.session()
    assert found is not None
    assert found["metadata"]["resourceVersion"] == session["metadata"]["resourceVersion"]
    assert len(alone.guacamole.named(name_for(session["metadata"]["uid"]))) == 1


def test_a_session_deleted_while_the_operator_was_away_is_cleaned_up(alone: Stage) -> None:
    alone.ready()
    alone.stop()
    alone.delete()
    assert alone.session() is not None, "the finalizer keeps it"
    alone.start()
    alone.until_gone()
    assert alone.guacamole.get("connections") == {}


def pod_uid(stage: Stage, name: str) -> str:
    return str((stage.child("pods", name) or {"metadata": {"uid": ""}})["metadata"]["uid"])


@pytest.mark.parametrize("plural", ["pods", "services", "secrets"])
def test_a_child_deleted_by_hand_is_made_again(alone: Stage, plural: str) -> None:
    session = alone.ready()
    name = session["status"]["desktop"]["name"]
    former = alone.child(plural, name)
    assert former is not None
    pod = pod_uid(alone, name)
    alone.delete_child(plural, name)

    def successor() -> bool:
        found = alone.child(plural, name)
        return found is not None and found["metadata"]["uid"] != former["metadata"]["uid"]

    until(f"{plural}/{name} is made again", successor)
    if plural == "secrets":
        until(
            "the desktop is started anew, for it reads its Secret once", lambda: pod_uid(alone, name) not in (pod, "")
        )
    if plural != "services":
        until("the URL goes", lambda: "clientURL" not in (alone.session() or {})["status"])
        alone.run_pod(session)
    if plural == "secrets":
        [connection] = alone.guacamole.named(name)
        path = f"connections/{connection['identifier']}/parameters"
        made = value(alone.child("secrets", name), "vnc-password")
        until("Guacamole has the new password", lambda: alone.guacamole.get(path)["password"] == made)
    alone.until_ready()


def test_the_secret_of_a_user_deleted_by_hand_is_made_again_and_fits(stage: Stage) -> None:
    stage.ready(owner="alice-lost")
    name = user_secret_name("alice-lost")
    former = value(stage.child("secrets", name), "password")
    stage.delete_child("secrets", name)

    def fits() -> bool:
        found = stage.child("secrets", name)
        return found is not None and stage.guacamole.can_log_in("alice-lost", value(found, "password"))

    until("a new password fits", fits)
    assert value(stage.child("secrets", name), "password") != former
    stage.until_ready()
    [identifier] = stage.guacamole.connections()
    until("granted again", lambda: stage.guacamole.get("users/alice-lost/permissions")["connectionPermissions"])
    assert stage.guacamole.get("users/alice-lost/permissions")["connectionPermissions"] == {identifier: ["READ"]}


def test_a_connection_deleted_in_guacamole_is_made_again(stage: Stage) -> None:
    session = stage.ready()
    name = session["status"]["desktop"]["name"]
    [connection] = stage.guacamole.named(name)
    stage.guacamole.send("DELETE", f"connections/{connection['identifier']}")
    until("the connection is made again", lambda: stage.guacamole.named(name))

    def follows() -> bool:
        found = stage.until_ready()["status"]
        return found["connection"]["identifier"] != connection["identifier"] and bool(found["clientURL"])

    until("the URL follows", follows)


def test_changed_limits_reach_guacamole_at_once(stage: Stage) -> None:
    session = stage.ready()
    [connection] = stage.guacamole.named(session["status"]["desktop"]["name"])
    stage.patch("cart", {"spec": {"connections": {"max": 3}}})
    path = f"connections/{connection['identifier']}"
    until("the limit is 3", lambda: stage.guacamole.get(path)["attributes"]["max-connections"] == "3")


def test_another_owner_gets_the_session_and_the_former_one_goes(stage: Stage) -> None:
    session = stage.ready(owner="alice-former")
    stage.patch("cart", {"spec": {"owner": "bob-next"}})
    until("the former owner is gone", lambda: "alice-former" not in stage.guacamole.users())
    identifier = session["status"]["connection"]["identifier"]
    until("the next owner is there", lambda: "bob-next" in stage.guacamole.users())
    path = "users/bob-next/permissions"
    until("granted", lambda: stage.guacamole.get(path)["connectionPermissions"] == {identifier: ["READ"]})
    until("noted", lambda: "bob-next" in stage.condition("ConnectionReady")["message"])
    stage.delete()
    stage.until_gone()
    assert not {"alice-former", "bob-next"} & stage.guacamole.users()


def test_two_sessions_of_one_owner_share_the_user_until_the_last_goes(stage: Stage) -> None:
    first, second = stage.create("first", owner="alice-two"), stage.create("second", owner="alice-two")
    for session in (first, second):
        stage.run_pod(session)
    stage.until_ready("first")
    stage.until_ready("second")
    secret = stage.child("secrets", user_secret_name("alice-two"))
    assert secret is not None
    owners = {owner["uid"] for owner in secret["metadata"]["ownerReferences"]}
    assert owners == {first["metadata"]["uid"], second["metadata"]["uid"]}
    assert len(stage.guacamole.get("users/alice-two/permissions")["connectionPermissions"]) == 2

    stage.delete("first")
    stage.until_gone("first")
    stage.collect_garbage()
    assert stage.guacamole.can_log_in("alice-two", value(secret, "password"))
    assert len(stage.guacamole.get("users/alice-two/permissions")["connectionPermissions"]) == 1

    stage.delete("second")
    stage.until_gone("second")
    assert "alice-two" not in stage.guacamole.users()


def test_an_administrators_user_is_granted_to_and_survives(stage: Stage) -> None:
    user = {"username": "teacher", "password": "chalk", "attributes": {}}
    stage.guacamole.send("POST", "users", user)
    stage.ready(owner="teacher")
    assert stage.child("secrets", user_secret_name("teacher")) is None
    assert stage.guacamole.can_log_in("teacher", "chalk")
    assert stage.guacamole.get("users/teacher/permissions")["connectionPermissions"]
    stage.delete()
    stage.until_gone()
    assert stage.guacamole.can_log_in("teacher", "chalk")
    stage.guacamole.send("DELETE", "users/teacher")


def test_a_name_of_63_characters(stage: Stage) -> None:
    name = "a" * 63
    stage.run_pod(stage.create(name))
    stage.until_ready(name)
    stage.delete(name)
    stage.until_gone(name)


def test_a_session_deleted_while_it_starts_is_cleaned_up(stage: Stage) -> None:
    for number in range(5):
        stage.create(f"short-{number}")
        stage.delete(f"short-{number}")
    for number in range(5):
        stage.until_gone(f"short-{number}")
    created = stage.create("waiting")
    until("it is registered", lambda: stage.guacamole.named(name_for(created["metadata"]["uid"])))
    stage.delete("waiting")
    stage.until_gone("waiting")
    stage.collect_garbage()
    assert stage.guacamole.get("connections") == {}
    assert stage.children() == []


def test_the_log_is_json_and_holds_no_secret(alone: Stage) -> None:
    session = alone.ready(owner="alice-log")
    name = session["status"]["desktop"]["name"]
    secret, user = alone.child("secrets", name), alone.child("secrets", user_secret_name("alice-log"))
    planted = [
        value(secret, "vnc-password"),
        value(secret, "agent-token"),
        value(user, "password"),
        (alone.folder / "password").read_text().strip() + '"',
    ]
    alone.delete()
    alone.until_gone()
    alone.stop()
    lines = [json.loads(line) for line in alone.log.splitlines()]
    assert lines
    assert {"time", "level", "logger", "message"} <= lines[0].keys()
    assert all(secret not in alone.log for secret in planted)
    assert not [line for line in lines if line["level"] in ("WARNING", "ERROR")]
    about = [line["message"] for line in lines if line.get("session") == f"{alone.namespace}/cart"]
    assert len(about) == len(set(about)), "one line per change"
    assert f"Registered the connection {name} in Guacamole." in about


def test_the_health_endpoint_answers(idle: Stage) -> None:
    idle.start()
    address = f"http://127.0.0.1:{idle.health_port.number}/healthz"

    def answers() -> bool:
        try:
            return requests.get(address, timeout=DEADLINE_SECONDS).ok
        except requests.ConnectionError:
            return False

    until("healthy", answers)
