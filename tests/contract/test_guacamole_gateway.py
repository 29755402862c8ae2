"""The operator's client of Guacamole, against the stand-in: find or create, adopt, grant, and take away exactly."""

from __future__ import annotations

import asyncio
import threading
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from blendersessions.clients.guacamole import connections, groups, users
from blendersessions.clients.guacamole.client import IN_FLIGHT, GuacamoleClient
from blendersessions.clients.guacamole.directory import GuacamoleDirectory
from blendersessions.model.errors import Conflict, NotFound, Unauthorised, Unavailable
from contract.browsing import Site
from contract.desk import (
    DESK,
    GROUP,
    NAMESPACE,
    access_of,
    inspected,
    is_known,
    known,
    named,
    opened,
    registered,
    removed,
    signed_in,
)
from contract.fake_guacd import fake_guacd
from contract.standins import running

if TYPE_CHECKING:
    from pathlib import Path

    from contract.standins import Guacamole


@pytest.mark.parametrize("source", ["postgresql", "mysql"])
async def test_the_data_source_is_discovered(source: str, tmp_path: Path) -> None:
    with running(data_source=source) as guacamole:
        async with signed_in(guacamole, tmp_path) as http:
            registry = GuacamoleDirectory(http, GROUP)
            await registered(registry)
            assert registry.view(access_of()).data_source == source


async def test_a_registered_session_is_known_without_asking(registry: GuacamoleDirectory) -> None:
    await registered(registry)
    view = registry.view(access_of("alice"))
    assert view.inspected
    assert view.grants == {("alice", DESK.name)}
    assert view.connections[DESK.name].matches(DESK)
    assert view.users["alice"].ours(NAMESPACE)


async def test_a_new_operator_finds_everything_as_it_was_left(
    registry: GuacamoleDirectory, http: GuacamoleClient
) -> None:
    await registered(registry)
    successor = GuacamoleDirectory(http, GROUP)
    assert not is_known(successor)
    found = await inspected(successor)
    left = registry.view(access_of("alice"))
    assert (found.connections, found.grants) == (left.connections, left.grants)
    assert found.users["alice"].ours(NAMESPACE)


async def test_the_connection_is_in_our_group_and_the_group_is_made_once(
    registry: GuacamoleDirectory, http: GuacamoleClient
) -> None:
    await registered(registry)
    await GuacamoleDirectory(http, GROUP).refresh()
    groups = [group for group in (await http.get("connectionGroups")).values() if group["name"] == GROUP]
    [connection] = await named(http, DESK.name)
    assert [group["identifier"] for group in groups] == [connection["parentIdentifier"]]


async def test_a_connection_from_before_a_crash_is_adopted(registry: GuacamoleDirectory, http: GuacamoleClient) -> None:
    identifier = await registered(registry)
    successor = GuacamoleDirectory(http, GROUP)
    await successor.refresh()
    successor._cache.connections.clear()
    await successor.create_connection(DESK)
    assert known(successor).identifier == identifier
    assert len(await named(http, DESK.name)) == 1


async def test_sixteen_creations_at_once_make_one_connection(http: GuacamoleClient) -> None:
    registries = [GuacamoleDirectory(http, GROUP) for _ in range(16)]
    await registries[0].refresh()
    for registry in registries:
        await registry.refresh()
    await asyncio.gather(*(registry.create_connection(DESK) for registry in registries))
    assert len(await named(http, DESK.name)) == 1


async def test_a_connection_of_that_name_outside_our_group_is_not_ours(
    registry: GuacamoleDirectory, http: GuacamoleClient
) -> None:
    body = {"name": DESK.name, "protocol": "ssh", "parameters": {}, "attributes": {}}
    await http.call("POST", "connections", body=body)
    await registered(registry)
    await removed(registry)
    [left] = await named(http, DESK.name)
    assert left["protocol"] == "ssh"


async def test_a_difference_is_seen_and_put_right(registry: GuacamoleDirectory, http: GuacamoleClient) -> None:
    identifier = await registered(registry)
    wanted = replace(DESK, parameters=DESK.parameters | {"read-only": "true"}, attributes={"max-connections": "3"})
    assert not known(registry).matches(wanted)
    await registry.update_connection(identifier, wanted)
    assert await connections.parameters(http, identifier) == wanted.parameters
    assert await registry.refresh() == set(), "what we wrote is no news"
    assert known(registry).matches(wanted)


async def test_what_a_person_changes_or_deletes_is_news(registry: GuacamoleDirectory, http: GuacamoleClient) -> None:
    identifier = await registered(registry)
    assert await registry.refresh() == set()
    body = {"name": DESK.name, "parentIdentifier": registry._cache.group, "protocol": "vnc", "parameters": {}}
    await http.call("PUT", "connections", identifier, body=body | {"attributes": {"max-connections": "99"}})
    assert await registry.refresh() == {DESK.name}
    assert not is_known(registry), "the parameters must be asked for again"
    await http.call("DELETE", "connections", identifier)
    assert await registry.refresh() == {DESK.name}
    assert (await inspected(registry)).connections == {}


async def test_a_deleted_group_is_made_again(registry: GuacamoleDirectory, http: GuacamoleClient) -> None:
    await registered(registry)
    await http.call("DELETE", "connectionGroups", registry._cache.group)
    assert await registry.refresh() == {DESK.name}
    await registered(registry)
    assert len(await named(http, DESK.name)) == 1


async def test_a_group_deleted_behind_our_back_is_made_again_after_one_failure(
    registry: GuacamoleDirectory, http: GuacamoleClient
) -> None:
    await inspected(registry)
    await http.call("DELETE", "connectionGroups", registry._cache.group)
    with pytest.raises(Unavailable):
        await registry.create_connection(DESK)
    await registered(registry)
    assert len(await named(http, DESK.name)) == 1


async def test_removal_is_complete_and_can_be_repeated(registry: GuacamoleDirectory, http: GuacamoleClient) -> None:
    identifier = await registered(registry)
    for _ in range(2):
        assert await removed(registry, identifier) == 0
    assert await registry.remove_user("alice", NAMESPACE)
    assert not await registry.remove_user("alice", NAMESPACE)
    assert await named(http, DESK.name) == []
    assert "alice" not in await http.get("users")
    assert not is_known(registry)


async def test_the_user_reads_its_connection_and_group_and_nothing_else(
    registry: GuacamoleDirectory, http: GuacamoleClient
) -> None:
    identifier = await registered(registry)
    held = await http.get("users", "alice", "permissions")
    assert held["connectionPermissions"] == {identifier: ["READ"]}
    assert held["connectionGroupPermissions"] == {registry._cache.group: ["READ"]}
    assert held["systemPermissions"] == []


async def test_an_administrators_user_is_never_removed(registry: GuacamoleDirectory, http: GuacamoleClient) -> None:
    await http.call("POST", "users", body={"username": "teacher", "password": "x", "attributes": {}})
    user = (await inspected(registry, "teacher")).users["teacher"]
    assert (user.exists, user.made_for) == (True, "")
    await registry.create_user("teacher", "y", NAMESPACE)
    assert not await registry.remove_user("teacher", NAMESPACE)
    assert "teacher" in await http.get("users")


async def test_a_user_whom_an_administrator_just_made_is_seen(
    registry: GuacamoleDirectory, http: GuacamoleClient
) -> None:
    await registry.refresh_users()
    await http.call("POST", "users", body={"username": "teacher", "password": "x", "attributes": {}})
    assert (await inspected(registry, "teacher")).users["teacher"].exists, (
        "a Secret for this one would hold no password"
    )


async def test_a_user_named_after_the_session_is_not_asked_for(
    registry: GuacamoleDirectory, http: GuacamoleClient
) -> None:
    await registry.refresh_users()
    await http.call("POST", "users", body={"username": DESK.name, "password": "x", "attributes": {}})
    assert not (await inspected(registry, DESK.name)).users[DESK.name].exists, "nobody else makes a user of that name"
    await registry.create_user(DESK.name, "y", NAMESPACE)
    assert registry.known_users()[DESK.name].exists, "and if somebody did, Guacamole says so when it is made"


async def test_a_user_of_another_installation_is_not_ours(http: GuacamoleClient) -> None:
    await users.create(http, users.NewUser("alice", "pw", NAMESPACE), "another-group")
    user = await users.get(http, "alice", GROUP)
    assert not user.ours(NAMESPACE)
    assert user.taken(NAMESPACE)


async def test_a_user_made_for_another_namespace_is_taken_and_stays(
    registry: GuacamoleDirectory, http: GuacamoleClient
) -> None:
    await registered(registry)
    user = await GuacamoleDirectory(http, GROUP).look_up_user("alice")
    assert user.taken("music")
    assert not await registry.remove_user("alice", "music")
    assert "alice" in await http.get("users")


async def test_the_longest_mark_is_read_as_it_was_written(http: GuacamoleClient) -> None:
    group, namespace = "g/" * 64, "n" * 63
    await users.create(http, users.NewUser("alice", "pw", namespace), group)
    assert (await users.get(http, "alice", group)).made_for == namespace
    assert (await users.get(http, "alice", "g")).taken(namespace)


async def test_a_grant_to_a_user_who_is_gone_fails_and_is_looked_at_again(
    registry: GuacamoleDirectory, http: GuacamoleClient
) -> None:
    await registered(registry)
    await http.call("DELETE", "users", "alice")
    with pytest.raises((Unavailable, NotFound)):
        await registry.grant("alice", DESK.name)
    assert not is_known(registry)
    assert not (await inspected(registry)).users["alice"].exists


async def test_removal_and_revocation_kill_the_running_tunnels(tmp_path: Path) -> None:
    with fake_guacd() as guacd, running(guacd.port) as guacamole, ExitStack() as sockets:
        site = Site(guacamole, sockets)
        async with signed_in(guacamole, tmp_path) as http:
            registry = GuacamoleDirectory(http, GROUP)
            identifier = await registered(registry)
            token = await asyncio.to_thread(site.sign_in, "alice", "secret-1")
            tunnels = []
            for who in (token, site.token):
                tunnels.append(await asyncio.to_thread(opened, site, token=who, GUAC_ID=identifier))
                guacd.desk()
            await asyncio.to_thread(opened, site)
            assert await registry.revoke("alice", DESK.name) == 1
            assert (await asyncio.to_thread(tunnels[0].closed))[0] == 1000
            assert await removed(registry) == 1
            assert (await asyncio.to_thread(tunnels[1].closed))[0] == 1000
            assert len(site.active()) == 1


async def test_tunnels_of_a_connection_that_is_gone_are_killed_by_the_identifier_in_the_status(tmp_path: Path) -> None:
    with fake_guacd() as guacd, running(guacd.port) as guacamole, ExitStack() as sockets:
        site = Site(guacamole, sockets)
        async with signed_in(guacamole, tmp_path) as http:
            registry = GuacamoleDirectory(http, GROUP)
            identifier = await registered(registry)
            tunnel = await asyncio.to_thread(opened, site, GUAC_ID=identifier)
            await http.call("DELETE", "connections", identifier)
            assert await removed(registry, identifier) == 1
            assert (await asyncio.to_thread(tunnel.closed))[0] == 1000


async def test_a_dead_token_is_renewed_without_anybody_noticing(
    registry: GuacamoleDirectory, http: GuacamoleClient
) -> None:
    await registry.refresh()
    login = http._login
    assert login is not None
    await http._send("DELETE", f"api/tokens/{login.token}")
    await asyncio.gather(*(registry.look_up_user(f"user-{number}") for number in range(8)))
    assert http._login is not None
    assert http._login.token != login.token


async def test_the_token_is_given_back(guacamole_standin: Guacamole, tmp_path: Path) -> None:
    async with signed_in(guacamole_standin, tmp_path) as http:
        await http.data_source()
        login = http._login
        assert login is not None
    async with signed_in(guacamole_standin, tmp_path) as other:
        response = await other._send("HEAD", "api/session", login.token)
        assert response.status_code == 403


async def test_a_wrong_password_is_refused_with_the_settings_name(guacamole_standin: Guacamole, tmp_path: Path) -> None:
    async with signed_in(replace(guacamole_standin, password="wrong"), tmp_path) as http:
        with pytest.raises(Unauthorised, match="BLENDERSESSIONS_GUACAMOLE_PASSWORD_FILE"):
            await http.data_source()


async def test_the_wrong_address_is_said_to_be_no_guacamole(guacamole_standin: Guacamole, tmp_path: Path) -> None:
    wrong = replace(guacamole_standin, url=guacamole_standin.url.removesuffix("guacamole/"))
    async with signed_in(wrong, tmp_path) as http:
        with pytest.raises(Unavailable, match="BLENDERSESSIONS_GUACAMOLE_URL"):
            await http.data_source()


async def test_callers_at_the_same_time_share_one_list(
    registry: GuacamoleDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    await registry.refresh()
    lists = 0
    original = groups.read_group

    async def counted(http: GuacamoleClient, name: str, last: str) -> groups.Group:
        nonlocal lists
        lists += 1
        return await original(http, name, last)

    monkeypatch.setattr(groups, "read_group", counted)
    await asyncio.gather(*(registry.refresh() for _ in range(50)))
    assert lists <= 2


async def test_what_is_registered_during_a_list_is_not_forgotten(
    registry: GuacamoleDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    await registry.refresh()
    original = groups.read_group

    async def slow(http: GuacamoleClient, name: str, last: str) -> groups.Group:
        listed = await original(http, name, last)
        await registry.create_connection(DESK)
        return listed

    monkeypatch.setattr(groups, "read_group", slow)
    assert await registry.refresh() == set()
    assert known(registry).name == DESK.name


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is sent from now on, as `VERB resource`."""
    noted: list[str] = []
    original = GuacamoleClient.call

    async def counted(self: GuacamoleClient, method: str, *path: str, body: Any = None) -> object:  # noqa: ANN401 - handed on
        noted.append(f"{method} {path[0]}")
        return await original(self, method, *path, body=body)

    monkeypatch.setattr(GuacamoleClient, "call", counted)
    return noted


async def test_removals_at_the_same_time_share_requests(registry: GuacamoleDirectory, sent: list[str]) -> None:
    await registry.refresh()
    names = [f"blender-{number}" for number in range(30)]
    for name in names:
        await registry.create_connection(replace(DESK, name=name))
    sent.clear()
    await asyncio.gather(*(registry.remove_connection(name, access_of(name=name)) for name in names))
    assert sent.count("PATCH connections") <= 2
    assert sent.count("GET activeConnections") <= 3
    assert (await registry.refresh()) == set()
    assert registry.known_connections() == {}


async def test_what_is_made_at_the_same_time_shares_requests(
    registry: GuacamoleDirectory, http: GuacamoleClient, sent: list[str]
) -> None:
    await registry.refresh()
    names = [f"blender-{number}" for number in range(230)]
    sent.clear()
    await asyncio.gather(
        *(registry.create_connection(replace(DESK, name=name)) for name in names),
        *(registry.create_user(name, f"password of {name}", NAMESPACE) for name in names),
    )
    assert len(sent) <= 8, "one for the first, and one for each hundred of the others"
    told = registry.known_connections()
    assert await registry.refresh() == set(), "each got the identifier of its own"
    assert told.keys() == set(names)
    assert len({record.identifier for record in told.values()}) == len(names)
    made = await users.list_all(http, GROUP)
    assert all(made[name].ours(NAMESPACE) for name in names)


async def test_one_that_is_refused_takes_no_others_with_it(registry: GuacamoleDirectory, http: GuacamoleClient) -> None:
    await registry.refresh()
    await users.create(http, users.NewUser("bo", "x", "music"), GROUP)
    specs = [replace(DESK, name=f"blender-{number}") for number in range(4)]
    before = await connections.create(http, registry._cache.group, specs[2])
    await asyncio.gather(
        *(registry.create_connection(spec) for spec in specs),
        *(registry.create_user(username, "y", NAMESPACE) for username in ("ann", "bo", "cy")),
    )
    told = registry.known_connections()
    assert told.keys() == {spec.name for spec in specs}
    assert told[specs[2].name].identifier == before, "the one from before a crash is adopted"
    assert len(await named(http, specs[0].name)) == 1
    found = registry.known_users()
    assert (found["ann"].made_for, found["bo"].made_for, found["cy"].made_for) == (NAMESPACE, "music", NAMESPACE)


async def test_no_more_than_five_requests_at_once(http: GuacamoleClient, monkeypatch: pytest.MonkeyPatch) -> None:
    running_now, most, lock = 0, 0, threading.Lock()
    original = GuacamoleClient._send_once

    def counted(self: GuacamoleClient, *arguments: Any) -> Any:  # noqa: ANN401 - handed on
        nonlocal running_now, most
        with lock:
            running_now += 1
            most = max(most, running_now)
        try:
            return original(self, *arguments)
        finally:
            with lock:
                running_now -= 1

    monkeypatch.setattr(GuacamoleClient, "_send_once", counted)
    await asyncio.gather(*(http.get("users") for _ in range(40)))
    assert 1 < most <= IN_FLIGHT


async def test_a_duplicate_is_a_conflict(registry: GuacamoleDirectory, http: GuacamoleClient) -> None:
    await registered(registry)
    with pytest.raises(Conflict):
        await connections.create(http, registry._cache.group, DESK)
    with pytest.raises(Conflict):
        await users.create(http, users.NewUser("alice", "x", NAMESPACE), GROUP)
