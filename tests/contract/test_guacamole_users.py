"""Users in Guacamole: the operator makes, lets in and removes its own, and never an administrator's."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from blendersessions.clients.guacamole import users
from blendersessions.clients.guacamole.directory import GuacamoleDirectory
from blendersessions.clients.guacamole.marks import Installation
from blendersessions.model.errors import NotFound, Unavailable
from contract.guacamole_access import (
    CONNECTION,
    FINGERPRINT,
    INSTALLATION,
    NAMESPACE,
    access_of,
    inspected,
    is_known,
    new_user,
    registered,
)

if TYPE_CHECKING:
    from blendersessions.clients.guacamole.client import GuacamoleClient


async def test_the_user_reads_its_connection_and_group_and_nothing_else(
    directory: GuacamoleDirectory, client: GuacamoleClient
) -> None:
    identifier = await registered(directory)
    held = await client.get("users", "alice", "permissions")
    assert held["connectionPermissions"] == {identifier: ["READ"]}
    assert held["connectionGroupPermissions"] == {directory._cache.group: ["READ"]}
    assert held["systemPermissions"] == []


async def test_an_administrators_user_is_never_removed(directory: GuacamoleDirectory, client: GuacamoleClient) -> None:
    await client.call("POST", "users", body={"username": "teacher", "password": "x", "attributes": {}})
    user = (await inspected(directory, "teacher")).users["teacher"]
    assert (user.exists, user.made_for) == (True, "")
    await directory.create_user(new_user("teacher", "y"))
    assert not await directory.remove_user("teacher", NAMESPACE)
    assert "teacher" in await client.get("users")


async def test_a_user_that_an_administrator_just_made_is_seen(
    directory: GuacamoleDirectory, client: GuacamoleClient
) -> None:
    await directory.refresh_users()
    await client.call("POST", "users", body={"username": "teacher", "password": "x", "attributes": {}})
    assert (await inspected(directory, "teacher")).users["teacher"].exists, (
        "a Secret for this one would hold no password"
    )


async def test_a_user_named_after_the_session_is_not_looked_up(
    directory: GuacamoleDirectory, client: GuacamoleClient
) -> None:
    await directory.refresh_users()
    await client.call("POST", "users", body={"username": CONNECTION.name, "password": "x", "attributes": {}})
    assert not (await inspected(directory, CONNECTION.name)).users[CONNECTION.name].exists, (
        "nobody else makes a user of that name"
    )
    await directory.create_user(new_user(CONNECTION.name, "y"))
    assert directory.known_users()[CONNECTION.name].exists, "and if somebody did, Guacamole says so when it is made"


async def test_a_user_of_another_installation_is_not_ours(client: GuacamoleClient) -> None:
    await users.create(client, new_user("alice", "pw"), replace(INSTALLATION, id="another-one"))
    user = await users.get(client, "alice", INSTALLATION)
    assert not user.ours(NAMESPACE)
    assert user.taken(NAMESPACE)


async def test_a_user_made_for_another_namespace_is_taken_and_not_removed(
    directory: GuacamoleDirectory, client: GuacamoleClient
) -> None:
    await registered(directory)
    user = await GuacamoleDirectory(client, INSTALLATION).look_up_user("alice")
    assert user.taken("music")
    assert not await directory.remove_user("alice", "music")
    assert "alice" in await client.get("users")


async def test_the_longest_mark_is_read_as_it_was_written(client: GuacamoleClient) -> None:
    longest, namespace = Installation("i" * 64, "g"), "n" * 63
    await users.create(client, new_user("alice", "pw", namespace), longest)
    found = await users.get(client, "alice", longest)
    assert (found.made_for, found.fingerprint) == (namespace, FINGERPRINT)
    assert (await users.get(client, "alice", INSTALLATION)).taken(namespace)


async def test_a_grant_to_a_deleted_user_fails_and_the_user_is_read_again(
    directory: GuacamoleDirectory, client: GuacamoleClient
) -> None:
    await registered(directory)
    await users.remove(client, ["alice"])
    with pytest.raises((Unavailable, NotFound)):
        await directory.grant("alice", CONNECTION.name)
    assert not is_known(directory)
    assert not (await inspected(directory)).users["alice"].exists


async def test_a_lock_goes_with_its_user(directory: GuacamoleDirectory) -> None:
    async def locked(username: str) -> None:
        async with directory.user_lock(username):
            await asyncio.sleep(0)
            order.append(username)

    order: list[str] = []
    waiting = [asyncio.create_task(locked(username)) for username in ("alice", "bob", "alice", "alice")]
    await asyncio.sleep(0)
    assert sorted(directory._user_locks) == ["alice", "bob"], "all who wait for one user share a lock"
    await asyncio.gather(*waiting)
    assert len(order) == 4
    assert len(directory._user_locks) == 0


@pytest.mark.parametrize(
    ("organization", "role", "admitted"),
    [
        (None, None, ()),
        ("A school", "blender-sessions: art, film", ("art", "film")),
        ("A school; blender-sessions: *", None, ("*",)),
        ("blender-sessions:art;lead", "teacher", ("art",)),
        ("not blender-sessions: art", None, ()),
    ],
)
async def test_the_record_of_an_administrators_user_says_which_namespaces_may_let_it_in(
    client: GuacamoleClient, organization: str | None, role: str | None, admitted: tuple[str, ...]
) -> None:
    attributes = {"guac-organization": organization, "guac-organizational-role": role}
    await client.call("POST", "users", body={"username": "teacher", "password": "x", "attributes": attributes})
    assert (await users.get(client, "teacher", INSTALLATION)).admitted == admitted


async def test_a_changed_record_of_an_administrators_user_is_news(
    directory: GuacamoleDirectory, client: GuacamoleClient
) -> None:
    await client.call("POST", "users", body={"username": "teacher", "password": "x", "attributes": {}})
    await directory.refresh_users()
    body = {"username": "teacher", "attributes": {"guac-organization": "blender-sessions: art"}}
    await client.call("PUT", "users", "teacher", body=body)
    assert await directory.refresh_users() == {"teacher"}
    assert directory.known_users()["teacher"].admits("art")


async def test_the_users_of_a_namespace_are_counted(directory: GuacamoleDirectory, client: GuacamoleClient) -> None:
    def count(of: GuacamoleDirectory, namespace: str = NAMESPACE) -> int:
        return of.view(replace(access_of(), namespace=namespace)).users_made

    await registered(directory)
    await directory.create_user(new_user("bob", "pw"))
    await directory.create_user(new_user("mia", "pw", "music"))
    await directory.set_password(new_user("bob", "pw-2"))
    assert (count(directory), count(directory, "music")) == (2, 1)
    successor = GuacamoleDirectory(client, INSTALLATION)
    await successor.refresh()
    await successor.refresh_users()
    assert count(successor) == 2
    await directory.remove_user("bob", NAMESPACE)
    await successor.refresh_users()
    assert (count(directory), count(successor)) == (1, 1)
