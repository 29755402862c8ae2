"""The pictures of files: a few are made at a time, and the last ones are kept."""

import asyncio
import os
import sys
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from agent.files.folders import OpenFile, open_file
from agent.files.names import Parts
from agent.files.ranges import etag_of, modified_seconds
from agent.messages import Refused
from agent.thumbnails.maker.program import NoPicture
from agent.thumbnails.making import NotMade
from agent.thumbnails.thumbnail import Thumbnail
from scene.names import BLEND

AT_ONCE: Final = 2
WAITING: Final = 64
"""A page of a list asks for many at the same time. More than these are asked to come again."""
WAIT_SECONDS: Final = 10.0
KEPT: Final = 128
"""With at most 24 KiB each."""
_RETRY: Final = {"Retry-After": "5"}
_KINDS: Final = {BLEND: "blend", ".png": "picture", ".jpg": "picture", ".jpeg": "picture"}
_ENDINGS: Final = ", ".join(_KINDS)


class FileThumbnails:
    """Has pictures of files made.

    Args:
        make: makes the picture of an open file of this kind. It raises `NoPicture` and `NotMade`.
        seconds: how long a request waits for its turn.
    """

    def __init__(self, make: Callable[[str, int], Awaitable[bytes]], seconds: float = WAIT_SECONDS) -> None:
        self._make = make
        self._seconds = seconds
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0
        self._kept: OrderedDict[str, bytes | str] = OrderedDict()
        """The pictures, or why there is none, by the files' tags."""

    async def of(self, home: Path, parts: Parts) -> Thumbnail:
        """Return the picture of a file.

        Args:
            home: the home folder.
            parts: the file below it.

        Raises:
            Refused: there is no such file, it has no picture, or too many are asked for.
        """
        kind = _KINDS.get(os.path.splitext(parts[-1])[1].lower())  # noqa: PTH122 - it is a name, and no path
        if kind is None:
            raise Refused(404, f"{parts[-1]} has no thumbnail. Files have one whose names end with: {_ENDINGS}.")
        async with self._turn(), _opened(home, parts) as file:
            etag = etag_of(file.status)
            if etag not in self._kept:
                self._keep(etag, await self._made(kind, file))
            self._kept.move_to_end(etag)
            found = self._kept[etag]
        if isinstance(found, str):
            raise Refused(404, f"{parts[-1]} has no thumbnail. {found}")
        return Thumbnail(found, etag, modified_seconds(file.status))

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        if self._waiting >= WAITING:
            raise Refused(429, f"At most {WAITING} thumbnails wait at a time. Try again in a moment.", headers=_RETRY)
        self._waiting += 1
        try:
            async with asyncio.timeout(self._seconds):
                await self._turns.acquire()
        except TimeoutError:
            raise _busy() from None
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._turns.release()

    async def _made(self, kind: str, file: OpenFile) -> bytes | str:
        try:
            return await self._make(kind, file.descriptor)
        except NoPicture as reason:
            return str(reason)
        except NotMade as error:
            print(error, file=sys.stderr)  # noqa: T201
            raise _busy() from None

    def _keep(self, etag: str, made: bytes | str) -> None:
        self._kept[etag] = made
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)


@asynccontextmanager
async def _opened(home: Path, parts: Parts) -> AsyncIterator[OpenFile]:
    file = await asyncio.to_thread(open_file, home, parts)
    try:
        yield file
    finally:
        os.close(file.descriptor)


def _busy() -> Refused:
    return Refused(503, "The thumbnail was not made in time. Try again in a moment.", headers=_RETRY)
