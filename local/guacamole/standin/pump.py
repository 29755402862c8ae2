"""Guacamole instructions, moved both ways between a WebSocket and guacd until one side ends."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from guapy import GuacamoleStatus, GuapyError, Instruction, InstructionParser
from guapy.exceptions import GuacdConnectionError

if TYPE_CHECKING:
    from guapy import AsyncioGuacdTransport
    from starlette.websockets import WebSocket

SILENCE_SECONDS = 15.0
"""guacd sends an instruction every few seconds. Guacamole closes a tunnel after this time without one."""


class Pump:
    """The traffic of one tunnel.

    Args:
        socket: The browser's WebSocket, accepted.
        transport: The connection to guacd, after the handshake.
        ended: Set by the application to close the tunnel.
    """

    def __init__(self, socket: WebSocket, transport: AsyncioGuacdTransport, ended: asyncio.Event) -> None:
        self._socket = socket
        self._transport = transport
        self._ended = ended

    async def run(self) -> GuacamoleStatus:
        """Move instructions until one side ends, and return the status that closes the WebSocket.

        Raises:
            WebSocketDisconnect: The browser closed the WebSocket.
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
        # When the application closes the tunnel, the other tasks may end too. Then the application's status counts.
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
        """Answer the browser's ping, which guacd never gets.

        The browser can so distinguish a guacd that hangs from a connection that is lost.
        """
        if instruction.args[:1] == ("ping",):
            await self._socket.send_text(instruction.encode())
