"""What the client of Guacamole can besides registering: history and sharing."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from blendersessions.clients.guacamole import connections, history, sharing, tunnels
from blendersessions.clients.guacamole.directory import GuacamoleDirectory
from blendersessions.model.errors import Conflict, NotFound, Unauthorised
from contract.browsing import Site
from contract.desk import DESK, GROUP, opened, registered, signed_in
from contract.fake_guacd import fake_guacd
from contract.standins import running

if TYPE_CHECKING:
    from pathlib import Path


async def test_visits_are_told_while_they_run_and_when_the_connection_is_gone(tmp_path: Path) -> None:
    with fake_guacd() as guacd, running(guacd.port) as guacamole, ExitStack() as sockets:
        site = Site(guacamole, sockets)
        async with signed_in(guacamole, tmp_path) as http:
            registry = GuacamoleDirectory(http, GROUP)
            identifier = await registered(registry)
            assert await history.visits(http, identifier) == []
            token = await asyncio.to_thread(site.sign_in, "alice", "secret-1")
            await asyncio.to_thread(opened, site, token=token, GUAC_ID=identifier)
            [visit] = await history.visits(http, identifier)
            assert (visit.connection, visit.connection_name, visit.username) == (identifier, DESK.name, "alice")
            assert visit.ended_at is None
            [tunnel] = await tunnels.running(http)
            assert tunnel.opened_at == visit.began_at
            await tunnels.kill(http, [tunnel])
            await connections.remove(http, [identifier])
            [left] = [each for each in await history.all_visits(http) if each.connection_name == DESK.name]
            assert (left.connection, left.username) == ("", "alice")
            assert left.ended_at is not None
            assert left.ended_at >= left.began_at
            with pytest.raises(NotFound):
                await history.visits(http, identifier)


async def test_a_tunnel_is_shared_by_a_key_until_it_ends(tmp_path: Path) -> None:
    with fake_guacd() as guacd, running(guacd.port) as guacamole, ExitStack() as sockets:
        site = Site(guacamole, sockets)
        async with signed_in(guacamole, tmp_path) as http:
            identifier = await registered(GuacamoleDirectory(http, GROUP))
            installation = await sharing.create(http, "look", identifier, sharing.READ_ONLY)
            assert await sharing.profiles(http) == [installation]
            assert installation.connection == identifier
            with pytest.raises(Conflict):
                await sharing.create(http, "look", identifier, sharing.READ_ONLY)
            await asyncio.to_thread(opened, site, GUAC_ID=identifier)
            [tunnel] = [each for each in await tunnels.running(http) if each.connection == identifier]
            first, second = [await sharing.key(http, tunnel.identifier, installation.identifier) for _ in range(2)]
            assert first != second, "each key is a new one"
            for _ in range(2):
                await sharing.remove(http, [installation.identifier])
            assert await sharing.profiles(http) == []
            with pytest.raises(Unauthorised):
                await sharing.key(http, tunnel.identifier, installation.identifier)
