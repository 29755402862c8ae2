"""A TLS server that says what a test scripts, byte by byte, on an event loop of its own."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from localcluster.pki import Authority

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

Asked = dict[str, str]
"""The headers of a request, by their names in lower case; the path is at the empty name."""


@dataclass
class Answering:
    """What a script can do with one connection."""

    asked: Asked
    _writer: asyncio.StreamWriter
    _ended: asyncio.Event

    async def send(self, content: bytes) -> None:
        """Send bytes as they are."""
        self._writer.write(content)
        await self._writer.drain()

    async def respond(self, status: str, content: bytes = b"", *headers: str, length: int | None = None) -> None:
        """Send a response, by default with its length."""
        lines = [
            f"HTTP/1.1 {status}",
            f"Content-Length: {len(content) if length is None else length}",
            *headers,
            "",
            "",
        ]
        await self.send("\r\n".join(lines).encode() + content)

    async def hang(self) -> None:
        """Do nothing until the server ends."""
        await self._ended.wait()


@dataclass
class TlsServer:
    """A server that runs."""

    host: str
    port: int
    ca_file: Path
    asked: list[Asked] = field(default_factory=list)
    """What was asked so far."""

    def url(self, path: str, host: str = "") -> str:
        """Return the address of a path, by default at the server's own address."""
        return f"https://{host or self.host}:{self.port}{path}"


@contextmanager
def tls_server(
    folder: Path,
    script: Callable[[Answering], Awaitable[None]],
    host: str = "127.0.0.1",
    *names: str,
    listener: socket.socket | None = None,
) -> Iterator[TlsServer]:
    """Answer each connection by a script, for the block.

    Args:
        folder: where the certificates are written.
        script: answers one request.
        host: the address to listen on.
        names: names that the certificate is for, besides the address.
        listener: a socket that is bound to the address already, for instance in another network namespace.
    """
    authority = Authority.create(dt.datetime.now(dt.UTC))
    ca_file, _ = authority.pair.write(folder, "ca")
    pair = authority.issue("scenes", hosts=[host, *names], now=dt.datetime.now(dt.UTC))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair.write(folder, "server"))
    loop = asyncio.new_event_loop()
    server = TlsServer(host, 0, ca_file)
    ended = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.split("\r\n")
            asked = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}
            asked[""] = first.split(" ")[1]
            server.asked.append(asked)
            await script(Answering(asked, writer, ended))
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            writer.close()

    async def begin() -> asyncio.Server:
        if listener is not None:
            return await asyncio.start_server(answer, sock=listener, ssl=context)
        return await asyncio.start_server(answer, host, 0, ssl=context)

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    listening = asyncio.run_coroutine_threadsafe(begin(), loop).result()
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(_end(listening, ended), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end(listening: asyncio.Server, ended: asyncio.Event) -> None:
    ended.set()
    listening.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await abort_connections()


async def abort_connections() -> None:
    """Close all connections of the running loop, which may end before the other sides have ended theirs."""
    # Nobody waits for a client to end its side of TLS. Connections that came to no request are known to the loop only.
    transports = asyncio.get_running_loop()._transports  # type: ignore[attr-defined]
    for transport in list(transports.values()):
        transport.abort()
    for _ in range(20):
        await asyncio.sleep(0)
