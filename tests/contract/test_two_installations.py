"""Two installations on one Guacamole: neither touches what the other made, and a change of name strands nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from blendersessions.clients.guacamole import groups, users
from blendersessions.clients.guacamole.directory import GuacamoleDirectory
from blendersessions.clients.guacamole.marks import group_mark, read_user_mark
from blendersessions.model.access import SessionAccess
from blendersessions.model.errors import GroupTaken
from blendersessions_operator.planning.sweep import find_orphans
from contract.guacamole_access import (
    CONNECTION,
    GROUP,
    INSTALLATION,
    NAMESPACE,
    OURS,
    access_of,
    named,
    new_user,
    registered,
    removed,
)

if TYPE_CHECKING:
    from blendersessions.clients.guacamole.client import GuacamoleClient
    from blendersessions_operator.planning.sweep import Orphans

OTHER = replace(INSTALLATION, id="another-one")


async def state(client: GuacamoleClient) -> list[dict[str, Any]]:
    """All that Guacamole has: groups, connections and users."""
    return [await client.get(kind) for kind in ("connectionGroups", "connections", "users")]


async def orphans_of(directory: GuacamoleDirectory) -> Orphans:
    """What the sweep of an installation without sessions would remove."""
    await directory.refresh()
    await directory.refresh_users()
    known, made = directory.known_connections(), directory.known_users().values()
    return find_orphans(known, made, lambda _: False, lambda *_: False, [])


async def test_a_group_of_another_installation_is_refused_with_words_and_not_touched(
    directory: GuacamoleDirectory, client: GuacamoleClient
) -> None:
    await registered(directory)
    before = await state(client)
    other = GuacamoleDirectory(client, OTHER)
    for _ in range(2):
        with pytest.raises(GroupTaken, match=r"another-one.*GUACAMOLE_GROUP.*INSTALLATION_ID"):
            await other.refresh()
    with pytest.raises(GroupTaken):
        await other.inspect(access_of("alice"))
    assert not other.view(access_of("alice")).inspected
    assert other.known_connections() == {}, "so the sweep has nothing to remove"
    assert await removed(other) == 0, "a session that was never registered can be deleted"
    assert not await other.remove_user("alice", NAMESPACE)
    assert await state(client) == before


async def test_two_installations_with_groups_of_their_own_do_not_see_each_others(
    directory: GuacamoleDirectory, client: GuacamoleClient
) -> None:
    other = GuacamoleDirectory(client, replace(OTHER, group="others"))
    await registered(directory, "alice")
    await registered(other, "bob")
    ours, theirs = await orphans_of(directory), await orphans_of(other)
    assert (ours.users, theirs.users) == (("alice",), ("bob",))
    assert len(await named(client, CONNECTION.name)) == 2
    assert (await directory.look_up_user("bob")).taken(NAMESPACE)


async def test_of_two_that_mark_a_group_at_once_one_has_it(client: GuacamoleClient) -> None:
    both = [GuacamoleDirectory(client, installation) for installation in (INSTALLATION, OTHER)]
    await groups.read_group(client, INSTALLATION, "")
    [group] = [key for key, each in (await client.get("connectionGroups")).items() if each["name"] == GROUP]
    [mark] = [key for key, each in (await client.get("connectionGroups")).items() if each["parentIdentifier"] == group]
    await client.call("DELETE", "connectionGroups", mark)
    await asyncio.gather(*(each.refresh() for each in both), return_exceptions=True)
    outcomes = await asyncio.gather(*(each.refresh() for each in both), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["GroupTaken", "set"]


async def test_an_installation_that_is_made_again_is_the_same(
    directory: GuacamoleDirectory, client: GuacamoleClient
) -> None:
    identifier = await registered(directory)
    successor = GuacamoleDirectory(client, INSTALLATION)
    await successor.refresh()
    assert successor.known_connections()[CONNECTION.name].identifier == identifier


async def test_a_group_and_users_of_an_older_version_are_adopted(client: GuacamoleClient) -> None:
    body = {"name": GROUP, "parentIdentifier": "ROOT", "type": "ORGANIZATIONAL", "attributes": {}}
    made: Any = await client.call("POST", "connectionGroups", body=body)
    await _user_of_an_older_version(client, "alice", GROUP)
    await _user_of_an_older_version(client, "bob", "another-group")
    directory = GuacamoleDirectory(client, INSTALLATION)
    await directory.inspect(access_of("alice"))
    assert directory._cache.group == made["identifier"]
    assert directory.known_users()["alice"].ours(NAMESPACE)
    assert directory.known_users()["bob"].taken(NAMESPACE)
    await directory.set_password(new_user("alice", "pw"))
    [role] = [each["attributes"][users.ROLE] for each in (await client.get("users")).values() if "alice" in str(each)]
    assert read_user_mark(INSTALLATION, role).made_for == NAMESPACE


async def test_a_new_name_of_the_group_renames_it_in_place_and_the_users_follow(
    directory: GuacamoleDirectory, client: GuacamoleClient
) -> None:
    identifier = await registered(directory)
    await _user_of_an_older_version(client, "bob", GROUP)
    group = directory._cache.group
    renamed = GuacamoleDirectory(client, replace(INSTALLATION, group="new-name"))
    await renamed.inspect(SessionAccess((CONNECTION.name,), ("alice", "bob")))
    assert (await client.get("connectionGroups"))[group]["name"] == "new-name"
    view = renamed.view(access_of("alice"))
    assert (view.connections[CONNECTION.name].identifier, view.grants) == (identifier, {("alice", CONNECTION.name)})
    successor = GuacamoleDirectory(client, replace(INSTALLATION, group="new-name"))
    await successor.refresh()
    await successor.refresh_users()
    assert [successor.known_users()[name].made_for for name in ("alice", "bob")] == [NAMESPACE, NAMESPACE]


async def test_a_name_that_another_group_has_is_refused_with_words(
    directory: GuacamoleDirectory, client: GuacamoleClient
) -> None:
    await registered(directory)
    body = {"name": "a school", "parentIdentifier": "ROOT", "type": "ORGANIZATIONAL", "attributes": {}}
    await client.call("POST", "connectionGroups", body=body)
    renamed = GuacamoleDirectory(client, replace(INSTALLATION, group="a school"))
    with pytest.raises(GroupTaken, match=f"{GROUP}.*a school.*rename or remove"):
        await renamed.refresh()
    assert GROUP in {each["name"] for each in (await client.get("connectionGroups")).values()}


async def test_a_lost_mark_is_written_again(directory: GuacamoleDirectory, client: GuacamoleClient) -> None:
    await registered(directory)
    mark = directory._revision._group
    assert mark is not None
    await client.call("DELETE", "connectionGroups", mark.mark.identifier)
    await directory.refresh()
    marks = [each["name"] for each in (await client.get("connectionGroups")).values() if "revision" in each["name"]]
    assert len(marks) == 1
    assert marks[0].startswith(group_mark(INSTALLATION.id, 1).partition(", revision")[0])


async def _user_of_an_older_version(client: GuacamoleClient, username: str, group: str) -> None:
    role = {users.ROLE: f"Made by blender-sessions ({group}/{NAMESPACE})"}
    await client.call("POST", "users", body={"username": username, "password": "x", "attributes": role})


async def test_the_name_of_a_connection_does_not_depend_on_the_installation(client: GuacamoleClient) -> None:
    both = [GuacamoleDirectory(client, each) for each in (INSTALLATION, replace(OTHER, group="others"))]
    for each in both:
        await each.refresh()
        await each.create_connection(replace(CONNECTION, name=OURS))
    assert len(await named(client, OURS)) == 2
    assert await both[0].remove_connection(OURS, access_of(name=OURS)) == 0
    await both[1].refresh()
    assert OURS in both[1].known_connections(), "the other cluster's connection of that name stays"
