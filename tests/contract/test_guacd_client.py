"""The operator's check of guacd, in guacd's own protocol."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from blendersessions.clients import guacd
from blendersessions.clients.guacd import check_guacd
from blendersessions.model.errors import Unavailable
from contract.fake_guacd import fake_guacd
from ports import HeldPort

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def check(serve: Serve) -> None:
    """Check what a server does that serves one connection so."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        await check_guacd("127.0.0.1", server.sockets[0].getsockname()[1])


async def test_a_guacd_that_serves_passes() -> None:
    with fake_guacd() as serving:
        await check_guacd("127.0.0.1", serving.port)


async def test_it_is_left_with_nothing_to_wait_for() -> None:
    """`connect` without arguments ends the process that guacd started for the check; the end of the line would not."""
    sent: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b";")
        writer.write(b"4.args,13.VERSION_1_3_0,8.hostname;")
        sent.set_result(await reader.read())
        writer.close()

    await check(serve)
    assert await sent == b"7.connect;"


async def test_a_port_that_nobody_listens_on_fails() -> None:
    with HeldPort() as port, pytest.raises(Unavailable, match=f"127.0.0.1:{port.number} does not answer"):
        await check_guacd("127.0.0.1", port.number)


@pytest.mark.parametrize("answer", [b"", b"4.args", b"HTTP/1.1 400 Bad Request;", b"5.error,0.,3.519;", b"x" * 100_000])
async def test_another_answer_fails(answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b";")
        writer.write(answer)
        writer.close()

    with pytest.raises(Unavailable):
        await check(serve)


async def test_a_silent_one_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guacd, "TIMEOUT_SECONDS", 0.01)
    hung_up = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        hung_up.set()

    with pytest.raises(Unavailable, match="does not answer"):
        await check(serve)
    await hung_up.wait()
