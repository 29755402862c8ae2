"""The directory of Guacamole, against the stand-in: it finds or creates, adopts, grants and removes exactly its own."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from blendersessions.clients.guacamole import connections, users
from blendersessions.clients.guacamole.directory import GuacamoleDirectory
from blendersessions.model.errors import Conflict, Unavailable
from contract.guacamole_access import (
    CONNECTION,
    GROUP,
    INSTALLATION,
    NAMESPACE,
    access_of,
    inspected,
    is_known,
    known,
    named,
    new_user,
    opened,
    registered,
    removed,
    signed_in,
)

if TYPE_CHECKING:
    from pathlib import Path

    from blendersessions.clients.guacamole.client import GuacamoleClient
    from contract.browsing import Site
    from contract.fake_guacd import FakeGuacd


async def test_a_registered_session_is_known_without_a_request(directory: GuacamoleDirectory) -> None:
    await registered(directory)
    view = directory.view(access_of("alice"))
    assert view.inspected
    assert view.grants == {("alice", CONNECTION.name)}
    assert view.connections[CONNECTION.name].matches(CONNECTION)
    assert view.users["alice"].ours(NAMESPACE)


async def test_a_restarted_operator_finds_what_was_registered(
    directory: GuacamoleDirectory, client: GuacamoleClient
) -> None:
    await registered(directory)
    successor = GuacamoleDirectory(client, INSTALLATION)
    assert not is_known(successor)
    found = await inspected(successor)
    left = directory.view(access_of("alice"))
    assert (found.connections, found.grants) == (left.connections, left.grants)
    assert found.users["alice"].ours(NAMESPACE)


async def test_the_connection_is_in_our_group_and_the_group_is_made_once(
    directory: GuacamoleDirectory, client: GuacamoleClient
) -> None:
    await registered(directory)
    await GuacamoleDirectory(client, INSTALLATION).refresh()
    groups = [group for group in (await client.get("connectionGroups")).values() if group["name"] == GROUP]
    [connection] = await named(client, CONNECTION.name)
    assert [group["identifier"] for group in groups] == [connection["parentIdentifier"]]


async def test_a_connection_from_before_a_crash_is_adopted(
    directory: GuacamoleDirectory, client: GuacamoleClient
) -> None:
    identifier = await registered(directory)
    successor = GuacamoleDirectory(client, INSTALLATION)
    await successor.refresh()
    successor._cache.connections.clear()
    await successor.create_connection(CONNECTION)
    assert known(successor).identifier == identifier
    assert len(await named(client, CONNECTION.name)) == 1


async def test_a_connection_of_that_name_outside_our_group_is_not_ours(
    directory: GuacamoleDirectory, client: GuacamoleClient
) -> None:
    body = {"name": CONNECTION.name, "protocol": "ssh", "parameters": {}, "attributes": {}}
    await client.call("POST", "connections", body=body)
    await registered(directory)
    await removed(directory)
    [left] = await named(client, CONNECTION.name)
    assert left["protocol"] == "ssh"


async def test_a_difference_is_seen_and_updated(directory: GuacamoleDirectory, client: GuacamoleClient) -> None:
    identifier = await registered(directory)
    wanted = replace(
        CONNECTION, parameters=CONNECTION.parameters | {"read-only": "true"}, attributes={"max-connections": "3"}
    )
    assert not known(directory).matches(wanted)
    await directory.update_connection(identifier, wanted)
    assert await connections.parameters(client, identifier) == wanted.parameters
    assert await directory.refresh() == set(), "what we wrote is no news"
    assert known(directory).matches(wanted)


async def test_a_change_or_deletion_by_hand_is_reported(directory: GuacamoleDirectory, client: GuacamoleClient) -> None:
    identifier = await registered(directory)
    assert await directory.refresh() == set()
    body = {"name": CONNECTION.name, "parentIdentifier": directory._cache.group, "protocol": "vnc", "parameters": {}}
    await client.call("PUT", "connections", identifier, body=body | {"attributes": {"max-connections": "99"}})
    assert await directory.refresh() == {CONNECTION.name}
    assert not is_known(directory), "the parameters must be asked for again"
    await connections.remove(client, [identifier])
    assert await directory.refresh() == {CONNECTION.name}
    assert (await inspected(directory)).connections == {}


async def test_a_deleted_group_is_made_again(directory: GuacamoleDirectory, client: GuacamoleClient) -> None:
    await registered(directory)
    await client.call("DELETE", "connectionGroups", directory._cache.group)
    assert await directory.refresh() == {CONNECTION.name}
    await registered(directory)
    assert len(await named(client, CONNECTION.name)) == 1


async def test_a_group_deleted_since_the_last_list_is_made_again_after_one_failure(
    directory: GuacamoleDirectory, client: GuacamoleClient
) -> None:
    await inspected(directory)
    await client.call("DELETE", "connectionGroups", directory._cache.group)
    with pytest.raises(Unavailable):
        await directory.create_connection(CONNECTION)
    await registered(directory)
    assert len(await named(client, CONNECTION.name)) == 1


async def test_removal_is_complete_and_can_be_repeated(directory: GuacamoleDirectory, client: GuacamoleClient) -> None:
    identifier = await registered(directory)
    for _ in range(2):
        assert await removed(directory, identifier) == 0
    assert await directory.remove_user("alice", NAMESPACE)
    assert not await directory.remove_user("alice", NAMESPACE)
    assert await named(client, CONNECTION.name) == []
    assert "alice" not in await client.get("users")
    assert not is_known(directory)


async def test_removal_and_revocation_kill_the_running_tunnels(site: Site, guacd: FakeGuacd, tmp_path: Path) -> None:
    async with signed_in(site.guacamole, tmp_path) as client:
        directory = GuacamoleDirectory(client, INSTALLATION)
        identifier = await registered(directory)
        token = await asyncio.to_thread(site.sign_in, "alice", "secret-1")
        in_use = []
        for who in (token, site.token):
            in_use.append(await asyncio.to_thread(opened, site, token=who, GUAC_ID=identifier))
            guacd.next_connection()
        await asyncio.to_thread(opened, site)
        assert await directory.revoke("alice", CONNECTION.name) == 1
        assert (await asyncio.to_thread(in_use[0].closed))[0] == 1000
        assert await removed(directory) == 1
        assert (await asyncio.to_thread(in_use[1].closed))[0] == 1000
        assert len(site.active()) == 1


async def test_tunnels_of_a_deleted_connection_are_killed_by_the_reported_identifier(
    site: Site, tmp_path: Path
) -> None:
    async with signed_in(site.guacamole, tmp_path) as client:
        directory = GuacamoleDirectory(client, INSTALLATION)
        identifier = await registered(directory)
        tunnel = await asyncio.to_thread(opened, site, GUAC_ID=identifier)
        await connections.remove(client, [identifier])
        assert await removed(directory, identifier) == 1
        assert (await asyncio.to_thread(tunnel.closed))[0] == 1000


async def test_a_duplicate_is_a_conflict(directory: GuacamoleDirectory, client: GuacamoleClient) -> None:
    await registered(directory)
    with pytest.raises(Conflict):
        await connections.create(client, directory._cache.group, CONNECTION)
    with pytest.raises(Conflict):
        await users.create(client, new_user("alice", "x", NAMESPACE), INSTALLATION)
