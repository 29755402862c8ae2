"""Passes a file of a desktop on to the browser, as fast as the browser takes it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.responses import StreamingResponse

from blendersessions.model.errors import Unavailable

if TYPE_CHECKING:
    from contextlib import AsyncExitStack

    from starlette.types import Receive, Scope, Send

    from blendersessions.clients.transfer import Download

logger = logging.getLogger(__name__)


class Relay(StreamingResponse):
    """The answer with a desktop's file. It ends the transfer from the desktop when the browser goes.

    Args:
        found: the file.
        name: what the browser calls it.
        media_type: what the browser takes it for. It never shows it.
        transfer: closed at the end.
    """

    def __init__(self, found: Download, name: str, media_type: str, transfer: AsyncExitStack) -> None:
        headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}
        if found.etag.isascii() and found.etag.isprintable() and found.etag:
            headers |= {"ETag": found.etag, "Accept-Ranges": "bytes"}
        if found.length is not None:
            headers["Content-Length"] = str(found.length)
        if found.is_partial:
            last = found.first + (found.length or 0) - 1
            headers["Content-Range"] = f"bytes {found.first}-{last}/{'*' if found.total is None else found.total}"
        super().__init__(found.parts(), 206 if found.is_partial else 200, headers, media_type)
        self._name = name
        self._transfer = transfer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer; only its head if the browser asks for that alone."""
        async with self._transfer:
            if scope["method"] == "HEAD":
                await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            else:
                await super().__call__(scope, receive, send)

    async def stream_response(self, send: Send) -> None:
        """Send the file. If it breaks off, the answer is left unfinished, so that the browser knows."""
        try:
            await super().stream_response(send)
        except Unavailable as error:
            logger.warning("The download of %r broke off: %s", self._name, error)
