"""Moving instructions between a WebSocket and guacd, both ways, until one side ends."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from guapy import GuacamoleStatus, GuapyError, Instruction, InstructionParser
from guapy.exceptions import GuacdConnectionError

if TYPE_CHECKING:
    from guapy import AsyncioGuacdTransport
    from starlette.websockets import WebSocket

SILENCE_SECONDS = 15.0
"""guacd says something every few seconds; after this long without a word the tunnel is over, as in the original."""


class Pump:
    """One tunnel's traffic."""

    def __init__(self, socket: WebSocket, transport: AsyncioGuacdTransport, ended: asyncio.Event) -> None:
        self._socket = socket
        self._transport = transport
        self._ended = ended

    async def run(self) -> GuacamoleStatus:
        """Move instructions until one side ends; return what to close the WebSocket with.

        Raises:
            WebSocketDisconnect: The browser went away.
        """
        tasks: list[asyncio.Task[GuacamoleStatus]] = [
            asyncio.create_task(self._to_browser()),
            asyncio.create_task(self._to_guacd()),
            asyncio.create_task(self._wait_for_end()),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        # Whoever closes a tunnel from our side wins over what the closing itself stirs up.
        return min(done, key=tasks[::-1].index).result()

    async def _wait_for_end(self) -> GuacamoleStatus:
        await self._ended.wait()
        return GuacamoleStatus.SUCCESS

    async def _to_browser(self) -> GuacamoleStatus:
        while True:
            try:
                async with asyncio.timeout(SILENCE_SECONDS):
                    instruction = await self._transport.receive()
            except TimeoutError:
                return GuacamoleStatus.UPSTREAM_TIMEOUT
            except GuacdConnectionError:
                return GuacamoleStatus.SUCCESS
            except GuapyError as error:
                return error.status
            if instruction is None:
                return GuacamoleStatus.SUCCESS
            await self._socket.send_text(instruction.encode())

    async def _to_guacd(self) -> GuacamoleStatus:
        parser = InstructionParser()
        while True:
            try:
                for instruction in parser.feed(await self._socket.receive_text()):
                    if instruction.opcode == "":
                        await self._answer(instruction)
                    else:
                        await self._transport.send(instruction)
            except GuacdConnectionError:
                return GuacamoleStatus.SUCCESS
            except GuapyError as error:
                return error.status

    async def _answer(self, instruction: Instruction) -> None:
        """Answer a ping ourselves, so that the browser knows a stuck guacd from a dead line."""
        if instruction.args[:1] == ("ping",):
            await self._socket.send_text(instruction.encode())
