"""The bodies of transfers with a desktop, streamed in both directions."""

from __future__ import annotations

import asyncio
import contextlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import aiohttp

from blendersessions.model.errors import Invalid, System, Unavailable
from blendersessions.model.fields import foreign_text

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator

STALL_SECONDS: Final = 60.0
"""A transfer of which nothing moves for this time has failed."""
ANSWER_SECONDS: Final = 300.0
"""How long the agent may take over a whole file: it writes it to the disk, and has Blender open a scene."""
_MAX_TAG_CHARACTERS: Final = 200
_CONTENT_RANGE: Final = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)")
"""RFC 9110, section 14.4."""


@dataclass(frozen=True)
class Download:
    """A body that comes in.

    Attributes:
        first: place of its first byte in the file.
        length: how many bytes come; None if that is not known.
        total: the size of the whole file; None if that is not known.
        etag: changes with the file's content; empty if the agent sends none.
        is_partial: whether the agent answered a range.
    """

    first: int
    length: int | None
    total: int | None
    etag: str
    is_partial: bool
    _response: aiohttp.ClientResponse = field(repr=False)

    async def parts(self) -> AsyncIterator[bytes]:
        """Yield the body. It is read as fast as the parts are taken.

        Raises:
            Unavailable: it broke off, or nothing comes any more.
        """
        try:
            async for part in self._response.content.iter_any():
                yield part
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise Unavailable(f"The transfer broke off ({type(error).__name__}).", System.AGENT) from error


def download_in(response: aiohttp.ClientResponse) -> Download | None:
    """Return the body of a successful answer; None if the answer does not say which part of the file it is."""
    etag, length = foreign_text(response.headers.get("ETag"), _MAX_TAG_CHARACTERS), response.content_length
    if response.status != 206:
        return Download(0, length, length, etag, is_partial=False, _response=response)
    match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range") or "")
    if match is None or int(match[2]) < int(match[1]):
        return None
    first, length, total = int(match[1]), int(match[2]) - int(match[1]) + 1, match[3]
    return Download(first, length, None if total == "*" else int(total), etag, is_partial=True, _response=response)


class UploadBody:
    """A body that goes out. It ends in an error if its length is not the one that was promised."""

    def __init__(self, source: AsyncIterable[bytes], length: int) -> None:
        self._source = source
        self._length = length
        self.failure: Exception | None = None
        """Why the body could not be read to its end. The client of HTTP reports it as an error of the connection."""

    async def parts(self, stalled: asyncio.Timeout) -> AsyncGenerator[bytes, None]:
        """Yield the parts. The time-out counts while the agent takes one, and until it answers."""
        sent = 0
        try:
            _restart(stalled, None)
            async for part in self._source:
                sent += len(part)
                if sent > self._length:
                    break
                _restart(stalled, STALL_SECONDS)
                yield part
                _restart(stalled, None)
        except Exception as error:
            self.failure = error
            raise
        if sent != self._length:
            has = "more" if sent > self._length else f"only {sent}"
            text = f"The file changed while it was sent. {self._length} bytes were announced, and it has {has}."
            self.failure = Invalid(text, System.OWN)
            raise self.failure
        _restart(stalled, ANSWER_SECONDS)


def _restart(timeout: asyncio.Timeout, seconds: float | None) -> None:
    # A time-out that has ended the transfer meanwhile cannot be changed any more.
    with contextlib.suppress(RuntimeError):
        timeout.reschedule(None if seconds is None else asyncio.get_running_loop().time() + seconds)
