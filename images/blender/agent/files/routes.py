"""Answers the requests about files."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from agent.files.changes import check_upload_target, delete
from agent.files.names import read_path
from agent.files.transfers import Transfers
from agent.messages import Refused, Request, Response, Streamed

PATHS: Final = ("/files/PATH",)
_PREFIX: Final = "/files/"

Handler = Callable[[Request, Transfers], Awaitable[Response | Streamed]]


def methods_of(path: str) -> dict[str, Handler] | None:
    """Return the handlers of a path by their methods, or None if the path is not about files."""
    if path.startswith(_PREFIX):
        return {"PUT": _put, "DELETE": _delete}
    return None


async def _put(request: Request, transfers: Transfers) -> Response:
    transfers.check_upload()
    parts = _file_parts(request)
    await asyncio.to_thread(check_upload_target, transfers.home, parts)
    async with transfers.receiving(request) as file:
        is_new = await file.place(parts)
    return Response(201 if is_new else 204, {})


async def _delete(request: Request, transfers: Transfers) -> Response:
    transfers.check_upload()
    parts = _file_parts(request)
    with transfers.looks.taken():
        await asyncio.to_thread(delete, transfers.home, parts)
    return Response(204, {})


def _file_parts(request: Request) -> tuple[str, ...]:
    parts = read_path(request.raw_path.removeprefix(_PREFIX))
    if not parts:
        raise Refused(400, "Name a file: /files/NAME or /files/FOLDER/NAME.")
    return parts
