"""The sweep: what is an orphan, and when its grace period has passed."""

from __future__ import annotations

import pytest

from blendersessions.model.access import ConnectionRecord, UserRecord
from blendersessions.model.desktop import VIEW_SUFFIX
from blendersessions.model.names import name_for
from blendersessions_operator.planning.sweep import GracePeriod, Orphans, find_orphans, namespace_of
from unit.operator.factories import OTHER_UID, UID

OURS, VIEW, GONE = name_for(UID), name_for(UID) + VIEW_SUFFIX, name_for(OTHER_UID)


def record(name: str, hostname: str = "") -> ConnectionRecord:
    return ConnectionRecord("7", name, "vnc", {}, {"hostname": hostname} if hostname else None)


def found(*names: str, users: tuple[UserRecord, ...] = (), namespaces: tuple[str, ...] = ()) -> Orphans:
    return find_orphans(
        {name: record(name) for name in names},
        users,
        lambda name: name in (OURS, VIEW),
        lambda namespace, username: (namespace, username) == ("art", "alice"),
        namespaces,
    )


def test_a_connection_whose_session_exists_is_no_orphan() -> None:
    assert found(OURS, VIEW) == Orphans((), (), ())


def test_a_generated_name_without_a_session_is_an_orphan() -> None:
    assert found(OURS, GONE, GONE + "-view").connections == (GONE, GONE + "-view")


@pytest.mark.parametrize("name", ["a person's own", "blender-", "blender-short", GONE.upper(), GONE + "-old"])
def test_a_name_that_is_not_generated_is_reported_and_not_touched(name: str) -> None:
    assert found(name) == Orphans((), (), (name,))


def test_orphans_are_only_marked_users_without_a_session() -> None:
    users = (
        UserRecord("alice", exists=True, made_for="art"),
        UserRecord("bob", exists=True, made_for="art"),
        UserRecord("alice", exists=True, made_for="music"),
        UserRecord("teacher", exists=True),
        UserRecord("guest", exists=True, made_for="/Made by blender-sessions (other/art)"),
        UserRecord("gone", exists=False, made_for="art"),
    )
    assert found(users=users).users == ("alice", "bob")


def test_users_of_namespaces_that_are_not_served_stay() -> None:
    users = (UserRecord("bob", exists=True, made_for="art"), UserRecord("ben", exists=True, made_for="music"))
    assert found(users=users, namespaces=("music",)).users == ("ben",)


@pytest.mark.parametrize(
    ("name", "hostname", "namespace"),
    [
        (OURS, f"{OURS}.art.svc", "art"),
        (VIEW, f"{OURS}.art.svc", "art"),
        (OURS, f"{GONE}.art.svc", ""),
        (OURS, "desktop.example.org", ""),
        (OURS, f"{OURS}.art", ""),
        (OURS, "", ""),
        ("mine", f"{OURS}.art.svc", ""),
    ],
)
def test_the_hostname_of_a_connection_shows_which_namespace_it_was_made_for(
    name: str, hostname: str, namespace: str
) -> None:
    assert namespace_of(record(name, hostname)) == namespace


def test_an_orphan_is_due_after_an_unbroken_grace_period() -> None:
    grace = GracePeriod(seconds=120)
    assert grace.due(["a"], 0) == []
    assert grace.due(["a", "b"], 119.9) == []
    assert grace.due(["a", "b"], 120) == ["a"]
    assert grace.due(["b"], 180) == []
    assert grace.due(["a", "b"], 240) == ["b"], "a session stood behind the other one for a moment"
    assert grace.due(["a", "b"], 360) == ["b", "a"]
