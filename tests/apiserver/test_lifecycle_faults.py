"""A session when something is wrong: what the person reads, and that everything converges once it is put right."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from apiserver.lifecycle import GROUP, Stage
from apiserver.stage import house, idle, stage
from blendersessions.model.names import name_for, user_secret_name
from waiting import until

if TYPE_CHECKING:
    from apiserver.lifecycle import Object

__all__ = ["house", "idle", "stage"]


def user_of(session: Object) -> str:
    return name_for(session["metadata"]["uid"])


def test_guacamole_down_at_create(idle: Stage) -> None:
    idle.door.shut()
    idle.start()
    session = idle.create()
    idle.run_pod(session)
    said = idle.until_reason("ConnectionReady", "GuacamoleUnavailable")
    assert idle.door.url in said["message"]
    until("the desktop starts all the same", lambda: idle.condition("SceneReady")["status"] == "True")
    assert idle.condition("Ready")["reason"] == "GuacamoleUnavailable"
    until("it is told", lambda: ("Warning", "GuacamoleUnavailable", said["message"]) in idle.events())
    version = (idle.session() or {})["metadata"]["resourceVersion"]
    idle.door.open()
    ready = idle.until_ready()
    assert ready["status"]["clientURL"]
    assert int(ready["metadata"]["resourceVersion"]) > int(version)
    assert len(idle.guacamole.named(user_of(session))) == 1


def test_guacamole_down_at_delete(stage: Stage) -> None:
    session = stage.ready(owner="alice-down")
    stage.door.shut()
    stage.delete()
    stage.until_reason("ConnectionReady", "GuacamoleUnavailable")
    ready = stage.until_reason("Ready", "Terminating")
    assert "GuacamoleUnavailable" in ready["message"]
    found = stage.session()
    assert found is not None
    assert found["metadata"]["finalizers"] == ["blendersessions.io/finalizer"]
    assert found["status"]["phase"] == "Terminating"
    assert "clientURL" not in found["status"]
    until("an Event says so", lambda: "GuacamoleUnavailable" in [reason for _, reason, _ in stage.events()])
    assert stage.guacamole.named(user_of(session)), "nothing is lost"
    stage.door.open()
    stage.until_gone()
    assert stage.guacamole.get("connections") == {}
    assert "alice-down" not in stage.guacamole.users()


def test_a_wrong_password_names_the_setting_and_heals_when_it_is_put_right(idle: Stage) -> None:
    right = (idle.folder / "password").read_text().strip()
    idle.write_password("planted-wrong-password")
    idle.start()
    session = idle.create()
    idle.run_pod(session)
    said = idle.until_reason("ConnectionReady", "GuacamoleCredentialsRefused")
    assert "BLENDERSESSIONS_GUACAMOLE_PASSWORD_FILE" in said["message"]
    assert "guacadmin" in said["message"]
    idle.write_password(right)
    idle.until_ready()
    assert "planted-wrong-password" not in idle.log


def test_an_unknown_sample_lists_those_there_are_and_a_corrected_one_starts(stage: Stage) -> None:
    session = stage.create(scene={"sample": "nope.blend"})
    name = user_of(session)
    until("the pod is made", lambda: stage.child("pods", name))
    message = "nope.blend is not a sample. The samples are shopping_cart.blend and watering_can.blend."
    stage.set_pod_status(
        name,
        {
            "phase": "Running",
            "containerStatuses": [
                {
                    "name": "blender",
                    "image": "i",
                    "imageID": "i",
                    "ready": False,
                    "restartCount": 1,
                    "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}},
                    "lastState": {
                        "terminated": {
                            "exitCode": 64,
                            "message": json.dumps({"reason": "SceneNotFound", "message": message}),
                        }
                    },
                }
            ],
        },
    )
    assert stage.until_reason("Ready", "SceneNotFound")["message"] == message
    assert stage.condition("SceneReady")["status"] == "False"
    assert stage.condition("Stalled")["status"] == "True"
    assert (stage.session() or {})["status"]["phase"] == "Failed"
    until("it is told", lambda: ("Warning", "SceneNotFound", message) in stage.events())

    former = stage.child("pods", name)
    assert former is not None
    stage.patch("cart", {"spec": {"scene": {"sample": "watering_can.blend"}}})
    until(
        "another pod is made",
        lambda: (stage.child("pods", name) or former)["metadata"]["uid"] != former["metadata"]["uid"],
    )
    stage.run_pod(session)
    stage.until_ready()


@pytest.mark.parametrize(("plural", "kind"), [("secrets", "Secret"), ("services", "Service"), ("pods", "Pod")])
def test_a_foreign_object_of_the_name_is_left_alone_and_reported(idle: Stage, plural: str, kind: str) -> None:
    session = idle.create()
    name = user_of(session)
    specs: dict[str, Object] = {
        "secrets": {"stringData": {"vnc-password": "foreign"}},
        "services": {"spec": {"ports": [{"port": 80}]}},
        "pods": {"spec": {"containers": [{"name": "blender", "image": "foreign"}]}},
    }
    metadata = {"name": name, "namespace": idle.namespace}
    path = f"api/v1/namespaces/{idle.namespace}/{plural}"
    foreign = {"apiVersion": "v1", "kind": kind, "metadata": metadata, **specs[plural]}
    made = idle.api.request("POST", path, foreign)
    idle.start()
    said = idle.until_reason("Stalled", "NameTaken")
    assert said["status"] == "True"
    assert f"{kind} {idle.namespace}/{name}" in said["message"]
    assert idle.condition("Ready")["reason"] == "NameTaken"
    assert (idle.session() or {})["status"]["phase"] == "Failed"
    assert idle.child(plural, name) == made, "not adopted"

    idle.delete()
    idle.until_gone()
    idle.collect_garbage()
    assert idle.child(plural, name) == made, "not deleted"


def test_a_session_starts_when_the_foreign_object_is_gone(idle: Stage) -> None:
    session = idle.create()
    name = user_of(session)
    metadata = {"name": name, "namespace": idle.namespace}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}
    idle.api.request("POST", f"api/v1/namespaces/{idle.namespace}/secrets", secret)
    idle.start()
    idle.until_reason("Stalled", "NameTaken")
    idle.delete_child("secrets", name)
    idle.run_pod(session)
    idle.until_ready()


def test_a_foreign_secret_in_the_place_of_the_users(idle: Stage) -> None:
    metadata = {"name": user_secret_name("alice-taken"), "namespace": idle.namespace}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}
    idle.api.request("POST", f"api/v1/namespaces/{idle.namespace}/secrets", secret)
    idle.start()
    idle.create(owner="alice-taken")
    said = idle.until_reason("Stalled", "NameTaken")
    assert metadata["name"] in said["message"]
    assert "alice-taken" not in idle.guacamole.users()


@pytest.mark.parametrize("answers", [2, 4, 5, 6, 7, 8])
def test_a_crash_between_any_two_steps_leaves_no_duplicate(idle: Stage, answers: int) -> None:
    """Guacamole carries a request out, the answer is lost, and the operator is killed at once."""
    idle.door.answered = answers
    idle.start()
    session = idle.create(owner="alice-crash")
    idle.run_pod(session)
    until(
        "the answer is lost, or all was done before",
        lambda: idle.door.answered <= 0 or idle.condition("Ready").get("status") == "True",
    )
    idle.stop(kill=True)
    idle.door.shut()
    idle.door.open()
    idle.start()
    idle.until_ready()
    name = user_of(session)
    assert len(idle.guacamole.named(name)) == 1
    groups = [group["name"] for group in idle.guacamole.get("connectionGroups").values()]
    assert groups.count(GROUP) == 1
    secret = idle.child("secrets", user_secret_name("alice-crash"))
    assert secret is not None
    assert idle.guacamole.users() == {"alice-crash"}
    permissions = idle.guacamole.get("users/alice-crash/permissions")["connectionPermissions"]
    assert list(permissions.values()) == [["READ"]]


@pytest.mark.parametrize("answers", [1, 2, 4])
def test_a_crash_during_deletion_leaves_nothing(idle: Stage, answers: int) -> None:
    idle.start()
    idle.ready(owner="alice-crash")
    idle.door.answered = answers
    idle.delete()
    until("the answer is lost, or all was done before", lambda: idle.door.answered <= 0 or idle.session() is None)
    idle.stop(kill=True)
    idle.door.shut()
    idle.door.open()
    idle.start()
    idle.until_gone()
    idle.collect_garbage()
    assert idle.children() == []
    assert idle.guacamole.get("connections") == {}
    assert idle.guacamole.users() == set()


def test_a_lost_answer_without_a_crash_leaves_no_duplicate(idle: Stage) -> None:
    idle.door.answered = 6
    idle.start()
    session = idle.create(owner="alice-lost")
    idle.run_pod(session)
    until("an answer is lost", lambda: idle.door.answered <= 0)
    idle.until_reason("ConnectionReady", "GuacamoleUnavailable")
    idle.door.shut()
    idle.door.open()
    idle.until_ready()
    assert len(idle.guacamole.named(user_of(session))) == 1
    assert idle.guacamole.users() == {"alice-lost"}
