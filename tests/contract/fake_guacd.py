"""A small guacd: it performs the handshake, keeps the arguments, and sends the instructions that a test gives."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from guapy import AsyncioGuacdTransport, Instruction

from waiting import DEADLINE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator

ARGS = ("VERSION_1_5_0", "hostname", "port", "password", "read-only", "color-depth")
COLOUR = (200, 30, 60)
"""Of the desktop that it draws."""


@dataclass
class GuacdConnection:
    """One connection that the fake guacd serves."""

    selected: str
    arguments: dict[str, str]
    capabilities: dict[str, tuple[str, ...]]
    identifier: str
    transport: AsyncioGuacdTransport = field(repr=False)
    received: queue.Queue[Instruction] = field(default_factory=queue.Queue, repr=False)

    def next(self) -> Instruction:
        """Wait for the browser's next instruction, and return it."""
        try:
            return self.received.get(timeout=DEADLINE_SECONDS)
        except queue.Empty:
            raise AssertionError(f"not within {DEADLINE_SECONDS:.0f} s: the browser sends an instruction") from None


class FakeGuacd:
    """Listens on a loopback port in a thread of its own."""

    def __init__(self) -> None:
        self._connections: queue.Queue[GuacdConnection] = queue.Queue()
        self.port = 0
        self.ready = True
        """Whether guacd completes a handshake. If not, it does not answer the instruction `connect`."""
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fake-guacd", daemon=True)

    def start(self) -> None:
        """Start listening."""
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._serve, "127.0.0.1", 0), self._loop
        ).result(DEADLINE_SECONDS)
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        """Stop, and close all connections."""

        async def close() -> None:
            self._server.close()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(close(), self._loop).result(DEADLINE_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(DEADLINE_SECONDS)
        self._loop.close()

    def next_connection(self) -> GuacdConnection:
        """Wait for the next connection, and return it."""
        try:
            return self._connections.get(timeout=DEADLINE_SECONDS)
        except queue.Empty:
            raise AssertionError(f"not within {DEADLINE_SECONDS:.0f} s: guacd gets a connection") from None

    def send(self, connection: GuacdConnection, *elements: str) -> None:
        """Send an instruction to the browser."""
        instruction = Instruction.from_elements(elements)
        asyncio.run_coroutine_threadsafe(connection.transport.send(instruction), self._loop).result(DEADLINE_SECONDS)

    def draw(self, connection: GuacdConnection) -> None:
        """Draw a desktop of one colour."""
        self.send(connection, "size", "0", "1280", "720")
        self.send(connection, "rect", "0", "0", "0", "1280", "720")
        self.send(connection, "cfill", "14", "0", *(str(part) for part in COLOUR), "255")
        self.send(connection, "sync", "1700000000000")

    def close_connection(self, connection: GuacdConnection) -> None:
        """Close a connection."""
        asyncio.run_coroutine_threadsafe(connection.transport.close(), self._loop).result(DEADLINE_SECONDS)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        transport = AsyncioGuacdTransport(reader, writer)
        try:
            await self._talk(transport)
        finally:
            self._tasks.discard(task)
            await transport.close()

    async def _talk(self, transport: AsyncioGuacdTransport) -> None:
        select = await transport.receive()
        if select is None:
            return
        await transport.send(Instruction.create("args", *ARGS))
        capabilities: dict[str, tuple[str, ...]] = {}
        while (instruction := await transport.receive()) is not None and instruction.opcode != "connect":
            capabilities[instruction.opcode] = instruction.args
        if instruction is None or len(instruction.args) != len(ARGS):
            # guacd refuses another number of arguments, and closes the connection.
            return
        connection = GuacdConnection(
            selected=select.args[0],
            arguments=dict(zip(ARGS, instruction.args, strict=True)),
            capabilities=capabilities,
            identifier=f"${uuid.uuid4()}",
            transport=transport,
        )
        if not self.ready:
            self._connections.put(connection)
            await transport.receive()
            return
        await transport.send(Instruction.create("ready", connection.identifier))
        await transport.send(Instruction.create("sync", str(int(time.time() * 1000))))
        self._connections.put(connection)
        while (instruction := await transport.receive()) is not None:
            connection.received.put(instruction)


@contextmanager
def fake_guacd() -> Iterator[FakeGuacd]:
    """Run a fake guacd while the block runs."""
    guacd = FakeGuacd()
    guacd.start()
    try:
        yield guacd
    finally:
        guacd.stop()
