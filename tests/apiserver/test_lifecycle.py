"""A session from creation to deletion: the real operator process, a real API server, and the stand-in for Guacamole."""

from __future__ import annotations

import base64
import json
from collections import Counter
from typing import TYPE_CHECKING

import pytest
import requests

from blendersessions.model.names import name_for, user_secret_name
from waiting import DEADLINE_SECONDS, until

if TYPE_CHECKING:
    from apiserver.installation import Installation, Object


def value(secret: Object | None, key: str) -> str:
    assert secret is not None
    return base64.b64decode(secret["data"][key]).decode()


def test_a_created_session_becomes_ready_with_a_url(installation: Installation) -> None:
    created = installation.create(scene={"sample": "shopping_cart.blend"}, owner="alice")
    name = name_for(created["metadata"]["uid"])
    installation.until_reason("Ready", "PodStarting")
    installation.run_pod(created)
    session = installation.until_ready()

    status = session["status"]
    [connection] = installation.guacamole.named(name)
    identifier = f"{connection['identifier']}\0c\0{installation.guacamole.source}".encode()
    code = base64.urlsafe_b64encode(identifier).decode().rstrip("=")
    assert status["clientURL"] == f"https://desk.example/guacamole/#/client/{code}"
    assert status["phase"] == "Ready"
    assert status["desktop"] == {"name": name}
    assert status["connection"] == {
        "name": f"{installation.namespace}/cart ({name})",
        "identifier": connection["identifier"],
        "dataSource": installation.guacamole.source,
    }
    assert status["observedGeneration"] == session["metadata"]["generation"]
    assert {entry["observedGeneration"] for entry in status["conditions"]} == {session["metadata"]["generation"]}
    assert status["startup"]["path"] == "Cold"
    assert session["metadata"]["finalizers"] == ["blendersessions.io/finalizer"]

    parameters = installation.guacamole.get(f"connections/{connection['identifier']}/parameters")
    secret = installation.child("secrets", name)
    assert parameters["password"] == value(secret, "vnc-password")
    assert len(parameters["password"]) == 8
    assert parameters["hostname"] == f"{name}.{installation.namespace}.svc"
    assert installation.child("services", name) is not None

    user = installation.child("secrets", user_secret_name("alice"))
    assert value(user, "username") == "alice"
    assert installation.guacamole.can_log_in("alice", value(user, "password"))
    permissions = installation.guacamole.get("users/alice/permissions")
    assert permissions["connectionPermissions"] == {connection["identifier"]: ["READ"]}
    assert permissions["systemPermissions"] == []
    until("an Event reports readiness", lambda: "Ready" in [reason for _, reason, _ in installation.events()])
    messages = " ".join(message for _, _, message in installation.events())
    for step in (
        "is being started",
        "pod runs",
        "scene is on screen",
        "may open the connection",
        f"Open {status['clientURL']}",
    ):
        assert step in messages, f"{step!r} is in no Event: {messages}"


def test_a_deleted_session_leaves_nothing_in_kubernetes_or_guacamole(installation: Installation) -> None:
    installation.ready(owner="alice-del")
    installation.ready("second")
    installation.delete()
    installation.delete("second")
    installation.until_gone()
    installation.until_gone("second")
    installation.collect_garbage()
    assert installation.children() == []
    assert installation.guacamole.get("connections") == {}
    assert "alice-del" not in installation.guacamole.users()
    assert not [user for user in installation.guacamole.users() if user.startswith("blender-")]


def test_a_ready_session_is_not_written_again(installation: Installation) -> None:
    session = installation.ready()
    objects = [installation.child(*entry.split("/")) for entry in installation.children()]
    version = session["metadata"]["resourceVersion"]
    installation.create("other")
    installation.until_reason("Ready", "PodStarting", "other")
    found = installation.session()
    assert found is not None
    assert found["metadata"]["resourceVersion"] == version
    assert [
        installation.child(*f"{o['kind'].lower()}s/{o['metadata']['name']}".split("/")) for o in objects if o
    ] == objects


def test_a_restart_changes_nothing_and_serves_new_sessions(own_running_installation: Installation) -> None:
    session = own_running_installation.ready()
    own_running_installation.stop()
    created = own_running_installation.create("while-away")
    own_running_installation.start()
    own_running_installation.run_pod(created)
    own_running_installation.until_ready("while-away")
    found = own_running_installation.session()
    assert found is not None
    assert found["metadata"]["resourceVersion"] == session["metadata"]["resourceVersion"]
    assert len(own_running_installation.guacamole.named(name_for(session["metadata"]["uid"]))) == 1


def test_a_session_deleted_while_the_operator_was_stopped_is_cleaned_up(own_running_installation: Installation) -> None:
    own_running_installation.ready()
    own_running_installation.stop()
    own_running_installation.delete()
    assert own_running_installation.session() is not None, "the finalizer keeps it"
    own_running_installation.start()
    own_running_installation.until_gone()
    assert own_running_installation.guacamole.get("connections") == {}


def pod_uid(installation: Installation, name: str) -> str:
    return str((installation.child("pods", name) or {"metadata": {"uid": ""}})["metadata"]["uid"])


@pytest.mark.parametrize("plural", ["pods", "services", "secrets"])
def test_a_child_deleted_by_hand_is_made_again(own_running_installation: Installation, plural: str) -> None:
    session = own_running_installation.ready()
    name = session["status"]["desktop"]["name"]
    former = own_running_installation.child(plural, name)
    assert former is not None
    pod = pod_uid(own_running_installation, name)
    own_running_installation.delete_child(plural, name)

    def successor() -> bool:
        found = own_running_installation.child(plural, name)
        return found is not None and found["metadata"]["uid"] != former["metadata"]["uid"]

    until(f"{plural}/{name} is made again", successor)
    if plural == "secrets":
        until(
            "the desktop restarts, because it reads its Secret once",
            lambda: pod_uid(own_running_installation, name) not in (pod, ""),
        )
    if plural != "services":
        until("the URL goes", lambda: "clientURL" not in (own_running_installation.session() or {})["status"])
        own_running_installation.run_pod(session)
    if plural == "secrets":
        [connection] = own_running_installation.guacamole.named(name)
        path = f"connections/{connection['identifier']}/parameters"
        made = value(own_running_installation.child("secrets", name), "vnc-password")
        until(
            "Guacamole has the new password", lambda: own_running_installation.guacamole.get(path)["password"] == made
        )
    own_running_installation.until_ready()


@pytest.mark.parametrize("plural", ["pods", "services", "secrets"])
def test_a_child_that_lost_our_label_gets_it_back(own_running_installation: Installation, plural: str) -> None:
    """For the operator's watch it is deleted then."""
    name = own_running_installation.ready()["status"]["desktop"]["name"]
    path = f"api/v1/namespaces/{own_running_installation.namespace}/{plural}/{name}"
    patch = {"metadata": {"labels": {"app.kubernetes.io/managed-by": None}}}
    own_running_installation.api.request("PATCH", path, patch, "application/merge-patch+json")

    def has_label() -> bool:
        found = own_running_installation.child(plural, name)
        return found is not None and "app.kubernetes.io/managed-by" in found["metadata"]["labels"]

    until(f"{plural}/{name} has the label again", has_label)
    own_running_installation.until_ready()
    assert "do not converge" not in own_running_installation.log


def test_a_user_secret_deleted_by_hand_is_made_again_with_a_valid_password(installation: Installation) -> None:
    installation.ready(owner="alice-lost")
    name = user_secret_name("alice-lost")
    former = value(installation.child("secrets", name), "password")
    installation.delete_child("secrets", name)

    def is_valid() -> bool:
        found = installation.child("secrets", name)
        return found is not None and installation.guacamole.can_log_in("alice-lost", value(found, "password"))

    until("a new password is valid", is_valid)
    assert value(installation.child("secrets", name), "password") != former
    installation.until_ready()
    [identifier] = installation.guacamole.connections()
    until("granted again", lambda: installation.guacamole.get("users/alice-lost/permissions")["connectionPermissions"])
    assert installation.guacamole.get("users/alice-lost/permissions")["connectionPermissions"] == {identifier: ["READ"]}


def test_a_connection_deleted_in_guacamole_is_made_again(installation: Installation) -> None:
    session = installation.ready()
    name = session["status"]["desktop"]["name"]
    [connection] = installation.guacamole.named(name)
    installation.guacamole.remove("connections", connection["identifier"])
    until("the connection is made again", lambda: installation.guacamole.named(name))

    def follows() -> bool:
        found = installation.until_ready()["status"]
        return found["connection"]["identifier"] != connection["identifier"] and bool(found["clientURL"])

    until("the URL follows", follows)


def test_changed_limits_reach_guacamole_at_once(installation: Installation) -> None:
    session = installation.ready()
    [connection] = installation.guacamole.named(session["status"]["desktop"]["name"])
    installation.patch("cart", {"spec": {"connections": {"max": 3}}})
    path = f"connections/{connection['identifier']}"
    until("the limit is 3", lambda: installation.guacamole.get(path)["attributes"]["max-connections"] == "3")


def test_another_viewer_gets_the_session_and_the_former_one_goes(installation: Installation) -> None:
    session = installation.ready(owner="alice-stays", viewers=["bob-former"])
    installation.patch("cart", {"spec": {"viewers": ["cy-next"]}})
    until("the former viewer is gone", lambda: "bob-former" not in installation.guacamole.users())
    until("the next viewer is there", lambda: "cy-next" in installation.guacamole.users())
    [shown] = installation.guacamole.named(name_for(session["metadata"]["uid"]) + "-view")
    granted, path = {shown["identifier"]: ["READ"]}, "users/cy-next/permissions"
    until("granted", lambda: installation.guacamole.get(path)["connectionPermissions"] == granted)
    installation.delete()
    installation.until_gone()
    assert not {"alice-stays", "bob-former", "cy-next"} & installation.guacamole.users()


def test_two_sessions_of_one_owner_share_the_user_until_the_last_goes(installation: Installation) -> None:
    first, second = installation.create("first", owner="alice-two"), installation.create("second", owner="alice-two")
    for session in (first, second):
        installation.run_pod(session)
    installation.until_ready("first")
    installation.until_ready("second")
    secret = installation.child("secrets", user_secret_name("alice-two"))
    assert secret is not None
    owners = {owner["uid"] for owner in secret["metadata"]["ownerReferences"]}
    assert owners == {first["metadata"]["uid"], second["metadata"]["uid"]}
    assert len(installation.guacamole.get("users/alice-two/permissions")["connectionPermissions"]) == 2

    installation.delete("first")
    installation.until_gone("first")
    installation.collect_garbage()
    assert installation.guacamole.can_log_in("alice-two", value(secret, "password"))
    assert len(installation.guacamole.get("users/alice-two/permissions")["connectionPermissions"]) == 1

    installation.delete("second")
    installation.until_gone("second")
    assert "alice-two" not in installation.guacamole.users()


def test_an_administrators_user_gets_the_grant_and_is_not_removed(installation: Installation) -> None:
    record = {"guac-organization": f"A school; blender-sessions: music, {installation.namespace}"}
    user = {"username": "teacher", "password": "chalk", "attributes": record}
    installation.guacamole.send("POST", "users", user)
    installation.ready(owner="teacher")
    assert installation.child("secrets", user_secret_name("teacher")) is None
    assert installation.guacamole.can_log_in("teacher", "chalk")
    assert installation.guacamole.get("users/teacher/permissions")["connectionPermissions"]
    installation.delete()
    installation.until_gone()
    assert installation.guacamole.can_log_in("teacher", "chalk")
    installation.guacamole.remove("users", "teacher")


def test_a_name_of_63_characters(installation: Installation) -> None:
    name = "a" * 63
    installation.run_pod(installation.create(name))
    installation.until_ready(name)
    installation.delete(name)
    installation.until_gone(name)


def test_a_session_deleted_while_it_starts_is_cleaned_up(installation: Installation) -> None:
    for number in range(5):
        installation.create(f"short-{number}")
        installation.delete(f"short-{number}")
    for number in range(5):
        installation.until_gone(f"short-{number}")
    created = installation.create("waiting")
    until("it is registered", lambda: installation.guacamole.named(name_for(created["metadata"]["uid"])))
    installation.delete("waiting")
    installation.until_gone("waiting")
    installation.collect_garbage()
    assert installation.guacamole.get("connections") == {}
    assert installation.children() == []


def test_the_log_is_json_and_holds_no_secret(own_running_installation: Installation) -> None:
    session = own_running_installation.ready(owner="alice-log")
    name = session["status"]["desktop"]["name"]
    secret, user = (
        own_running_installation.child("secrets", name),
        own_running_installation.child("secrets", user_secret_name("alice-log")),
    )
    planted = [
        value(secret, "vnc-password"),
        value(secret, "agent-token"),
        value(user, "password"),
        (own_running_installation.folder / "password").read_text().strip() + '"',
    ]
    own_running_installation.delete()
    own_running_installation.until_gone()
    own_running_installation.stop()
    lines = [json.loads(line) for line in own_running_installation.log.splitlines()]
    assert lines
    assert {"time", "level", "logger", "message"} <= lines[0].keys()
    assert all(secret not in own_running_installation.log for secret in planted)
    assert not [line for line in lines if line["level"] in ("WARNING", "ERROR")]
    about = [line["message"] for line in lines if line.get("session") == f"{own_running_installation.namespace}/cart"]
    assert [line for line, count in Counter(about).items() if count > 1] == [], "one line per change"
    connection = f"{own_running_installation.namespace}/cart ({name})"
    assert f"Registered the connection {connection} in Guacamole." in about


def test_the_health_endpoint_answers(own_installation: Installation) -> None:
    own_installation.start()
    address = f"http://127.0.0.1:{own_installation.health_port.number}/healthz"

    def answers() -> bool:
        try:
            return requests.get(address, timeout=DEADLINE_SECONDS).ok
        except requests.ConnectionError:
            return False

    until("healthy", answers)
