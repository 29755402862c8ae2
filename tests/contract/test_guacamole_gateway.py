"""The operator's client of Guacamole, against the stand-in: find or create, adopt, grant, and take away exactly."""

from __future__ import annotations

import asyncio
import threading
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from blendersessions.gateways.guacamole import connections, users
from blendersessions.gateways.guacamole.http import IN_FLIGHT, Account, Http
from blendersessions.gateways.guacamole.registry import Registry
from blendersessions.model.access import ConnectionSpec
from blendersessions.model.errors import Conflict, NotFound, Unauthorised, Unavailable
from contract.browsing import Site, Tunnel
from contract.fake_guacd import fake_guacd
from contract.standins import running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from contract.standins import Guacamole

GROUP = "our-sessions"
NAMESPACE = "art"
DESK = ConnectionSpec(
    "blender-desk",
    {"hostname": "desk.art.svc", "port": "5900", "password": "pw123456", "color-depth": "24"},
    {"max-connections": "10", "max-connections-per-user": "10"},
)


@asynccontextmanager
async def signed_in(guacamole: Guacamole, folder: Path) -> AsyncIterator[Http]:
    path = folder / "password"
    path.write_text(guacamole.password)
    http = Http(Account(guacamole.url, guacamole.username, path))
    try:
        yield http
    finally:
        await http.close()


@pytest.fixture
async def http(guacamole_standin: Guacamole, tmp_path: Path) -> AsyncIterator[Http]:
    async with signed_in(guacamole_standin, tmp_path) as http:
        yield http


@pytest.fixture
def registry(http: Http) -> Registry:
    return Registry(http, GROUP)


def opened(site: Site, **query: str) -> Tunnel:
    """Open a tunnel and wait for its UUID: Guacamole lists and counts it from then on, not from the upgrade."""
    tunnel = site.open(**query)
    assert tunnel.next().opcode == ""
    return tunnel


async def named(http: Http, name: str) -> list[dict[str, Any]]:
    return [each for each in (await http.get("connections")).values() if each["name"] == name]


async def registered(registry: Registry, username: str = "alice") -> str:
    """Do what the operator does for a new session; return the connection's identifier."""
    await registry.inspect(DESK.name, username)
    await registry.create_connection(DESK)
    await registry.create_user(username, "secret-1", NAMESPACE)
    record = registry.view(DESK.name, username).connection
    assert record is not None
    await registry.grant(username, record.identifier)
    return record.identifier


@pytest.mark.parametrize("source", ["postgresql", "mysql"])
async def test_the_data_source_is_discovered(source: str, tmp_path: Path) -> None:
    with running(data_source=source) as guacamole:
        async with signed_in(guacamole, tmp_path) as http:
            registry = Registry(http, GROUP)
            await registered(registry)
            assert registry.view(DESK.name, "alice").data_source == source


async def test_a_registered_session_is_known_without_asking(registry: Registry) -> None:
    await registered(registry)
    view = registry.view(DESK.name, "alice")
    assert view.inspected
    assert view.granted
    assert view.connection is not None
    assert view.connection.matches(DESK)
    assert view.user is not None
    assert view.user.ours(NAMESPACE)


async def test_a_new_operator_finds_everything_as_it_was_left(registry: Registry, http: Http) -> None:
    await registered(registry)
    successor = Registry(http, GROUP)
    assert not successor.view(DESK.name, "alice").inspected
    await successor.inspect(DESK.name, "alice")
    assert successor.view(DESK.name, "alice") == registry.view(DESK.name, "alice")


async def test_the_connection_is_in_our_group_and_the_group_is_made_once(registry: Registry, http: Http) -> None:
    await registered(registry)
    await Registry(http, GROUP).refresh()
    groups = [group for group in (await http.get("connectionGroups")).values() if group["name"] == GROUP]
    [connection] = await named(http, DESK.name)
    assert [group["identifier"] for group in groups] == [connection["parentIdentifier"]]


async def test_a_connection_from_before_a_crash_is_adopted(registry: Registry, http: Http) -> None:
    identifier = await registered(registry)
    successor = Registry(http, GROUP)
    await successor.refresh()
    successor._records.clear()
    await successor.create_connection(DESK)
    record = successor.view(DESK.name, "alice").connection
    assert record is not None
    assert record.identifier == identifier
    assert len(await named(http, DESK.name)) == 1


async def test_sixteen_creations_at_once_make_one_connection(http: Http) -> None:
    registries = [Registry(http, GROUP) for _ in range(16)]
    await registries[0].refresh()
    for registry in registries:
        await registry.refresh()
    await asyncio.gather(*(registry.create_connection(DESK) for registry in registries))
    assert len(await named(http, DESK.name)) == 1


async def test_a_connection_of_that_name_outside_our_group_is_not_ours(registry: Registry, http: Http) -> None:
    body = {"name": DESK.name, "protocol": "ssh", "parameters": {}, "attributes": {}}
    await http.call("POST", "connections", body=body)
    await registered(registry)
    await registry.remove_connection(DESK.name, "")
    [left] = await named(http, DESK.name)
    assert left["protocol"] == "ssh"


async def test_a_difference_is_seen_and_put_right(registry: Registry, http: Http) -> None:
    identifier = await registered(registry)
    wanted = replace(DESK, parameters=DESK.parameters | {"read-only": "true"}, attributes={"max-connections": "3"})
    record = registry.view(DESK.name, "alice").connection
    assert record is not None
    assert not record.matches(wanted)
    await registry.update_connection(identifier, wanted)
    assert await connections.parameters(http, identifier) == wanted.parameters
    assert await registry.refresh() == set(), "what we wrote is no news"
    record = registry.view(DESK.name, "alice").connection
    assert record is not None
    assert record.matches(wanted)


async def test_what_a_person_changes_or_deletes_is_news(registry: Registry, http: Http) -> None:
    identifier = await registered(registry)
    assert await registry.refresh() == set()
    body = {"name": DESK.name, "parentIdentifier": registry._group, "protocol": "vnc", "parameters": {}}
    await http.call("PUT", "connections", identifier, body=body | {"attributes": {"max-connections": "99"}})
    assert await registry.refresh() == {DESK.name}
    assert not registry.view(DESK.name, "alice").inspected, "the parameters must be asked for again"
    await http.call("DELETE", "connections", identifier)
    assert await registry.refresh() == {DESK.name}
    assert registry.view(DESK.name, "alice").connection is None


async def test_a_deleted_group_is_made_again(registry: Registry, http: Http) -> None:
    await registered(registry)
    await http.call("DELETE", "connectionGroups", registry._group)
    assert await registry.refresh() == {DESK.name}
    await registered(registry)
    assert len(await named(http, DESK.name)) == 1


async def test_a_group_deleted_behind_our_back_is_made_again_after_one_failure(registry: Registry, http: Http) -> None:
    await registry.inspect(DESK.name, "alice")
    await http.call("DELETE", "connectionGroups", registry._group)
    with pytest.raises(Unavailable):
        await registry.create_connection(DESK)
    await registered(registry)
    assert len(await named(http, DESK.name)) == 1


async def test_removal_is_complete_and_can_be_repeated(registry: Registry, http: Http) -> None:
    identifier = await registered(registry)
    for _ in range(2):
        assert await registry.remove_connection(DESK.name, identifier) == 0
    assert await registry.remove_user("alice", NAMESPACE)
    assert not await registry.remove_user("alice", NAMESPACE)
    assert await named(http, DESK.name) == []
    assert "alice" not in await http.get("users")
    assert not registry.view(DESK.name, "alice").inspected


async def test_the_user_reads_its_connection_and_group_and_nothing_else(registry: Registry, http: Http) -> None:
    identifier = await registered(registry)
    held = await http.get("users", "alice", "permissions")
    assert held["connectionPermissions"] == {identifier: ["READ"]}
    assert held["connectionGroupPermissions"] == {registry._group: ["READ"]}
    assert held["systemPermissions"] == []


async def test_an_administrators_user_is_never_removed(registry: Registry, http: Http) -> None:
    await http.call("POST", "users", body={"username": "teacher", "password": "x", "attributes": {}})
    await registry.inspect(DESK.name, "teacher")
    user = registry.view(DESK.name, "teacher").user
    assert user is not None
    assert (user.exists, user.made_for) == (True, "")
    await registry.create_user("teacher", "y", NAMESPACE)
    assert not await registry.remove_user("teacher", NAMESPACE)
    assert "teacher" in await http.get("users")


async def test_a_user_of_another_installation_is_not_ours(http: Http) -> None:
    await users.create(http, "alice", "pw", "another-group", NAMESPACE)
    user = await users.get(http, "alice", GROUP)
    assert not user.ours(NAMESPACE)
    assert user.taken(NAMESPACE)


async def test_a_user_made_for_another_namespace_is_taken_and_stays(registry: Registry, http: Http) -> None:
    await registered(registry)
    user = await Registry(http, GROUP).look_up_user("alice")
    assert user.taken("music")
    assert not await registry.remove_user("alice", "music")
    assert "alice" in await http.get("users")


async def test_the_longest_mark_is_read_as_it_was_written(http: Http) -> None:
    group, namespace = "g/" * 64, "n" * 63
    await users.create(http, "alice", "pw", group, namespace)
    assert (await users.get(http, "alice", group)).made_for == namespace
    assert (await users.get(http, "alice", "g")).taken(namespace)


async def test_a_grant_to_a_user_who_is_gone_fails_and_is_looked_at_again(registry: Registry, http: Http) -> None:
    identifier = await registered(registry)
    await http.call("DELETE", "users", "alice")
    registry._grants.clear()
    with pytest.raises((Unavailable, NotFound)):
        await registry.grant("alice", identifier)
    assert not registry.view(DESK.name, "alice").inspected
    await registry.inspect(DESK.name, "alice")
    user = registry.view(DESK.name, "alice").user
    assert user is not None
    assert not user.exists


async def test_removal_and_revocation_kill_the_running_tunnels(tmp_path: Path) -> None:
    with fake_guacd() as guacd, running(guacd.port) as guacamole, ExitStack() as sockets:
        site = Site(guacamole, sockets)
        async with signed_in(guacamole, tmp_path) as http:
            registry = Registry(http, GROUP)
            identifier = await registered(registry)
            token = await asyncio.to_thread(site.sign_in, "alice", "secret-1")
            tunnels = []
            for who in (token, site.token):
                tunnels.append(await asyncio.to_thread(opened, site, token=who, GUAC_ID=identifier))
                guacd.desk()
            await asyncio.to_thread(opened, site)
            assert await registry.revoke("alice", identifier) == 1
            assert (await asyncio.to_thread(tunnels[0].closed))[0] == 1000
            assert await registry.remove_connection(DESK.name, "") == 1
            assert (await asyncio.to_thread(tunnels[1].closed))[0] == 1000
            assert len(site.active()) == 1


async def test_tunnels_of_a_connection_that_is_gone_are_killed_by_the_identifier_in_the_status(tmp_path: Path) -> None:
    with fake_guacd() as guacd, running(guacd.port) as guacamole, ExitStack() as sockets:
        site = Site(guacamole, sockets)
        async with signed_in(guacamole, tmp_path) as http:
            registry = Registry(http, GROUP)
            identifier = await registered(registry)
            tunnel = await asyncio.to_thread(opened, site, GUAC_ID=identifier)
            await http.call("DELETE", "connections", identifier)
            assert await registry.remove_connection(DESK.name, identifier) == 1
            assert (await asyncio.to_thread(tunnel.closed))[0] == 1000


async def test_a_dead_token_is_renewed_without_anybody_noticing(registry: Registry, http: Http) -> None:
    await registry.refresh()
    login = http._login
    assert login is not None
    await http._send("DELETE", f"api/tokens/{login.token}")
    await asyncio.gather(*(registry.inspect(f"blender-{number}", "alice") for number in range(8)))
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


async def test_callers_at_the_same_time_share_one_list(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    await registry.refresh()
    lists = 0
    original = connections.in_group

    async def counted(http: Http, group: str) -> dict[str, Any]:
        nonlocal lists
        lists += 1
        return dict(await original(http, group))

    monkeypatch.setattr(connections, "in_group", counted)
    await asyncio.gather(*(registry.refresh() for _ in range(50)))
    assert lists <= 2


async def test_what_is_registered_during_a_list_is_not_forgotten(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    await registry.refresh()
    original = connections.in_group

    async def slow(http: Http, group: str) -> dict[str, Any]:
        listed = dict(await original(http, group))
        await registry.create_connection(DESK)
        return listed

    monkeypatch.setattr(connections, "in_group", slow)
    assert await registry.refresh() == set()
    assert registry.view(DESK.name, "alice").connection is not None


async def test_no_more_than_five_requests_at_once(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    running_now, most, lock = 0, 0, threading.Lock()
    original = Http._send_once

    def counted(self: Http, *arguments: Any) -> Any:  # noqa: ANN401 - handed on
        nonlocal running_now, most
        with lock:
            running_now += 1
            most = max(most, running_now)
        try:
            return original(self, *arguments)
        finally:
            with lock:
                running_now -= 1

    monkeypatch.setattr(Http, "_send_once", counted)
    await asyncio.gather(*(http.get("users") for _ in range(40)))
    assert 1 < most <= IN_FLIGHT


async def test_a_duplicate_is_a_conflict(registry: Registry, http: Http) -> None:
    await registered(registry)
    with pytest.raises(Conflict):
        await connections.create(http, registry._group, DESK)
    with pytest.raises(Conflict):
        await users.create(http, "alice", "x", GROUP, NAMESPACE)
