"""The agent's server with nothing but its files, over real sockets."""

from __future__ import annotations

import asyncio
import io
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
import yarl

from agent.blender import NO_BLENDER, BlenderState
from agent.files.settings import TransferSettings
from agent.files.transfers import Transfers
from agent.routes import respond
from agent.server import serve
from agent.streams import STALL_SECONDS
from waiting import DEADLINE_SECONDS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from agent.messages import Request, Response, Streamed
    from agent.thumbnails.routes import Thumbnails

HOST = "127.0.0.1"
TOKEN = "correct-horse-battery"


@dataclass(frozen=True)
class FilesOnly:
    """A desktop that is asked for its files alone."""

    transfers: Transfers
    state: BlenderState = NO_BLENDER
    thumbnails: Thumbnails | None = None


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def message(self) -> str:
        """The sentence of an error."""
        return str(self.json()["message"])

    def json(self) -> Any:  # noqa: ANN401 - what JSON can hold
        """Return the body."""
        return json.loads(self.content)


@dataclass(frozen=True)
class Calls:
    """Calls of a home folder's agent, with its token."""

    home: Path
    port: int
    session: aiohttp.ClientSession

    async def call(self, method: str, path: str, data: bytes | None = None, **headers: str) -> Answer:
        """Send a request. The path is sent as it is."""
        url = yarl.URL(f"http://{HOST}:{self.port}{path}", encoded=True)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        body = None if data is None else io.BytesIO(data)
        async with self.session.request(method, url, data=body, headers=sent) as answer:
            return Answer(answer.status, answer.headers, await answer.read())

    @asynccontextmanager
    async def begun(
        self, method: str, path: str, *headers: str
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """Send the head of a request, and give what is left to the block."""
        reader, writer = await asyncio.open_connection(HOST, self.port)
        lines = [f"{method} {path} HTTP/1.1", "Host: agent", f"Authorization: Bearer {TOKEN}", *headers, "", ""]
        writer.write("\r\n".join(lines).encode())
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                yield reader, writer
        finally:
            writer.transport.abort()


@asynccontextmanager
async def calls_of(
    home: Path,
    settings: TransferSettings | None = None,
    limit_bytes: int | None = None,
    stall_seconds: float = STALL_SECONDS,
    state: BlenderState = NO_BLENDER,
    thumbnails: Thumbnails | None = None,
) -> AsyncIterator[Calls]:
    """Serve a home folder."""
    desktop = FilesOnly(
        Transfers(home, limit_bytes, settings or TransferSettings(), lambda: state.file), state, thumbnails
    )

    async def answer(request: Request) -> Response | Streamed:
        return await respond(request, desktop, TOKEN)

    server = await serve(answer, port=0, host=HOST, stall_seconds=stall_seconds)
    timeout = aiohttp.ClientTimeout(total=DEADLINE_SECONDS)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    try:
        async with aiohttp.ClientSession(headers=headers, timeout=timeout, auto_decompress=False) as session:
            yield Calls(home, server.sockets[0].getsockname()[1], session)
    finally:
        server.close()
        await server.wait_closed()
        # The event loop learns in its next turns which connections the clients have closed.
        for _ in range(20):
            await asyncio.sleep(0)
