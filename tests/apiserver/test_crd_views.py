"""What the CRD fills in, keeps and shows."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from apiserver.api import SESSIONS, Api, ApiError
from blendersessions.model.session import Display

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW = "2026-01-02T03:04:05Z"


def run(kubectl: list[str], *arguments: str) -> str:
    result = subprocess.run([*kubectl, *arguments], capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 0, result.stderr
    return result.stdout


def set_status(api: Api, namespace: str, name: str, status: Mapping[str, object]) -> dict[str, object]:
    address = f"{SESSIONS}/namespaces/{namespace}/blendersessions/{name}/status"
    return api.request("PATCH", address, {"status": status}, "application/merge-patch+json", fieldValidation="Strict")


def ready(status: str, reason: str) -> dict[str, object]:
    return {"type": "Ready", "status": status, "reason": reason, "message": "For people.", "lastTransitionTime": NOW}


def test_an_empty_spec_is_filled_in(api: Api, namespace: str) -> None:
    made = api.create_session(namespace, {"metadata": {"name": "empty"}, "spec": {}})
    assert made["spec"] == {
        "display": Display().model_dump(by_alias=True),
        "className": "default",
        "suspend": False,
        "replicas": 1,
    }


def test_what_is_given_is_kept_and_the_rest_filled_in(api: Api, namespace: str) -> None:
    spec = {
        "owner": "alice",
        "scene": {"sample": "watering_can.blend"},
        "display": {"width": 800},
        "connections": {"max": 3},
        "resources": {"limits": {"memory": "4Gi", "cpu": 2}},
    }
    made = api.create_session(namespace, {"metadata": {"name": "some"}, "spec": spec})
    assert made["spec"] == {
        **spec,
        "display": Display(width=800).model_dump(by_alias=True),
        "className": "default",
        "suspend": False,
        "replicas": 1,
    }


def test_the_whole_status_is_kept(api: Api, namespace: str) -> None:
    api.create_session(namespace, {"metadata": {"name": "session"}})
    status = {
        "phase": "Ready",
        "clientURL": "http://127.0.0.1:8080/guacamole/#/client/MTIAYwBwb3N0Z3Jlc3Fs",
        "observedGeneration": 1,
        "conditions": [{**ready("True", "SceneOnScreen"), "observedGeneration": 1}],
        "desktop": {"name": "blender-abc"},
        "connection": {"name": "blender-abc", "identifier": "12", "dataSource": "postgresql"},
        "startedAt": NOW,
        "readyAt": NOW,
        "startup": {"path": "Cold", "seconds": 2.75},
        "viewURL": "http://127.0.0.1:8080/guacamole/#/client/MTMAYwBwb3N0Z3Jlc3Fs",
        "queuePosition": 2,
        "queuedAt": NOW,
        "activity": {
            "users": 1,
            "lastActiveAt": NOW,
            "keptAliveBy": "Render",
            "expiresAt": NOW,
            "expiryReason": "MaxAge",
        },
        "suspension": {"reason": "Idle", "at": NOW, "generation": 1},
        "replicas": 1,
        "workspace": {"claimName": "blender-abc"},
        "blender": {"version": "4.3.2"},
        "scene": {"name": "shopping_cart.blend"},
    }
    assert set_status(api, namespace, "session", status)["status"] == status


def test_status_and_spec_are_written_apart(api: Api, namespace: str) -> None:
    made = api.create_session(namespace, {"metadata": {"name": "session"}, "status": {"phase": "Ready"}})
    assert "status" not in made
    address = f"{SESSIONS}/namespaces/{namespace}/blendersessions/session/status"
    changed = api.request("PATCH", address, {"spec": {"viewers": ["mallory"]}}, "application/merge-patch+json")
    assert "viewers" not in changed["spec"]  # type: ignore[operator]


@pytest.mark.parametrize(
    ("status", "message"),
    [
        ({"phase": "Sleeping"}, "Unsupported value"),
        ({"conditions": [{"type": "Ready", "status": "True"}]}, "status.conditions[0].reason: Required value"),
        ({"conditions": [ready("Perhaps", "Reason")]}, "Unsupported value"),
        ({"conditions": [ready("True", "A"), ready("False", "B")]}, "Duplicate value"),
        ({"readyAt": "yesterday"}, "must be of type date-time"),
        ({"password": "hunter2"}, 'unknown field "status.password"'),
    ],
)
def test_a_status_that_nobody_could_read_is_refused(
    api: Api, namespace: str, status: dict[str, object], message: str
) -> None:
    api.create_session(namespace, {"metadata": {"name": "session"}})
    with pytest.raises(ApiError) as refusal:
        set_status(api, namespace, "session", status)
    assert message in refusal.value.message


def test_get_shows_a_line_that_tells_the_state(api: Api, namespace: str, kubectl: list[str]) -> None:
    spec = {"owner": "artist", "scene": {"sample": "shopping_cart.blend"}}
    api.create_session(namespace, {"metadata": {"name": "cart"}, "spec": spec})
    set_status(
        api,
        namespace,
        "cart",
        {
            "conditions": [ready("False", "SceneLoading")],
            "clientURL": "http://localhost/#/client/x",
            "activity": {"users": 2, "expiresAt": NOW},
            "scene": {"name": "shopping_cart.blend"},
            "blender": {"version": "4.3.2"},
        },
    )
    header, line = run(kubectl, "get", "bs", "-n", namespace).splitlines()
    assert header.split() == ["NAME", "SCENE", "OWNER", "CLASS", "READY", "REASON", "USERS", "AGE"]
    assert line.split()[:-1] == ["cart", "shopping_cart.blend", "artist", "default", "False", "SceneLoading", "2"]
    header, line = run(kubectl, "get", "blendersessions", "-n", namespace, "-o", "wide").splitlines()
    assert header.split()[6:] == ["USERS", "URL", "EXPIRES", "BLENDER", "AGE"]
    assert line.split()[7:10] == ["http://localhost/#/client/x", NOW, "4.3.2"]


def test_get_shows_which_blender_a_class_has(api: Api, namespace: str, kubectl: list[str]) -> None:
    body = {"apiVersion": "blendersessions.io/v1alpha1", "kind": "BlenderSessionClass", "metadata": {"name": "newest"}}
    path = f"{SESSIONS}/namespaces/{namespace}/blendersessionclasses"
    api.request("POST", path, body | {"spec": {"blenderVersion": "5.2", "image": "blender:5.2"}})
    header, line = run(kubectl, "get", "bsc", "-n", namespace).splitlines()
    assert header.split()[:3] == ["NAME", "IMAGE", "BLENDER"]
    assert line.split()[:3] == ["newest", "blender:5.2", "5.2"]


def test_explain_answers_the_question(kubectl: list[str]) -> None:
    scene = " ".join(run(kubectl, "explain", "bs.spec.scene").split())
    assert "KIND: BlenderSession" in scene
    assert "shopping_cart.blend" in scene
    assert "A file name, never a path." in scene
    display = " ".join(run(kubectl, "explain", "bs.spec.display.width").split())
    assert "Width in pixels, 320 to 3840." in display


@pytest.mark.parametrize("plural", ["blendersessions", "blendersessionclasses"])
def test_every_field_is_described(api: Api, plural: str) -> None:
    folder = "apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    crd = api.request("GET", f"{folder}/{plural}.blendersessions.io")
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]  # type: ignore[index]

    def undescribed(path: str, node: Mapping[str, object]) -> list[str]:
        # The API server allows nothing but the type for metadata.
        found = [] if node.get("description") or path == ".metadata" else [path]
        children = node.get("properties") or {}
        assert isinstance(children, dict)
        for name, child in children.items():
            found += undescribed(f"{path}.{name}", child)
        items = node.get("items")
        return found + (undescribed(f"{path}[]", items) if isinstance(items, dict) else [])

    assert undescribed("", schema) == []


def test_unknown_fields_are_never_stored(api: Api, namespace: str) -> None:
    made = api.create_session(namespace, {"metadata": {"name": "session"}}, dryRun="All")
    assert "x" not in made
    body = {**made, "spec": {"x": 1}, "metadata": {"name": "session"}}
    stored = api.request("POST", f"{SESSIONS}/namespaces/{namespace}/blendersessions", body, fieldValidation="Ignore")
    assert "x" not in stored["spec"]  # type: ignore[operator]
