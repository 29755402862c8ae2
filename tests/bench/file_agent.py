"""The agent's server with nothing but its files, as a process of its own: `python -m bench.file_agent HOME TOKEN`."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agent.blender import NO_BLENDER, BlenderState
from agent.files.settings import TransferSettings
from agent.files.transfers import Transfers
from agent.routes import respond
from agent.server import serve

if TYPE_CHECKING:
    from agent.messages import Request, Response, Streamed


@dataclass(frozen=True)
class FilesOnly:
    """A desktop that is asked for its files alone."""

    transfers: Transfers
    state: BlenderState = NO_BLENDER


async def run(home: Path, token: str) -> None:
    """Serve until the process ends, and print the port."""
    desktop = FilesOnly(Transfers(home, None, TransferSettings(max_bytes=2**40), lambda: ""))

    async def answer(request: Request) -> Response | Streamed:
        return await respond(request, desktop, token)

    server = await serve(answer, port=0, host="127.0.0.1")
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1]), sys.argv[2]))
