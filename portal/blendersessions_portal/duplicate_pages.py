"""Starts a session like another one of the visitor's."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from blendersessions.model.errors import Invalid, System
from blendersessions_portal.forms import checked_form
from blendersessions_portal.start_rules import check_class, check_room, check_scene

if TYPE_CHECKING:
    from starlette.requests import Request

    from blendersessions_portal.csrf import CsrfGuard
    from blendersessions_portal.identity import Identifier
    from blendersessions_portal.rendering import Renderer
    from blendersessions_portal.session_store import SessionStore

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class DuplicatePages:
    """The endpoint, and the parts of the portal that it uses.

    Attributes:
        max_sessions: sessions that one visitor may have at a time.
        max_sessions_of_all: sessions that all visitors together may have at a time.
    """

    identifier: Identifier
    guard: CsrfGuard
    store: SessionStore
    renderer: Renderer
    max_sessions: int
    max_sessions_of_all: int

    def routes(self) -> list[Route]:
        """Return the endpoint of each address."""
        return [Route("/sessions/{name}/duplicate", self.duplicate, methods=["POST"])]

    async def duplicate(self, request: Request) -> Response:
        """Start a session with the same scene, class, screen and input, and go to its page. No file is copied."""
        visitor, _form = await checked_form(request, self.identifier, self.guard)
        session = await self.store.get(visitor.owner, request.path_params["name"])
        if session.session.spec_error:
            raise Invalid(
                f"Session “{session.name}” asks for something that does not exist here, so there can be no other one"
                " like it. Start one from the list of scenes.",
                System.OWN,
            )
        check_class(visitor, session.class_name)
        await check_scene(self.store, session.scene, session.class_name)
        sessions = [each for each in await self.store.list(visitor.owner) if not each.ending]
        if len(sessions) >= self.max_sessions:
            return self.renderer.full_for_duplicate(request, sessions, self.guard.token(visitor), session)
        await check_room(self.store, self.max_sessions_of_all)
        made = await self.store.duplicate(visitor.owner, session.name)
        logger.info("Session %s was made for %s, like %s.", made.name, visitor.owner, session.name)
        return RedirectResponse(f"/sessions/{made.name}", status_code=303)
