"""An agent for the programs that use its files: what docs/interfaces.md says of it, over a folder of the test's own."""

from __future__ import annotations

import hashlib
import io
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aiohttp import web

from contract.served import served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKEN = "token-of-the-agent"


@dataclass
class AgentStandin:
    """The agent's files, its switches, and what it was asked."""

    home: Path
    token: str = TOKEN
    port: int = 0
    uploads: bool = True
    downloads: bool = True
    max_bytes: int = 2**31
    full: bool = False
    """Whether the disk is full."""
    loses_folders: bool = False
    """Whether somebody deletes a folder while a file for it arrives."""
    busy: bool = False
    """Whether there are as many transfers as may be."""
    is_old: bool = False
    """Whether it is the agent of an image that has no files."""
    listing: bytes | None = None
    """Sent in place of a list."""
    breaks_off_after: list[int] = field(default_factory=list)
    """After how many bytes the next downloads break off."""
    content_after_break: bytes | None = None
    """What somebody writes to a file whose download has broken off."""
    opened: list[str] = field(default_factory=list)
    """The scenes that Blender opened."""
    seen: list[tuple[str, str]] = field(default_factory=list)
    """Method and path of each request."""
    ranges: list[str] = field(default_factory=list)
    """The header Range of each download; empty without one."""

    @property
    def address(self) -> str:
        """The base address."""
        return f"http://127.0.0.1:{self.port}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        self.seen.append((request.method, request.path))
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return _refuse(401, "Send the agent's token as a bearer token.")
        if self.is_old:
            return _refuse(404, "The paths are /healthz, /readyz, /status, /save, /notice.")
        if self.busy:
            return _refuse(429, "Four transfers run. Try again.", Retry_After="5")
        match request.method, request.path.split("/")[1], request.path.partition("/")[2].partition("/")[2]:
            case "GET", "files", "":
                return self._list(request.query.get("path", ""))
            case "GET", "files", path:
                return await self._give(request, path)
            case "PUT", "files", path:
                return await self._take(request, path)
            case "DELETE", "files", path:
                return self._delete(path)
            case "GET", "archive", "":
                return self._archive(request.query.get("path", ""))
            case "PUT", "scene", name:
                return await self._scene(request, name)
        return _refuse(404, "There is no such path.")

    def _list(self, path: str) -> web.StreamResponse:
        if self.listing is not None:
            return web.Response(body=self.listing)
        folder = self.home / path
        if not folder.is_dir():
            return _refuse(404, f"There is no folder {path}.")
        files = [
            {
                "name": entry.name,
                "kind": "folder" if entry.is_dir() else "file",
                "bytes": entry.stat().st_size,
                "modified": datetime.fromtimestamp(entry.stat().st_mtime, UTC).isoformat(),
            }
            for entry in sorted(folder.iterdir())
            if not entry.name.startswith(".")
        ]
        return web.json_response({"path": path, "files": files, "truncated": False})

    async def _give(self, request: web.Request, path: str) -> web.StreamResponse:
        self.ranges.append(request.headers.get("Range", ""))
        if not self.downloads:
            return _refuse(403, "The session's class allows no downloads.")
        file = self.home / path
        if not file.is_file():
            return _refuse(404, f"There is no file {path}.")
        body = file.read_bytes()
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        wanted = request.http_range if request.headers.get("If-Range", etag) == etag else slice(None, None)
        partial = wanted.start is not None
        if partial and wanted.start >= len(body):
            return _refuse(416, f"{path} has {len(body)} bytes.")
        sent = body[wanted.start : wanted.stop]
        response = web.StreamResponse(status=206 if partial else 200, headers={"ETag": etag})
        response.content_length = len(sent)
        if partial:
            response.headers["Content-Range"] = f"bytes {wanted.start}-{wanted.start + len(sent) - 1}/{len(body)}"
        await response.prepare(request)
        if self.breaks_off_after:
            await response.write(sent[: self.breaks_off_after.pop(0)])
            assert request.transport is not None
            request.transport.close()
            if self.content_after_break is not None:
                file.write_bytes(self.content_after_break)
            return response
        await response.write(sent)
        return response

    async def _take(self, request: web.Request, path: str) -> web.StreamResponse:
        refused = self._refusal(request)
        if refused is not None:
            return refused
        file = self.home / path
        if file.is_dir():
            return _refuse(409, f"{path} is a folder.")
        if request.headers.get("If-None-Match") == "*" and file.exists():
            return _refuse(412, f"{path} is there already, and was not replaced.")
        body = await request.read()
        new = not file.exists()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(body)
        return web.Response(status=201 if new else 204)

    def _refusal(self, request: web.Request) -> web.StreamResponse | None:
        if not self.uploads:
            return _refuse(403, "The session's class allows no uploads.")
        if request.content_length is None:
            return _refuse(411, "Send the body with its Content-Length.")
        if request.content_length > self.max_bytes:
            return _refuse(413, f"The file is larger than {self.max_bytes} bytes.")
        if self.loses_folders:
            return _refuse(404, "renders: there is no such file or folder.")
        return _refuse(507, "The home folder is full.") if self.full else None

    def _delete(self, path: str) -> web.StreamResponse:
        file = self.home / path
        if file.is_dir():
            if any(file.iterdir()):
                return _refuse(409, f"The folder {path} is not empty.")
            file.rmdir()
            return web.Response(status=204)
        if not file.exists():
            return _refuse(404, f"There is no file {path}.")
        file.unlink()
        return web.Response(status=204)

    def _archive(self, path: str) -> web.StreamResponse:
        if not self.downloads:
            return _refuse(403, "The session's class allows no downloads.")
        folder = self.home / path
        if not folder.is_dir():
            return _refuse(404, f"There is no folder {path}.")
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for file in sorted(folder.rglob("*")):
                archive.write(file, file.relative_to(folder))
        return web.Response(body=packed.getvalue(), content_type="application/zip")

    async def _scene(self, request: web.Request, name: str) -> web.StreamResponse:
        refused = self._refusal(request)
        if refused is not None:
            return refused
        body = await request.read()
        if not name.lower().endswith((".blend", ".zip")) or not body.startswith((b"BLENDER", b"PK")):
            return web.json_response({"message": f"{name} is no .blend.", "reason": "SceneUnreadable"}, status=415)
        (self.home / name).write_bytes(body)
        self.opened.append(name)
        return web.json_response({"file": name})


def _refuse(status: int, message: str, **headers: str) -> web.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.json_response({"message": message}, status=status, headers=named)


@contextmanager
def running_agent(home: Path) -> Iterator[AgentStandin]:
    """Serve an empty home folder on a loopback port while the block runs."""
    home.mkdir(parents=True)
    agent = AgentStandin(home)
    with served(agent.handle) as agent.port:
        yield agent
