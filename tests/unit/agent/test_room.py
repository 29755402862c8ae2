"""Uploads do not fill the home folder together."""

from __future__ import annotations

import asyncio
import threading
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from agent.files.room import Room
from agent.files.settings import TransferSettings
from agent.files.transfers import Transfers
from agent.messages import Content, Refused, Request
from unit.agent.bridge_end import until_so

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

FREE_BYTES = 100
LARGE_BYTES = 60


def upload() -> Request:
    async def blocks() -> AsyncIterator[bytes]:
        yield bytes(LARGE_BYTES)

    return Request("PUT", "/files/a", content=Content(LARGE_BYTES, blocks()))


async def test_an_upload_that_ends_while_the_folder_is_measured_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    transfers = Transfers(tmp_path, None, TransferSettings())
    monkeypatch.setattr(Room, "free_bytes", lambda _: FREE_BYTES)
    begun, may_end = threading.Event(), threading.Event()

    def measure_slowly(_: Room) -> int:
        begun.set()
        may_end.wait()
        return FREE_BYTES

    async def receive() -> None:
        async with transfers.receiving(upload()):
            pass

    async with AsyncExitStack() as first:
        await first.enter_async_context(transfers.receiving(upload()))
        monkeypatch.setattr(Room, "free_bytes", measure_slowly)
        second = asyncio.create_task(receive())
        await until_so("the folder is measured", begun.is_set)
    may_end.set()
    with pytest.raises(Refused, match="There is no room for 60 bytes: 40 are free"):
        await second
