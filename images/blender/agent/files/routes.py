"""Answers the requests about files."""

import asyncio
import functools
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, Protocol

from agent.blender import BlenderState
from agent.files.archive import blocks_of_archive
from agent.files.changes import delete
from agent.files.folders import open_file, open_folder
from agent.files.listing import list_folder
from agent.files.names import Parts, composed, read_path
from agent.files.ranges import Span, attachment_headers, download_headers, read_range, wants_range
from agent.files.sending import blocks_in_threads, blocks_of_file
from agent.files.transfers import Transfers
from agent.messages import Refused, Request, Response, Streamed

PATHS: Final = ("/files", "/files/PATH", "/archive")
_PREFIX: Final = "/files/"

Handler = Callable[[Request, Transfers], Awaitable[Response | Streamed]]


class HasBlender(Protocol):
    """The desktop."""

    @property
    def state(self) -> BlenderState:
        """The last report of the bridge."""


def methods_of(path: str, desktop: HasBlender) -> dict[str, Handler] | None:
    """Return the handlers of a path by their methods, or None if the path is not about files."""
    if path == "/files":
        return {"GET": _list}
    if path == "/archive":
        return {"GET": _archive}
    if path.startswith(_PREFIX):
        return {"GET": _get, "PUT": functools.partial(_put, desktop), "DELETE": _delete}
    return None


async def _list(request: Request, transfers: Transfers) -> Streamed:
    parts = _folder_parts(request)
    async with AsyncExitStack() as stack:
        # Until it is sent: a long list takes some memory.
        stack.enter_context(transfers.looks.taken())
        body = await asyncio.to_thread(_listed, transfers, parts)
        close = stack.pop_all().aclose
    return Streamed(200, {"Content-Type": "application/json"}, len(body), _only(body), close)


def _listed(transfers: Transfers, parts: Parts) -> bytes:
    return json.dumps(list_folder(transfers.home, parts), ensure_ascii=False).encode()


async def _get(request: Request, transfers: Transfers) -> Streamed:
    transfers.check_download()
    parts = _file_parts(request)
    async with AsyncExitStack() as stack:
        stack.enter_context(transfers.transfers.taken())
        file = await asyncio.to_thread(open_file, transfers.home, parts)
        stack.callback(os.close, file.descriptor)
        size = file.status.st_size
        transfers.check_download_size(parts[-1], size)
        headers = download_headers(file.name, file.status)
        wanted = wants_range(request.headers.get("if-range"), headers["ETag"])
        span = read_range(request.headers.get("range"), size) if wanted else None
        if span is not None:
            headers["Content-Range"] = span.content_range(size)
        close = stack.pop_all().aclose
    status, sent = (200, Span(0, size)) if span is None else (206, span)
    return Streamed(status, headers, sent.length, blocks_of_file(file, sent), close)


async def _archive(request: Request, transfers: Transfers) -> Streamed:
    transfers.check_download()
    parts = _folder_parts(request)
    async with AsyncExitStack() as stack:
        stack.enter_context(transfers.transfers.taken())
        folder = await asyncio.to_thread(open_folder, transfers.home, parts)
        stack.callback(os.close, folder)
        blocks = blocks_of_archive(folder, transfers.settings.max_bytes)
        stack.push_async_callback(asyncio.to_thread, blocks.close)
        close = stack.pop_all().aclose
    headers = {"Content-Type": "application/zip"} | attachment_headers(f"{parts[-1] if parts else 'home'}.zip")
    return Streamed(200, headers, None, blocks_in_threads(blocks), close)


async def _put(desktop: HasBlender, request: Request, transfers: Transfers) -> Response:
    transfers.check_upload()
    parts = _file_parts(request)
    _check_not_open(desktop.state.file, transfers.home, parts)
    # RFC 9110, section 13.1.2.
    replace = request.headers.get("if-none-match", "").strip() != "*"
    async with transfers.receiving(request, parts, replace=replace) as file:
        # It may have been opened meanwhile.
        _check_not_open(desktop.state.file, transfers.home, parts)
        is_new = await file.place(parts, replace=replace)
    return Response(201 if is_new else 204, {})


async def _delete(request: Request, transfers: Transfers) -> Response:
    transfers.check_upload()
    parts = _file_parts(request)
    with transfers.looks.taken():
        await asyncio.to_thread(delete, transfers.home, parts)
    return Response(204, {})


def _check_not_open(open_file: str, home: Path, parts: Parts) -> None:
    if composed(open_file) == composed(str(home.joinpath(*parts))):
        raise Refused(
            409,
            f"{'/'.join(parts)} is open in Blender, and its next save would replace the upload. Choose another name, "
            "or have Blender open the upload.",
        )


async def _only(block: bytes) -> AsyncIterator[bytes]:
    yield block


def _file_parts(request: Request) -> Parts:
    parts = read_path(request.raw_path.removeprefix(_PREFIX))
    if not parts:
        raise Refused(400, "Name a file: /files/NAME or /files/FOLDER/NAME.")
    return parts


def _folder_parts(request: Request) -> Parts:
    """Return the folder that `?path=` names; without it, the home folder. A plus is a space, as in a form."""
    fields = [field.partition("=") for field in request.raw_query.split("&")]
    values = [value for name, _, value in fields if name == "path"]
    if len(values) > 1:
        raise Refused(400, "Name one folder: ?path=FOLDER.")
    return read_path(values[0].replace("+", " ")) if values else ()
