"""A server that answers as Guacamole does where sockets matter, and closes them at the moments that a test chooses."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

TOKEN = "5EC2E7" * 10
_LOG_IN = {"authToken": TOKEN, "username": "admin", "dataSource": "postgresql"}


@dataclass
class ClosingServer:
    """What the server received, and what it does next."""

    url: str = ""
    received: list[str] = field(default_factory=list)
    """Method and path of each request, in order."""
    headers: list[str] = field(default_factory=list)
    """The head of each request, as it came."""
    connections: int = 0
    """Connections that were opened."""
    breaks: int = 0
    """Connections that are closed when the next request arrives on them, in place of an answer."""
    silent: bool = False
    """Whether requests are received and never answered."""
    resets: bool = False
    """Whether connections are closed by RST in place of FIN."""
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def close_idle(self) -> None:
        """Close all connections, as Tomcat does after 20 seconds without a request."""
        for writer in list(self._open):
            await self._close(writer)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open.add(writer)
        with suppress(asyncio.IncompleteReadError, OSError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = [line for line in head.lower().splitlines() if line.startswith("content-length:")]
                await reader.readexactly(int(length[0].partition(":")[2]) if length else 0)
                method, path, _ = head.split(" ", 2)
                self.received.append(f"{method} {path}")
                self.headers.append(head)
                if self.breaks:
                    self.breaks -= 1
                    break
                if not self.silent:
                    writer.write(_answer(method, path))
                    await writer.drain()
        await self._close(writer)

    async def _close(self, writer: asyncio.StreamWriter) -> None:
        if writer not in self._open:
            return
        self._open.discard(writer)
        if self.resets:
            held = writer.get_extra_info("socket")
            held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def _answer(method: str, path: str) -> bytes:
    body = json.dumps(_LOG_IN if path.endswith("/api/tokens") else {}).encode()
    head = ["HTTP/1.1 200 OK", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    head += ["Set-Cookie: route=a; Path=/", "Location: http://elsewhere.test/"]
    return "\r\n".join([*head, "", ""]).encode() + (b"" if method == "HEAD" else body)


@asynccontextmanager
async def closing_server(tls: ssl.SSLContext | None = None) -> AsyncIterator[ClosingServer]:
    """Run the server on a free port of the loopback interface."""
    state = ClosingServer()
    # A client that keeps its socket does not answer the end of TLS.
    patience = {"ssl_shutdown_timeout": 0.1} if tls else {}
    server = await asyncio.start_server(state.serve, "127.0.0.1", 0, ssl=tls, **patience)
    port = server.sockets[0].getsockname()[1]
    state.url = f"http{'s' if tls else ''}://127.0.0.1:{port}/guacamole/"
    try:
        yield state
    finally:
        server.close()
        await state.close_idle()
        await server.wait_closed()
