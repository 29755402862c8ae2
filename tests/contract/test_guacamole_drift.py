"""Drift: changes by others in Guacamole are noticed and restored, and objects that are not ours are not touched."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from blendersessions.clients.guacamole import users
from blendersessions.clients.guacamole.directory import GuacamoleDirectory
from blendersessions.model.access import ConnectionRecord
from contract.guacamole_access import (
    CONNECTION,
    GROUP,
    INSTALLATION,
    OURS,
    access_of,
    inspected,
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


async def test_a_connection_renamed_and_moved_by_hand_is_found_and_restored(
    directory: GuacamoleDirectory, client: GuacamoleClient
) -> None:
    identifier = await registered(directory)
    body = {"name": "mine now", "parentIdentifier": "ROOT", "protocol": "vnc", "parameters": CONNECTION.parameters}
    await client.call("PUT", "connections", identifier, body=body | {"attributes": {}})
    assert await directory.refresh() == {CONNECTION.name}
    record = (await inspected(directory)).connections[CONNECTION.name]
    assert (record.identifier, record.name, record.in_group) == (identifier, "mine now", False)
    await directory.update_connection(identifier, CONNECTION)
    assert [each["identifier"] for each in await named(client, CONNECTION.name)] == [identifier]
    assert await directory.refresh() == set()
    assert (await inspected(directory)).connections[CONNECTION.name].matches(CONNECTION)


async def test_a_moved_connection_is_found_by_the_identifier_that_was_reported(
    directory: GuacamoleDirectory, client: GuacamoleClient
) -> None:
    identifier = await registered(directory)
    body = {"name": CONNECTION.name, "parentIdentifier": "ROOT", "protocol": "vnc", "parameters": CONNECTION.parameters}
    await client.call("PUT", "connections", identifier, body=body | {"attributes": {}})
    successor = GuacamoleDirectory(client, INSTALLATION)
    record = (await inspected(successor, identifier=identifier)).connections[CONNECTION.name]
    assert (record.identifier, record.in_group) == (identifier, False)
    third = GuacamoleDirectory(client, INSTALLATION)
    await removed(third, identifier)
    assert await named(client, CONNECTION.name) == []


async def test_an_identifier_reused_by_another_connection_is_not_touched(site: Site, tmp_path: Path) -> None:
    async with signed_in(site.guacamole, tmp_path) as client:
        directory = GuacamoleDirectory(client, INSTALLATION)
        body = {"name": "desk-of-a-person", "protocol": "vnc", "attributes": {}, "parentIdentifier": "ROOT"}
        body |= {"parameters": {"hostname": "elsewhere"}}
        made: Any = await client.call("POST", "connections", body=body)
        tunnel = await asyncio.to_thread(opened, site, GUAC_ID=made["identifier"])
        assert (await inspected(directory, identifier=made["identifier"])).connections == {}
        assert await removed(directory, made["identifier"]) == 0
        assert len(await named(client, "desk-of-a-person")) == 1
        assert len(site.active()) == 1
        del tunnel


async def test_a_connection_of_our_name_that_leads_elsewhere_is_not_removed(
    directory: GuacamoleDirectory, client: GuacamoleClient
) -> None:
    await directory.refresh()
    await directory.create_connection(replace(CONNECTION, parameters={"hostname": "elsewhere"}))
    successor = GuacamoleDirectory(client, INSTALLATION)
    await successor.refresh()
    assert await removed(successor) == 0
    assert len(await named(client, CONNECTION.name)) == 1


async def test_a_renamed_group_is_restored_with_its_connections(
    directory: GuacamoleDirectory, client: GuacamoleClient
) -> None:
    await directory.inspect(access_of("alice", name=OURS))
    await directory.create_connection(replace(CONNECTION, name=OURS))
    identifier = directory._cache.group
    body = {"identifier": identifier, "name": "tidied up", "parentIdentifier": "ROOT", "type": "ORGANIZATIONAL"}
    await client.call("PUT", "connectionGroups", identifier, body=body | {"attributes": {}})
    assert await directory.refresh() == set()
    assert (await client.get("connectionGroups"))[identifier]["name"] == GROUP


async def test_another_group_that_got_our_groups_identifier_is_not_touched(
    directory: GuacamoleDirectory, client: GuacamoleClient
) -> None:
    made: Any = await client.call(
        "POST", "connectionGroups", body={"name": "a school", "type": "ORGANIZATIONAL", "attributes": {}}
    )
    await directory.refresh()
    directory._cache.group = made["identifier"]
    await directory.refresh()
    assert directory._cache.group != made["identifier"]
    assert (await client.get("connectionGroups"))[made["identifier"]]["name"] == "a school"


async def test_reused_identifiers_bring_no_grants_along(directory: GuacamoleDirectory) -> None:
    identifier = await registered(directory)
    other = ConnectionRecord(identifier, "blender-other", "vnc", {})
    directory._cache.written.clear()
    directory._cache.take_connections(directory._cache.group, {"blender-other": other})
    assert directory.view(access_of("alice", name="blender-other")).grants == frozenset()


async def test_an_emptied_database_is_noticed_and_filled_again(
    directory: GuacamoleDirectory, client: GuacamoleClient
) -> None:
    await registered(directory)
    await client.call("DELETE", "connectionGroups", directory._cache.group)
    await users.remove(client, ["alice"])
    assert await directory.refresh() == {CONNECTION.name}
    assert "alice" in await directory.refresh_users()
    view = await inspected(directory)
    assert (view.connections, view.users["alice"].exists, view.grants) == ({}, False, frozenset())
    await registered(directory)
    assert len(await named(client, CONNECTION.name)) == 1


async def test_a_user_made_again_by_others_shows_whose_secret_it_had(
    directory: GuacamoleDirectory, client: GuacamoleClient
) -> None:
    await registered(directory)
    await users.remove(client, ["alice"])
    await directory.refresh_users()
    await users.create(client, new_user("alice", "from-a-backup", fingerprint="abc"), INSTALLATION)
    assert "alice" in await directory.refresh_users()
    assert (await inspected(directory)).users["alice"].fingerprint == "abc"
    await directory.set_password(new_user("alice", "secret-2", fingerprint="def"))
    assert (await inspected(directory)).users["alice"].fingerprint == "def"
    assert await directory.refresh_users() == set(), "what we wrote is no news"
    form = {"username": "alice", "password": "secret-2"}
    assert (await client._send("POST", "api/tokens", form=form)).status_code == 200


async def test_a_new_password_does_not_unlock_a_user(directory: GuacamoleDirectory, client: GuacamoleClient) -> None:
    await registered(directory)
    known_user = await client.get("users", "alice")
    await client.call("PUT", "users", "alice", body=known_user | {"disabled": True})
    await directory.set_password(new_user("alice", "secret-2"))
    after = await client.get("users", "alice")
    assert after["disabled"] is True
    assert after["attributes"] == known_user["attributes"]


async def test_values_that_no_list_contains_are_checked_one_by_one(
    directory: GuacamoleDirectory, client: GuacamoleClient
) -> None:
    identifier = await registered(directory)
    assert await directory.check_next() == set()
    assert await directory.check_next() == set()
    await users.change(client, "alice", "remove", [f"/connectionPermissions/{identifier}"])
    body = {"name": CONNECTION.name, "parentIdentifier": directory._cache.group, "protocol": "vnc"}
    changed = CONNECTION.parameters | {"password": "another1"}
    await client.call(
        "PUT", "connections", identifier, body=body | {"parameters": changed, "attributes": CONNECTION.attributes}
    )
    assert await directory.refresh() == set(), "a list contains neither"
    assert [await directory.check_next(), await directory.check_next()] == [{CONNECTION.name}, {CONNECTION.name}]
    view = await inspected(directory)
    assert view.grants == frozenset()
    assert not view.connections[CONNECTION.name].matches(CONNECTION)


async def test_a_tunnel_opened_while_its_user_was_being_revoked_is_closed_later(site: Site, tmp_path: Path) -> None:
    async with signed_in(site.guacamole, tmp_path) as client:
        now = 0.0
        directory = GuacamoleDirectory(client, INSTALLATION, lambda: now)
        identifier = await registered(directory)
        await directory.revoke("alice", CONNECTION.name)
        await users.change(client, "alice", "add", [f"/connectionPermissions/{identifier}"])
        token = await asyncio.to_thread(site.sign_in, "alice", "secret-1")
        late = await asyncio.to_thread(opened, site, token=token, GUAC_ID=identifier)
        assert await directory.tunnels() == []
        assert (await asyncio.to_thread(late.closed))[0] == 1000
        await directory.grant("alice", CONNECTION.name)
        await asyncio.to_thread(opened, site, token=token, GUAC_ID=identifier)
        [running_now] = await directory.tunnels()
        assert (running_now.connection, running_now.username) == (identifier, "alice")
