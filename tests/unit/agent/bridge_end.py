"""The bridge's end of the agent's socket, played by a test."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from waiting import DEADLINE_SECONDS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

STATE: dict[str, object] = {
    "type": "state",
    "pid": 42,
    "ready": True,
    "reason": "SceneOnScreen",
    "message": "The scene is on screen.",
    "file": "/home/blender/cart.blend",
    "dirty": True,
    "draws": 17,
    "camera": "Camera",
    "rendering": False,
    "baking": True,
    "playing": False,
}


@dataclass
class BridgeEnd:
    """A connection to the agent's socket."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, *messages: object) -> None:
        """Send messages, one a line."""
        await self.send_bytes(b"".join(json.dumps(message).encode() + b"\n" for message in messages))

    async def send_bytes(self, sent: bytes) -> None:
        """Send anything."""
        self.writer.write(sent)
        await self.writer.drain()

    async def receive(self) -> dict[str, object]:
        """Return the next message of the agent."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            message = json.loads(await self.reader.readline())
        assert isinstance(message, dict)
        return message

    async def is_closed(self) -> bool:
        """Wait until the agent closes the connection."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            try:
                return await self.reader.read() == b""
            except ConnectionError:
                return True

    async def close(self) -> None:
        """End, as a Blender that ends does."""
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except ConnectionError:
            return


@asynccontextmanager
async def connected(path: Path) -> AsyncIterator[BridgeEnd]:
    """Connect to the agent's socket."""
    end = BridgeEnd(*await asyncio.open_unix_connection(path))
    try:
        yield end
    finally:
        await end.close()


async def until_so(what: str, probe: Callable[[], bool]) -> None:
    """Let the event loop run until a condition is true."""
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            # The condition is set by other tasks of this event loop.
            while not probe():  # noqa: ASYNC110
                await asyncio.sleep(0)
    except TimeoutError:
        raise AssertionError(f"not within {DEADLINE_SECONDS:.0f} s: {what}") from None
