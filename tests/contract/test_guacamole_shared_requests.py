"""What many sessions ask of Guacamole at the same time becomes few requests, and one failure stays alone."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from blendersessions.clients.guacamole import connections, groups, tunnels, users
from blendersessions.clients.guacamole.batching import SharedRequest
from blendersessions.clients.guacamole.client import GuacamoleClient
from blendersessions.clients.guacamole.directory import GuacamoleDirectory
from blendersessions.clients.guacamole.transport import MAX_REQUESTS_IN_FLIGHT, GuacamoleTransport
from contract.guacamole_access import (
    CONNECTION,
    INSTALLATION,
    NAMESPACE,
    access_of,
    known,
    named,
    new_user,
)
from waiting import DEADLINE_SECONDS, until_set

if TYPE_CHECKING:
    from blendersessions.clients.guacamole.marks import Installation
    from blendersessions.model.access import Tunnel


async def test_sixteen_creations_at_once_make_one_connection(client: GuacamoleClient) -> None:
    directories = [GuacamoleDirectory(client, INSTALLATION) for _ in range(16)]
    await directories[0].refresh()
    for directory in directories:
        await directory.refresh()
    await asyncio.gather(*(directory.create_connection(CONNECTION) for directory in directories))
    assert len(await named(client, CONNECTION.name)) == 1


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
