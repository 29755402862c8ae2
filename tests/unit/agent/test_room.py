"""Whatever arrives in the home folder, and by whichever way, shares its room."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from agent.files.settings import TransferSettings
from agent.files.transfers import Transfers
from agent.messages import Content, Refused, Request
from limits.room import NoRoom, Room
from scene.addresses import parse_networks
from scene.fetch import Fetch, Limits
from scene.intake import Intake
from scene.versions import BlenderVersion
from scene.volume import copy_from_volume
from scene.web import Web
from tls_server import Answering, TlsServer, tls_server
from unit.agent.bridge_end import until_so
from unit.limits.rooms import RoomOf
from unit.scene.blends import old_blend
from unit.scene.zips import names_below, zipped
from waiting import DEADLINE_SECONDS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("loopback_is_open")
SIZE = 2_000_000
FREE = 3_000_000
"""Room for one of them, and not for two."""
SCENE = old_blend() + os.urandom(SIZE - len(old_blend()))


class Home:
    """A small home folder, and all ways into it."""

    def __init__(self, folder: Path, server: TlsServer) -> None:
        self.home, self.mount = folder / "home", folder / "mount"
        self.home.mkdir()
        self.mount.mkdir()
        (self.mount / "cart.blend").write_bytes(SCENE)
        self.archive = folder / "arrived.zip"
        self.archive.write_bytes(zipped(("cart.blend", SCENE)))
        self.server = server
        self.transfers = Transfers(self.home, None, TransferSettings(), lambda: "")
        self.room = self.transfers.room = RoomOf(self.home, FREE)
        self.intake = Intake(self.home, self.home / ".incoming", self.room, 10**9)

    async def put(self, size: int = SIZE) -> None:
        async def blocks() -> AsyncIterator[bytes]:
            yield bytes(size)

        request = Request("PUT", "/files/a", content=Content(size, blocks()))
        async with self.transfers.receiving(request, ("a",)) as file:
            await file.place(("a",), replace=False)

    async def fetch(self) -> None:
        web = Web(parse_networks("127.0.0.0/8"), self.server.ca_file)
        target, limits = self.home / "fetched", Limits(10**9, DEADLINE_SECONDS)
        with self.room.reservation("the scene") as reservation:
            await Fetch(web, self.server.url("/a.blend"), "", target, limits, reservation, lambda _: None).run()

    async def copy(self) -> None:
        with self.room.reservation("the scene") as reservation:
            copied = self.intake.make_folder() / "copied"
            await asyncio.to_thread(copy_from_volume, self.mount, "cart.blend", copied, 10**9, reservation)

    async def unpack(self) -> None:
        blender = BlenderVersion("4.3.2", (4, 3, 32))
        await asyncio.to_thread(self.intake.take_in, self.archive, "cart.zip", blender)


WAYS = [Home.put, Home.fetch, Home.copy, Home.unpack]


async def without_length(answering: Answering) -> None:
    await answering.send(b"HTTP/1.1 200 OK\r\n\r\n" + SCENE)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
async def test_nothing_takes_the_room_of_an_upload_that_has_begun(tmp_path: Path, way: object) -> None:
    with tls_server(tmp_path, without_length) as server:
        home = Home(tmp_path, server)
        may_go_on = asyncio.Event()

        async def slowly() -> AsyncIterator[bytes]:
            await may_go_on.wait()
            yield bytes(SIZE)

        async with AsyncExitStack() as stack:
            request = Request("PUT", "/files/first", content=Content(SIZE, slowly()))
            first = asyncio.create_task(stack.enter_async_context(home.transfers.receiving(request)))
            await until_so("the upload has begun", lambda: bool(names_below(home.home)))
            with pytest.raises((Refused, NoRoom), match="There is no room for"):
                await way(home)  # type: ignore[operator]
            may_go_on.set()
            await first
        # Nobody placed it, so it is gone.
        await way(home)  # type: ignore[operator]
    assert home.room.used() <= FREE


async def test_all_ways_at_once_never_fill_the_folder(tmp_path: Path) -> None:
    with tls_server(tmp_path, without_length) as server:
        home = Home(tmp_path, server)
        outcomes = await asyncio.gather(*(way(home) for way in WAYS), return_exceptions=True)
        refused = [outcome for outcome in outcomes if outcome is not None]
        assert all(isinstance(each, NoRoom | Refused) for each in refused), refused
        assert len(refused) >= len(WAYS) - 1
        assert home.room.used() <= FREE


async def test_an_upload_leaves_what_a_save_of_the_open_scene_needs(tmp_path: Path) -> None:
    open_file = tmp_path / "open.blend"
    open_file.write_bytes(b"x")
    transfers = Transfers(tmp_path, None, TransferSettings(), lambda: str(open_file))
    free = Room(tmp_path, None, lambda: "").left().count
    os.truncate(open_file, free)
    request = Request("PUT", "/files/a", content=Content(1, _nothing()))
    with pytest.raises(Refused, match="0 bytes are left on the volume of the home folder, besides what Blender needs"):
        async with transfers.receiving(request):
            pass


async def _nothing() -> AsyncIterator[bytes]:
    yield b""
