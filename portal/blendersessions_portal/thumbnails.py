"""The pictures of a session's screen and of its files, passed on to the session's own browser."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from blendersessions.model.errors import DomainError
from blendersessions_portal.file_path import checked_path
from blendersessions_portal.own_session import own_session

if TYPE_CHECKING:
    from starlette.requests import Request

    from blendersessions.clients.thumbnail import Thumbnail
    from blendersessions_portal.identity import Identifier
    from blendersessions_portal.rendering import Renderer
    from blendersessions_portal.session_store import SessionStore
    from blendersessions_portal.session_view import SessionView

logger = logging.getLogger(__name__)

FRESH: Final = "fresh"
"""Query of the screen's picture as it is now. Without it the last picture comes, at once."""
_NOTHING: Final = 204
_HEADERS: Final = {
    # Asked for again each time, with its ETag. Nobody but the browser keeps it.
    "Cache-Control": "private, no-cache",
    # A person made it in a desktop. If it is opened by itself, it can do nothing.
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True)
class ThumbnailPages:
    """The endpoints, and the parts of the portal that they use."""

    identifier: Identifier
    store: SessionStore
    renderer: Renderer

    def routes(self) -> list[Route]:
        """Return the endpoint of each address."""
        base = "/sessions/{name}/thumbnail"
        return [Route(base, self.screen), Route(f"{base}/{{path:path}}", self.file)]

    async def screen(self, request: Request) -> Response:
        """Send the picture of the screen; that of the scene if there is none, which works without scripts.

        A script that asks for a fresh one gets nothing then, and leaves the picture that is on the page.
        """
        _, session = await own_session(request, self.identifier, self.store)
        is_fresh = FRESH in request.query_params
        answer = await self._answer(request, session, "", may_be_old=not is_fresh)
        if answer is not None:
            return answer
        return Response(status_code=_NOTHING) if is_fresh else _instead(self.renderer.scene_picture(session))

    async def file(self, request: Request) -> Response:
        """Send the picture of a file; that of all files if it has none."""
        _, session = await own_session(request, self.identifier, self.store)
        answer = await self._answer(request, session, checked_path(request.path_params["path"]))
        return answer if answer is not None else _instead(self.renderer.file_picture())

    async def _answer(
        self, request: Request, session: SessionView, path: str, *, may_be_old: bool = False
    ) -> Response | None:
        if not session.has_files:
            return None
        known = request.headers.get("if-none-match", "")
        try:
            async with await self.store.desktop_files(session) as files:
                found = await files.thumbnail(path, known, may_be_old=may_be_old)
        except DomainError as error:
            # A page has many, and any of them may be missing for good reasons.
            logger.debug("Session %s has no picture of %r: %s", session.name, path, error)
            return None
        return _picture(found, known)


def _picture(found: Thumbnail | None, known: str) -> Response:
    if found is None:
        return Response(status_code=304, headers=_HEADERS | {"ETag": known})
    tag = {"ETag": found.etag} if found.etag else {}
    return Response(found.content, media_type=found.media_type, headers=_HEADERS | tag)


def _instead(address: str) -> Response:
    return RedirectResponse(address, status_code=302)
