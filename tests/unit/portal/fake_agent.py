"""The agent's files as docs/interfaces.md describes them, in memory, for the portal's tests."""

from __future__ import annotations

import asyncio
import hashlib
import io
import threading
import zipfile
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aiohttp import web

from unit.portal.fakes import AGENT_TOKEN
from waiting import DEADLINE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

MOST = 10_000
"""Entries that are listed."""
WRITTEN = datetime(2026, 11, 24, 11, 30, tzinfo=UTC)


class FakeAgent:
    """Keeps files in memory. A test sets what goes wrong."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        """While it is not set, nothing is read of what comes in, and no picture is sent."""
        self.url = ""
        self.forget()

    def forget(self) -> None:
        """Begin anew, without files."""
        self.files: dict[str, bytes] = {}
        self.opened: list[str] = []
        self.refusal: tuple[int, dict[str, str]] | None = None
        """Status and body of the next answers to what goes in."""
        self.withheld = ""
        """Why the next downloads are refused; empty if they are not."""
        self.garbage: bytes | None = None
        """The body of the next answers to what is listed."""
        self.breaks_after: int | None = None
        """After how many bytes a download breaks off."""
        self.cut: list[str] = []
        """Names of what broke off on the way in."""
        self.left: list[str] = []
        """Names of what nobody took to its end."""
        self.screen: bytes | None = None
        """The picture of the screen; None if there is none yet."""
        self.thumbnails: dict[str, bytes] = {}
        """The pictures of files."""
        self.picture_kind = "image/png"
        """What the pictures are called."""
        self.old_will_do: list[bool] = []
        """Whether the requests for the screen took an old picture."""
        self.asked: list[str] = []
        """The requests, as method and path."""
        self.gate.set()

    def application(self) -> web.Application:
        app = web.Application(client_max_size=2**40)
        app.add_routes(
            [
                web.get("/files", self._list),
                web.get("/archive", self._archive),
                web.get("/thumbnail", self._thumbnail),
                web.get("/thumbnail/{path:.+}", self._thumbnail),
                web.get("/files/{path:.+}", self._get),
                web.put("/files/{path:.+}", self._put),
                web.delete("/files/{path:.+}", self._delete),
                web.put("/scene/{name}", self._open),
            ]
        )
        app.middlewares.append(self._authorised)
        return app

    @web.middleware
    async def _authorised(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.path}")
        if request.headers.get("Authorization") != f"Bearer {AGENT_TOKEN}":
            return _refuse(401, "Send the agent's token.")
        return await handler(request)

    async def _list(self, request: web.Request) -> web.StreamResponse:
        if self.garbage is not None:
            return web.Response(body=self.garbage)
        folder = request.query.get("path", "")
        prefix = f"{folder}/" if folder else ""
        entries: dict[str, dict[str, object]] = {}
        for path, content in sorted(self.files.items()):
            if path.startswith(prefix):
                name, deeper, _ = path.removeprefix(prefix).partition("/")
                kind = "folder" if deeper else "file"
                entries[name] = {"name": name, "kind": kind, "bytes": len(content), "modified": WRITTEN.isoformat()}
        if folder and not entries:
            return _refuse(404, f"There is no folder {folder}.")
        listed = {"path": folder, "files": list(entries.values())[:MOST], "truncated": len(entries) > MOST}
        return web.json_response(listed)

    async def _get(self, request: web.Request) -> web.StreamResponse:
        path = request.match_info["path"]
        if self.withheld:
            return _refuse(400, self.withheld)
        if path not in self.files:
            return _refuse(404, f"There is no file {path}.")
        content, headers = self.files[path], {"Accept-Ranges": "bytes", "ETag": self._tag(path)}
        whole, status = request.http_range, 200
        if request.headers.get("If-Range", headers["ETag"]) == headers["ETag"] and whole.start is not None:
            first, last = whole.start, min(whole.stop or len(content), len(content))
            if first >= len(content):
                return _refuse(416, f"The file has {len(content)} bytes.")
            headers["Content-Range"] = f"bytes {first}-{last - 1}/{len(content)}"
            content, status = content[first:last], 206
        headers["Content-Length"] = str(len(content))
        response = web.StreamResponse(status=status, headers=headers)
        await response.prepare(request)
        if self.breaks_after is not None:
            await response.write(content[: self.breaks_after])
            assert request.transport is not None
            request.transport.abort()
            return response
        try:
            for start in range(0, len(content), 2**16):
                await response.write(content[start : start + 2**16])
        except (ConnectionError, asyncio.CancelledError):
            self.left.append(path)
            raise
        return response

    async def _thumbnail(self, request: web.Request) -> web.StreamResponse:
        path = request.match_info.get("path")
        if path is None:
            self.old_will_do.append(request.headers.get("Cache-Control") == "max-stale")
        await asyncio.to_thread(self.gate.wait, DEADLINE_SECONDS)
        content = self.screen if path is None else self.thumbnails.get(path)
        if content is None:
            return _refuse(*((503, "There is no picture yet.") if path is None else (404, f"{path} has no thumbnail.")))
        if path is not None and self.withheld:
            return _refuse(403, self.withheld)
        headers = {"ETag": f'"{hashlib.sha256(content).hexdigest()[:16]}"'}
        if request.headers.get("If-None-Match") == headers["ETag"]:
            return web.Response(status=304, headers=headers)
        return web.Response(body=content, headers=headers | {"Content-Type": self.picture_kind})

    async def _archive(self, request: web.Request) -> web.StreamResponse:
        folder, packed = request.query.get("path", ""), io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for path, content in self.files.items():
                if path.startswith(folder):
                    archive.writestr(path, content)
        response = web.StreamResponse()
        await response.prepare(request)
        content = packed.getvalue()
        await response.write(content if self.breaks_after is None else content[: self.breaks_after])
        if self.breaks_after is not None:
            assert request.transport is not None
            request.transport.abort()
        return response

    async def _put(self, request: web.Request) -> web.StreamResponse:
        path = request.match_info["path"]
        if request.headers.get("If-None-Match") == "*" and path in self.files:
            return _refuse(412, f"{path} is there already, and was not replaced.")
        content = await self._receive(request, path)
        if isinstance(content, web.StreamResponse):
            return content
        new = path not in self.files
        self.files[path] = content
        return web.Response(status=201 if new else 204)

    async def _open(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        content = await self._receive(request, name)
        if isinstance(content, web.StreamResponse):
            return content
        self.files[name] = content
        self.opened.append(name)
        return web.json_response({"file": name})

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        if self.files.pop(request.match_info["path"], None) is None:
            return _refuse(404, "There is no such file.")
        return web.Response(status=204)

    async def _receive(self, request: web.Request, name: str) -> bytes | web.StreamResponse:
        if request.content_length is None:
            return _refuse(411, "Send the length of the file.")
        await asyncio.to_thread(self.gate.wait, DEADLINE_SECONDS)
        if self.refusal is not None:
            status, body = self.refusal
            return web.json_response(body, status=status)
        content = bytearray()
        try:
            async for part in request.content.iter_any():
                content += part
        except (ConnectionError, asyncio.CancelledError, web.RequestPayloadError):
            self.cut.append(name)
            raise
        return bytes(content)

    def _tag(self, path: str) -> str:
        return f'"{hashlib.sha256(self.files[path]).hexdigest()[:16]}"'


def _refuse(status: int, message: str) -> web.Response:
    return web.json_response({"message": message}, status=status)


@contextmanager
def running() -> Iterator[FakeAgent]:
    """Serve an agent on a loopback port, in a thread of its own."""
    agent, loop = FakeAgent(), asyncio.new_event_loop()
    runner = web.AppRunner(agent.application(), shutdown_timeout=0)

    async def start() -> None:
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        agent.url = f"http://127.0.0.1:{runner.addresses[0][1]}"

    thread = threading.Thread(target=loop.run_forever, name="agent", daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(start(), loop).result(DEADLINE_SECONDS)
        yield agent
    finally:
        agent.gate.set()
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(DEADLINE_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(DEADLINE_SECONDS)
        loop.close()
