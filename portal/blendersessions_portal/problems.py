"""Turns errors into pages that say what is wrong and what to do."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from blendersessions.model.errors import DomainError, Invalid, NotFound, Unauthorised, Unavailable
from blendersessions_portal.csrf import ForgedError

if TYPE_CHECKING:
    from blendersessions_portal.rendering import Renderer

logger = logging.getLogger(__name__)

Handler = Callable[[Request, Exception], Awaitable[Response]]

# Title, HTTP status, whether trying again can help; the first class that fits counts.
_PAGES: dict[type[DomainError], tuple[str, int, bool]] = {
    ForgedError: ("Please try that again from our page", 403, False),
    Invalid: ("That does not work", 400, False),
    NotFound: ("There is no such session", 404, False),
    Unauthorised: ("Not allowed", 502, True),
    Unavailable: ("Not reachable just now", 503, True),
    DomainError: ("That did not work", 500, True),
}


class Problems:
    """The handlers of the application's errors."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer

    def handlers(self) -> dict[int | type[Exception], Handler]:
        """Give what Starlette wants as `exception_handlers`."""
        return {DomainError: self._portal_error, HTTPException: self._http_error, Exception: self._unknown}

    async def _portal_error(self, request: Request, error: Exception) -> Response:
        title, status, can_retry = next(page for kind, page in _PAGES.items() if isinstance(error, kind))
        if status >= 500:
            logger.warning("%s %r: %s", request.method, request.url.path, error)
        text = str(error)
        if isinstance(error, NotFound):
            text = (
                "It may have ended, also by itself after its time or when nobody worked in it, or it belongs to another"
                " browser: a session is seen only where it was started."
            )
        query = f"?{request.url.query}" if request.url.query else ""
        retry = request.url.path + query if can_retry and request.method == "GET" else ""
        return self._renderer.problem(request, title, text, status, retry=retry)

    async def _http_error(self, request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        title = "There is no such page" if status == 404 else f"That did not work ({status})"
        response = self._renderer.problem(request, title, "Go back to the scenes and start from there.", status)
        if isinstance(error, HTTPException) and error.headers:
            response.headers.update(error.headers)
        return response

    async def _unknown(self, request: Request, error: Exception) -> Response:
        text = "The portal made a mistake. Its log says which; tell your administrator if it stays."
        logger.error("%s %r failed by %s", request.method, request.url.path, type(error).__name__)
        return self._renderer.problem(request, "That did not work", text, 500)
