"""Faults: conditions and Events name the fault, and sessions recover once it is repaired."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from apiserver.installation import GROUP, Installation
from blendersessions.model.names import name_for, user_secret_name
from waiting import until

if TYPE_CHECKING:
    from apiserver.installation import Object


def user_of(session: Object) -> str:
    return name_for(session["metadata"]["uid"])


def test_guacamole_is_down_when_a_session_is_created(own_installation: Installation) -> None:
    own_installation.tcp_proxy.cut()
    own_installation.start()
    session = own_installation.create()
    own_installation.run_pod(session)
    condition = own_installation.until_reason("ConnectionReady", "GuacamoleUnavailable")
    assert own_installation.tcp_proxy.url in condition["message"]
    until("the desktop starts all the same", lambda: own_installation.condition("SceneReady")["status"] == "True")
    assert own_installation.condition("Ready")["reason"] == "GuacamoleUnavailable"
    until(
        "an Event reports it",
        lambda: ("Warning", "GuacamoleUnavailable", condition["message"]) in own_installation.events(),
    )
    version = (own_installation.session() or {})["metadata"]["resourceVersion"]
    own_installation.tcp_proxy.restore()
    ready = own_installation.until_ready()
    assert ready["status"]["clientURL"]
    assert int(ready["metadata"]["resourceVersion"]) > int(version)
    assert len(own_installation.guacamole.named(user_of(session))) == 1


def test_guacamole_is_down_when_a_session_is_deleted(installation: Installation) -> None:
    session = installation.ready(owner="alice-down")
    installation.tcp_proxy.cut()
    installation.delete()
    installation.until_reason("ConnectionReady", "GuacamoleUnavailable")
    ready = installation.until_reason("Ready", "Terminating")
    assert "GuacamoleUnavailable" in ready["message"]
    found = installation.session()
    assert found is not None
    assert found["metadata"]["finalizers"] == ["blendersessions.io/finalizer"]
    assert found["status"]["phase"] == "Terminating"
    assert "clientURL" not in found["status"]
    until("an Event reports it", lambda: "GuacamoleUnavailable" in [reason for _, reason, _ in installation.events()])
    assert installation.guacamole.named(user_of(session)), "nothing is lost"
    installation.tcp_proxy.restore()
    installation.until_gone()
    assert installation.guacamole.get("connections") == {}
    assert "alice-down" not in installation.guacamole.users()


def test_a_wrong_password_names_the_setting_and_recovers_once_corrected(own_installation: Installation) -> None:
    right = (own_installation.folder / "password").read_text().strip()
    own_installation.write_password("planted-wrong-password")
    own_installation.start()
    session = own_installation.create()
    own_installation.run_pod(session)
    condition = own_installation.until_reason("ConnectionReady", "GuacamoleCredentialsRefused")
    assert "BLENDERSESSIONS_GUACAMOLE_PASSWORD_FILE" in condition["message"]
    assert "guacadmin" in condition["message"]
    own_installation.write_password(right)
    own_installation.until_ready()
    assert "planted-wrong-password" not in own_installation.log


def test_an_unknown_sample_lists_the_known_ones_and_a_corrected_one_starts(installation: Installation) -> None:
    session = installation.create(scene={"sample": "nope.blend"})
    name = user_of(session)
    until("the pod is made", lambda: installation.child("pods", name))
    message = "nope.blend is not a sample. The samples are shopping_cart.blend and watering_can.blend."
    installation.set_pod_status(
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
    assert installation.until_reason("Ready", "SceneNotFound")["message"] == message
    assert installation.condition("SceneReady")["status"] == "False"
    assert installation.condition("Stalled")["status"] == "True"
    assert (installation.session() or {})["status"]["phase"] == "Failed"
    until("an Event reports it", lambda: ("Warning", "SceneNotFound", message) in installation.events())

    former = installation.child("pods", name)
    assert former is not None
    installation.patch("cart", {"spec": {"scene": {"sample": "watering_can.blend"}}})
    until(
        "another pod is made",
        lambda: (installation.child("pods", name) or former)["metadata"]["uid"] != former["metadata"]["uid"],
    )
    installation.run_pod(session)
    installation.until_ready()


@pytest.mark.parametrize(("plural", "kind"), [("secrets", "Secret"), ("services", "Service"), ("pods", "Pod")])
def test_an_object_of_the_name_that_is_not_owned_is_untouched_and_reported(
    own_installation: Installation, plural: str, kind: str
) -> None:
    session = own_installation.create()
    name = user_of(session)
    specs: dict[str, Object] = {
        "secrets": {"stringData": {"vnc-password": "foreign"}},
        "services": {"spec": {"ports": [{"port": 80}]}},
        "pods": {"spec": {"containers": [{"name": "blender", "image": "foreign"}]}},
    }
    metadata = {"name": name, "namespace": own_installation.namespace}
    path = f"api/v1/namespaces/{own_installation.namespace}/{plural}"
    foreign = {"apiVersion": "v1", "kind": kind, "metadata": metadata, **specs[plural]}
    made = own_installation.api.request("POST", path, foreign)
    own_installation.start()
    condition = own_installation.until_reason("Stalled", "NameTaken")
    assert condition["status"] == "True"
    assert f"{kind} {own_installation.namespace}/{name}" in condition["message"]
    assert own_installation.condition("Ready")["reason"] == "NameTaken"
    assert (own_installation.session() or {})["status"]["phase"] == "Failed"
    assert own_installation.child(plural, name) == made, "not adopted"

    own_installation.delete()
    own_installation.until_gone()
    own_installation.collect_garbage()
    assert own_installation.child(plural, name) == made, "not deleted"


def test_a_session_starts_when_the_object_that_is_not_owned_is_gone(own_installation: Installation) -> None:
    session = own_installation.create()
    name = user_of(session)
    metadata = {"name": name, "namespace": own_installation.namespace}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}
    own_installation.api.request("POST", f"api/v1/namespaces/{own_installation.namespace}/secrets", secret)
    own_installation.start()
    own_installation.until_reason("Stalled", "NameTaken")
    own_installation.delete_child("secrets", name)
    own_installation.run_pod(session)
    own_installation.until_ready()


def test_a_secret_with_the_name_of_a_user_secret_is_reported(own_installation: Installation) -> None:
    metadata = {"name": user_secret_name("alice-taken"), "namespace": own_installation.namespace}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}
    own_installation.api.request("POST", f"api/v1/namespaces/{own_installation.namespace}/secrets", secret)
    own_installation.start()
    own_installation.create(owner="alice-taken")
    condition = own_installation.until_reason("Stalled", "NameTaken")
    assert metadata["name"] in condition["message"]
    assert "alice-taken" not in own_installation.guacamole.users()


@pytest.mark.parametrize("answers", [2, 4, 5, 6, 7, 8])
def test_a_crash_between_any_two_steps_leaves_no_duplicate(own_installation: Installation, answers: int) -> None:
    """Guacamole carries out a request, the answer is lost, and the operator is killed."""
    own_installation.tcp_proxy.answers_left = answers
    own_installation.start()
    session = own_installation.create(owner="alice-crash")
    own_installation.run_pod(session)
    until(
        "the answer is lost, or all was done before",
        lambda: (
            own_installation.tcp_proxy.answers_left <= 0 or own_installation.condition("Ready").get("status") == "True"
        ),
    )
    own_installation.stop(kill=True)
    own_installation.tcp_proxy.cut()
    own_installation.tcp_proxy.restore()
    own_installation.start()
    own_installation.until_ready()
    name = user_of(session)
    assert len(own_installation.guacamole.named(name)) == 1
    groups = [group["name"] for group in own_installation.guacamole.get("connectionGroups").values()]
    assert groups.count(GROUP) == 1
    secret = own_installation.child("secrets", user_secret_name("alice-crash"))
    assert secret is not None
    assert own_installation.guacamole.users() == {"alice-crash"}
    permissions = own_installation.guacamole.get("users/alice-crash/permissions")["connectionPermissions"]
    assert list(permissions.values()) == [["READ"]]


@pytest.mark.parametrize("answers", [1, 2, 4])
def test_a_crash_during_deletion_leaves_nothing(own_installation: Installation, answers: int) -> None:
    own_installation.start()
    own_installation.ready(owner="alice-crash")
    own_installation.tcp_proxy.answers_left = answers
    own_installation.delete()
    until(
        "the answer is lost, or all was done before",
        lambda: own_installation.tcp_proxy.answers_left <= 0 or own_installation.session() is None,
    )
    own_installation.stop(kill=True)
    own_installation.tcp_proxy.cut()
    own_installation.tcp_proxy.restore()
    own_installation.start()
    own_installation.until_gone()
    own_installation.collect_garbage()
    assert own_installation.children() == []
    assert own_installation.guacamole.get("connections") == {}
    assert own_installation.guacamole.users() == set()


def test_a_lost_answer_without_a_crash_leaves_no_duplicate(own_installation: Installation) -> None:
    own_installation.tcp_proxy.answers_left = 6
    own_installation.start()
    session = own_installation.create(owner="alice-lost")
    own_installation.run_pod(session)
    until("an answer is lost", lambda: own_installation.tcp_proxy.answers_left <= 0)
    own_installation.until_reason("ConnectionReady", "GuacamoleUnavailable")
    own_installation.tcp_proxy.cut()
    own_installation.tcp_proxy.restore()
    own_installation.until_ready()
    assert len(own_installation.guacamole.named(user_of(session))) == 1
    assert own_installation.guacamole.users() == {"alice-lost"}
