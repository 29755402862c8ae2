"""Sessions are read from the API server's objects, also when something slipped past its schema."""

from __future__ import annotations

from datetime import timedelta

import pytest

from blendersessions.model.access import access_list
from blendersessions.model.desktop import Desktop
from blendersessions.model.files import Files
from blendersessions.model.names import name_for
from blendersessions.model.session import Workspace, parse_session
from unit.operator.factories import UID, body, session


def test_an_empty_spec_has_the_documented_defaults() -> None:
    spec = session().spec
    assert (spec.owner, spec.scene.sample) == ("", "")
    assert (spec.display.width, spec.display.height, spec.display.color_depth) == (1280, 720, 24)
    assert spec.display.read_only is False
    assert (spec.connections.total, spec.connections.per_user) == (10, 10)
    assert (spec.class_name, spec.viewers, spec.workspace, spec.suspend) == ("default", (), None, False)
    assert (spec.lifetime.max_age, spec.lifetime.idle_after, spec.lifetime.on_expiry) == (None, None, None)


def test_a_lifetime_and_a_workspace_are_read_as_they_are_written() -> None:
    spec = session(
        {
            "viewers": ["bob", "carol"],
            "suspend": True,
            "workspace": {"size": "10Gi", "storageClassName": "fast", "reclaimPolicy": "Retain"},
            "lifetime": {"maxAge": "1h30m", "idleAfter": "90s", "onExpiry": "Delete"},
        }
    ).spec
    assert spec.viewers == ("bob", "carol")
    assert spec.suspend is True
    assert spec.workspace == Workspace(size="10Gi", storage_class_name="fast", reclaim_policy="Retain")
    assert (spec.lifetime.max_age, spec.lifetime.idle_after) == (timedelta(minutes=90), timedelta(seconds=90))
    assert spec.lifetime.on_expiry == "Delete"


def test_a_volume_is_deleted_with_its_session_unless_it_is_retained() -> None:
    workspace = session({"workspace": {"size": "1Gi"}}).spec.workspace
    assert workspace is not None
    assert workspace.reclaim_policy == "Delete"


def test_a_session_without_owner_has_a_user_of_its_own() -> None:
    assert session().username == session().desktop.name
    assert session({"owner": "alice"}).username == "alice"


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"scene": {"sample": "../etc/passwd"}}, "spec.scene.sample"),
        ({"scene": {"sample": "a/b.blend"}}, "spec.scene.sample"),
        ({"scene": "shopping_cart.blend"}, "spec.scene"),
        ({"display": {"width": 0}}, "spec.display.width"),
        ({"display": {"colorDepth": 7}}, "spec.display.colorDepth"),
        ({"connections": {"max": 2, "maxPerUser": 3}}, "spec.connections"),
        ({"owner": "a/b"}, "spec.owner"),
        ({"resources": {"limits": ["cpu"]}}, "spec.resources.limits"),
        ({"owner": "alice", "viewers": ["alice"]}, "take the name off viewers"),
        ({"viewers": ["a/b"]}, "spec.viewers.0"),
        ({"workspace": {}}, "spec.workspace"),
        ({"workspace": {"size": "1Gi", "claimName": "home"}}, "give either size"),
        ({"workspace": {"size": "1Gi", "reclaimPolicy": "Recycle"}}, "spec.workspace.reclaimPolicy"),
        ({"lifetime": {"maxAge": "0s"}}, "spec.lifetime.maxAge"),
        ({"lifetime": {"idleAfter": "-5m"}}, "spec.lifetime.idleAfter"),
        ({"lifetime": {"onExpiry": "Archive"}}, "spec.lifetime.onExpiry"),
        ("nonsense", "spec"),
    ],
)
def test_a_malformed_spec_is_explained_and_not_raised(spec: object, field: str) -> None:
    parsed = parse_session(body() | {"spec": spec})
    assert field in parsed.spec_error
    assert "kubectl edit" in parsed.spec_error
    assert parsed.name == "cart"


def test_fields_of_later_versions_are_ignored() -> None:
    assert session({"stereo": True, "workspace": {"size": "1Gi", "accessModes": ["ReadWriteMany"]}}).spec_error == ""


def test_a_session_finds_its_desktop_by_its_status() -> None:
    name = "blender-" + "2" * 26
    taken_over = parse_session(body() | {"status": {"desktop": {"name": name}}})
    assert taken_over.desktop == Desktop("art", name)
    assert set(access_list(taken_over).values()) == {name}
    assert taken_over.username == session().username, "its user is the session's own, not the desktop's"


@pytest.mark.parametrize("name", ["", "cart", "blender-user-0123456789abcdef", "../blender"])
def test_without_a_desktop_it_is_the_one_that_is_made_for_the_session(name: str) -> None:
    assert parse_session(body() | {"status": {"desktop": {"name": name}}}).desktop.name == name_for(UID)


@pytest.mark.parametrize(
    ("spec", "files"),
    [
        ({}, Files.LOST),
        ({"workspace": {"size": "1Gi"}}, Files.DELETED),
        ({"workspace": {"size": "1Gi", "reclaimPolicy": "Delete"}}, Files.DELETED),
        ({"workspace": {"size": "1Gi", "reclaimPolicy": "Retain"}}, Files.KEPT),
        ({"workspace": {"claimName": "mine"}}, Files.KEPT),
        ({"owner": "a/b", "workspace": {"claimName": "mine"}}, Files.KEPT),
        ({"workspace": "mine"}, Files.LOST),
        ("nonsense", Files.LOST),
    ],
)
def test_what_becomes_of_the_files_is_known_of_a_malformed_spec_too(spec: object, files: Files) -> None:
    assert parse_session(body() | {"spec": spec}).files is files
