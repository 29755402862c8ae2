"""The headers of every response, and the access log. Both wrap the whole application."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger(__name__)

_STATIC_PATH = "/static/"
_HEALTH_PATHS = {"/healthz", "/readyz"}
_READING_METHODS = {"GET", "HEAD"}


_POLICY = "Content-Security-Policy"


class SecurityHeaders:
    """Lets pages load the portal's own files only, and keeps pages out of frames and caches.

    A response that has a policy of its own keeps it.

    Args:
        app: the application.
        form_targets: origins, besides the portal's own, to which the answer of a form may redirect.
    """

    def __init__(self, app: ASGIApp, *, form_targets: tuple[str, ...] = ()) -> None:
        self._app = app
        targets = " ".join(("'self'", *form_targets))
        self._policy = (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
            f" form-action {targets}; base-uri 'none'; frame-ancestors 'none'"
        )
        self._headers = {
            "Cross-Origin-Opener-Policy": "same-origin",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the headers to the response."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        caching = "public, max-age=86400" if scope["path"].startswith(_STATIC_PATH) else "no-store"

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(self._headers)
                headers.setdefault(_POLICY, self._policy)
                if message["status"] >= 400:
                    headers["Cache-Control"] = "no-store"
                else:
                    headers.setdefault("Cache-Control", caching)
            await send(message)

        await self._app(scope, receive, send_with_headers)


class AccessLog:
    """Logs one line for each request, without the query, the cookies and the target of a redirect.

    A request that changes something or fails is logged at INFO, any other at DEBUG.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Log the request after its response."""
        if scope["type"] != "http" or scope["path"] in _HEALTH_PATHS:
            await self._app(scope, receive, send)
            return
        started = time.monotonic()
        status = 500

        async def send_and_read_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_and_read_status)
        finally:
            level = logging.DEBUG if scope["method"] in _READING_METHODS and status < 400 else logging.INFO
            milliseconds = (time.monotonic() - started) * 1000
            logger.log(level, "%s %r %d %.0f ms", scope["method"], scope["path"], status, milliseconds)
