"""The directory of Guacamole, against the stand-in: it finds or creates, adopts, grants and removes exactly its own."""

from __future__ import annotations

import asyncio
import threading
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from blendersessions.clients.guacamole import connections, groups, tunnels, users
from blendersessions.clients.guacamole.batching import SharedRequest
from blendersessions.clients.guacamole.client import GuacamoleClient
from blendersessions.clients.guacamole.directory import GuacamoleDirectory
from blendersessions.clients.guacamole.marks import Installation
from blendersessions.clients.guacamole.transport import MAX_REQUESTS_IN_FLIGHT, GuacamoleTransport
from blendersessions.model.errors import Conflict, NotFound, Unauthorised, Unavailable
from contract.browsing import Site
from contract.fake_guacd import fake_guacd
from contract.guacamole_access import (
    CONNECTION,
    FINGERPRINT,
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
from contract.standins import running
from waiting import DEADLINE_SECONDS, until_set

if TYPE_CHECKING:
    from pathlib import Path

    from blendersessions.model.access import Tunnel
    from contract.standins import Guacamole


@pytest.mark.parametrize("source", ["postgresql", "mysql"])
async def test_the_data_source_is_discovered(source: str, tmp_path: Path) -> None:
    with running(data_source=source) as guacamole:
        async with signed_in(guacamole, tmp_path) as client:
            directory = GuacamoleDirectory(client, INSTALLATION)
            await registered(directory)
            assert directory.view(access_of()).data_source == source


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


async def test_sixteen_creations_at_once_make_one_connection(client: GuacamoleClient) -> None:
    directories = [GuacamoleDirectory(client, INSTALLATION) for _ in range(16)]
    await directories[0].refresh()
    for directory in directories:
        await directory.refresh()
    await asyncio.gather(*(directory.create_connection(CONNECTION) for directory in directories))
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


async def test_removal_and_revocation_kill_the_running_tunnels(tmp_path: Path) -> None:
    with fake_guacd() as guacd, running(guacd.port) as guacamole, ExitStack() as sockets:
        site = Site(guacamole, sockets)
        async with signed_in(guacamole, tmp_path) as client:
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


async def test_tunnels_of_a_deleted_connection_are_killed_by_the_reported_identifier(tmp_path: Path) -> None:
    with fake_guacd() as guacd, running(guacd.port) as guacamole, ExitStack() as sockets:
        site = Site(guacamole, sockets)
        async with signed_in(guacamole, tmp_path) as client:
            directory = GuacamoleDirectory(client, INSTALLATION)
            identifier = await registered(directory)
            tunnel = await asyncio.to_thread(opened, site, GUAC_ID=identifier)
            await connections.remove(client, [identifier])
            assert await removed(directory, identifier) == 1
            assert (await asyncio.to_thread(tunnel.closed))[0] == 1000


async def test_a_dead_token_is_renewed_within_a_call(directory: GuacamoleDirectory, client: GuacamoleClient) -> None:
    await directory.refresh()
    held = client._current
    assert held is not None
    await client._send("DELETE", f"api/tokens/{held.log_in.token}")
    await asyncio.gather(*(directory.look_up_user(f"user-{number}") for number in range(8)))
    assert client._current is not None
    assert client._current.log_in.token != held.log_in.token


async def test_the_token_is_signed_out(guacamole_standin: Guacamole, tmp_path: Path) -> None:
    async with signed_in(guacamole_standin, tmp_path) as client:
        await client.data_source()
        held = client._current
        assert held is not None
    async with signed_in(guacamole_standin, tmp_path) as other:
        response = await other._send("HEAD", "api/session", token=held.log_in.token)
        assert response.status_code == 403


async def test_a_wrong_password_is_refused_with_the_settings_name(guacamole_standin: Guacamole, tmp_path: Path) -> None:
    async with signed_in(replace(guacamole_standin, password="wrong"), tmp_path) as client:
        with pytest.raises(Unauthorised, match="BLENDERSESSIONS_GUACAMOLE_PASSWORD_FILE"):
            await client.data_source()


async def test_an_address_without_guacamole_is_reported_as_such(guacamole_standin: Guacamole, tmp_path: Path) -> None:
    wrong = replace(guacamole_standin, url=guacamole_standin.url.removesuffix("guacamole/"))
    async with signed_in(wrong, tmp_path) as client:
        with pytest.raises(Unavailable, match="BLENDERSESSIONS_GUACAMOLE_URL"):
            await client.data_source()


async def test_callers_at_the_same_time_share_one_list(
    directory: GuacamoleDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    await directory.refresh()
    lists, gate = 0, Gate(monkeypatch, 50)
    original = groups.read_group

    async def counted(client: GuacamoleClient, installation: Installation, last: str) -> groups.Group:
        nonlocal lists
        lists += 1
        await gate.passed()
        return await original(client, installation, last)

    monkeypatch.setattr(groups, "read_group", counted)
    await asyncio.gather(*(directory.refresh() for _ in range(50)))
    assert lists == 2, "one for the first, and one for all who came while it was on its way"


async def test_a_connection_registered_during_a_list_stays_known(
    directory: GuacamoleDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    await directory.refresh()
    original = groups.read_group

    async def slow(client: GuacamoleClient, installation: Installation, last: str) -> groups.Group:
        listed = await original(client, installation, last)
        await directory.create_connection(CONNECTION)
        return listed

    monkeypatch.setattr(groups, "read_group", slow)
    assert await directory.refresh() == set()
    assert known(directory).name == CONNECTION.name


class Gate:
    """Holds lists back until a number of callers have asked for one, so that they always coincide in the same way."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, callers: int) -> None:
        self._missing = callers
        self._open = asyncio.Event()
        original = SharedRequest.get

        async def get(shared: SharedRequest[Any]) -> Any:  # noqa: ANN401 - handed on
            self._missing -= 1
            if self._missing <= 0:
                # The last one waits for the list too before the gate opens: nothing runs in between.
                self._open.set()
            return await original(shared)

        monkeypatch.setattr(SharedRequest, "get", get)

    async def passed(self) -> None:
        await until_set("all callers have asked", self._open)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The requests that are sent from now on, as `VERB resource`."""
    requests: list[str] = []
    original = GuacamoleClient.call

    async def counted(self: GuacamoleClient, method: str, *path: str, body: Any = None) -> object:  # noqa: ANN401 - handed on
        requests.append(f"{method} {path[0]}")
        return await original(self, method, *path, body=body)

    monkeypatch.setattr(GuacamoleClient, "call", counted)
    return requests


async def test_removals_at_the_same_time_share_requests(
    directory: GuacamoleDirectory, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    await directory.refresh()
    names = [f"blender-{number}" for number in range(30)]
    for name in names:
        await directory.create_connection(replace(CONNECTION, name=name))
    sent.clear()
    gate, original = Gate(monkeypatch, len(names)), tunnels.running

    async def held(client: GuacamoleClient) -> list[Tunnel]:
        await gate.passed()
        return await original(client)

    monkeypatch.setattr(tunnels, "running", held)
    await asyncio.gather(*(directory.remove_connection(name, access_of(name=name)) for name in names))
    assert sent.count("PATCH connections") == 2, "one for the first, and one for all others"
    assert sent.count("GET activeConnections") == 2, "one for the first, and one for all others"
    assert (await directory.refresh()) == set()
    assert directory.known_connections() == {}


async def test_creations_at_the_same_time_share_requests(
    directory: GuacamoleDirectory, client: GuacamoleClient, sent: list[str]
) -> None:
    await directory.refresh()
    names = [f"blender-{number}" for number in range(230)]
    sent.clear()
    await asyncio.gather(
        *(directory.create_connection(replace(CONNECTION, name=name)) for name in names),
        *(directory.create_user(new_user(name, f"password of {name}")) for name in names),
    )
    assert len(sent) == 8, "of connections and of users: one for the first, and one for each hundred of the others"
    found_connections = directory.known_connections()
    assert await directory.refresh() == set(), "each got the identifier of its own"
    assert found_connections.keys() == set(names)
    assert len({record.identifier for record in found_connections.values()}) == len(names)
    made = await users.list_all(client, INSTALLATION)
    assert all(made[name].ours(NAMESPACE) for name in names)


async def test_a_refused_creation_fails_alone(directory: GuacamoleDirectory, client: GuacamoleClient) -> None:
    await directory.refresh()
    await users.create(client, new_user("bo", "x", "music"), INSTALLATION)
    specs = [replace(CONNECTION, name=f"blender-{number}") for number in range(4)]
    before = await connections.create(client, directory._cache.group, specs[2])
    await asyncio.gather(
        *(directory.create_connection(spec) for spec in specs),
        *(directory.create_user(new_user(username, "y")) for username in ("ann", "bo", "cy")),
    )
    found_connections = directory.known_connections()
    assert found_connections.keys() == {spec.name for spec in specs}
    assert found_connections[specs[2].name].identifier == before, "the one from before a crash is adopted"
    assert len(await named(client, specs[0].name)) == 1
    found = directory.known_users()
    assert (found["ann"].made_for, found["bo"].made_for, found["cy"].made_for) == (NAMESPACE, "music", NAMESPACE)


async def test_no_more_than_five_requests_at_once(client: GuacamoleClient, monkeypatch: pytest.MonkeyPatch) -> None:
    running_now, most, lock = 0, 0, threading.Lock()
    # Each request waits for others to run beside it, so that there are as many as may be, whatever the machine does.
    together = threading.Barrier(MAX_REQUESTS_IN_FLIGHT)
    original = GuacamoleTransport._send

    def counted(self: GuacamoleTransport, *arguments: Any) -> Any:  # noqa: ANN401 - handed on
        nonlocal running_now, most
        with lock:
            running_now += 1
            most = max(most, running_now)
        try:
            together.wait(DEADLINE_SECONDS)
            return original(self, *arguments)
        finally:
            with lock:
                running_now -= 1

    await client.data_source()
    with monkeypatch.context() as patch:
        patch.setattr(GuacamoleTransport, "_send", counted)
        await asyncio.gather(*(client.get("users") for _ in range(8 * MAX_REQUESTS_IN_FLIGHT)))
    assert most == MAX_REQUESTS_IN_FLIGHT


async def test_a_duplicate_is_a_conflict(directory: GuacamoleDirectory, client: GuacamoleClient) -> None:
    await registered(directory)
    with pytest.raises(Conflict):
        await connections.create(client, directory._cache.group, CONNECTION)
    with pytest.raises(Conflict):
        await users.create(client, new_user("alice", "x", NAMESPACE), INSTALLATION)


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
