"""Answers the requests for pictures."""

import functools
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, Protocol

from agent.files.names import read_path
from agent.files.transfers import Transfers
from agent.messages import Refused, Request, Response, Streamed
from agent.thumbnails.files import FileThumbnails
from agent.thumbnails.screen import Screen

PATHS: Final = ("/thumbnail", "/thumbnail/PATH")
_PREFIX: Final = "/thumbnail/"
_MAY_BE_OLD: Final = re.compile(r"(^|,)\s*max-stale\s*(,|$)", re.IGNORECASE)
"""RFC 9111, section 5.2.1.2, without a number."""

Handler = Callable[[Request, Transfers], Awaitable[Response | Streamed]]


class Thumbnails(Protocol):
    """What has pictures made."""

    @property
    def screen(self) -> Screen:
        """The picture of the screen."""

    @property
    def files(self) -> FileThumbnails:
        """Those of files."""


class HasThumbnails(Protocol):
    """The desktop."""

    @property
    def thumbnails(self) -> Thumbnails:
        """What has pictures made."""


def methods_of(path: str, desktop: HasThumbnails) -> dict[str, Handler] | None:
    """Return the handlers of a path by their methods, or None if the path is not about pictures."""
    if path == "/thumbnail":
        return {"GET": functools.partial(_screen, desktop.thumbnails.screen)}
    if path.startswith(_PREFIX):
        return {"GET": functools.partial(_file, desktop.thumbnails.files)}
    return None


async def _screen(screen: Screen, request: Request, _transfers: Transfers) -> Response | Streamed:
    found = await screen.current(may_be_old=bool(_MAY_BE_OLD.search(request.headers.get("cache-control", ""))))
    return _answer(request, found.headers(), found.thumbnail.content)


async def _file(files: FileThumbnails, request: Request, transfers: Transfers) -> Response | Streamed:
    transfers.check_download()
    parts = read_path(request.raw_path.removeprefix(_PREFIX))
    if not parts:
        raise Refused(400, "Name a file: /thumbnail/NAME or /thumbnail/FOLDER/NAME. /thumbnail is that of the screen.")
    found = await files.of(transfers.home, parts)
    return _answer(request, found.headers(), found.content)


def _answer(request: Request, headers: dict[str, str], content: bytes) -> Response | Streamed:
    known = (each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(","))
    if headers["ETag"] in known:
        return Response(304, {}, headers)
    return Streamed(200, headers, len(content), _blocks(content), _nothing)


async def _blocks(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def _nothing() -> None:
    """Give nothing back: the picture is kept."""
