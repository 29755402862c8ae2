"""What Guacamole's servlet container does around the application: encoded slashes, trailing slashes, the access log."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from standin.answers import html_response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log = logging.getLogger("standin.access")
READS = ("GET", "HEAD")


class Container:
    """ASGI middleware in front of the application.

    It refuses an encoded slash in a path (recorded: user-get-slash-encoded), drops a trailing slash below ``api``
    (recorded: trailing-slash), and logs each request that may change something.
    """

    def __init__(self, app: ASGIApp, api: str) -> None:
        self._app = app
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on to the application."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if b"%2f" in scope.get("raw_path", b"").lower():
            refusal = html_response(400, "Invalid URI: [The encoded slash character is not allowed]")
            await refusal(scope, receive, send)
            return
        path: str = scope["path"]
        if path.startswith(self._api):
            scope = {**scope, "path": path.rstrip("/")}

        async def logged(message: Message) -> None:
            if message["type"] == "http.response.start" and scope["method"] not in READS:
                _log.info("%s %s %d", scope["method"], redacted(path), message["status"])
            await send(message)

        await self._app(scope, receive, logged)


def redacted(path: str) -> str:
    """Return a request's path with an ellipsis in place of a token."""
    return re.sub(r"(/tokens/)[^/]+", r"\1…", path)
