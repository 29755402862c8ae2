"""Renders errors as pages that explain what is wrong and what to do."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from blendersessions.model.errors import (
    AlreadyThere,
    Conflict,
    DomainError,
    Invalid,
    NotFound,
    System,
    Unauthorised,
    Unavailable,
)
from blendersessions_portal.csrf import ForgedError
from blendersessions_portal.uploads import LengthMissingError, TooLargeError

if TYPE_CHECKING:
    from blendersessions_portal.rendering import Renderer

logger = logging.getLogger(__name__)

Handler = Callable[[Request, Exception], Awaitable[Response]]


class FullError(DomainError):
    """All visitors together have as many sessions as they may."""


# Title, HTTP status, and whether another try can help. The first class that matches is used.
_PAGES: dict[type[DomainError], tuple[str, int, bool]] = {
    ForgedError: ("Please try that again from our page", 403, False),
    FullError: ("All places are taken", 503, False),
    Invalid: ("This cannot be done", 400, False),
    TooLargeError: ("The file is too large", 413, False),
    LengthMissingError: ("The file was not taken", 411, False),
    NotFound: ("There is no such session", 404, False),
    AlreadyThere: ("The file was not taken", 412, False),
    Conflict: ("This cannot be done", 409, False),
    Unauthorised: ("Not allowed", 502, True),
    Unavailable: ("Not available right now", 503, True),
    DomainError: ("Something went wrong", 500, True),
}

_OF_THE_CLUSTER: dict[type[DomainError], str] = {
    Invalid: "The cluster does not accept this. Go back to the scenes and start from there.",
    Unauthorised: "The cluster refuses this. There may be too many sessions: stop one that you no longer need.",
    Unavailable: "The cluster does not answer. Try again in a moment.",
    DomainError: "The cluster could not do this. Try again in a moment.",
}
"""What a visitor reads in place of the API server's words, which name objects, accounts and limits of the cluster."""
_LOG_HAS_MORE = " If this does not help, tell your administrator: the portal's log has the reason."


class Problems:
    """The application's error handlers."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer

    def handlers(self) -> dict[int | type[Exception], Handler]:
        """Return the handlers, in the form of Starlette's `exception_handlers`."""
        return {DomainError: self._domain_error, HTTPException: self._http_error, Exception: self._unexpected_error}

    async def _domain_error(self, request: Request, error: Exception) -> Response:
        title, status, can_retry = next(page for kind, page in _PAGES.items() if isinstance(error, kind))
        of_the_cluster = isinstance(error, DomainError) and error.system is System.KUBERNETES
        if status >= 500 or of_the_cluster:
            logger.warning("%s %r: %s", request.method, request.url.path, error)
        text = str(error)
        if of_the_cluster:
            text = next(words for kind, words in _OF_THE_CLUSTER.items() if isinstance(error, kind)) + _LOG_HAS_MORE
        if isinstance(error, NotFound) and error.system is System.AGENT:
            title = "There is no such file"
        elif isinstance(error, NotFound):
            text = (
                "It may have ended: a session ends when its time is over, or when nobody works in it. Or it was"
                " started in another browser: only that browser can see it."
            )
        if request.method == "PUT":
            # Only our scripts send it, and they show the sentence.
            return JSONResponse({"message": text}, status)
        query = f"?{request.url.query}" if request.url.query else ""
        retry = request.url.path + query if can_retry and request.method == "GET" else ""
        return self._renderer.problem(request, title, text, status, retry=retry)

    async def _http_error(self, request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        title = "There is no such page" if status == 404 else f"Something went wrong ({status})"
        response = self._renderer.problem(request, title, "Go back to the scenes and start from there.", status)
        if isinstance(error, HTTPException) and error.headers:
            response.headers.update(error.headers)
        return response

    async def _unexpected_error(self, request: Request, error: Exception) -> Response:
        text = "The portal made an error. Try again. If it stays, tell your administrator: the log has the details."
        logger.error("%s %r failed by %s", request.method, request.url.path, type(error).__name__)
        return self._renderer.problem(request, "Something went wrong", text, 500)
