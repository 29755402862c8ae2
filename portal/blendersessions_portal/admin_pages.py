"""The administrators' pages: all sessions of the portal's namespace, and what can be done about each."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse
from starlette.routing import Route

from blendersessions.model.errors import Conflict, DomainError, Invalid, System, Unavailable
from blendersessions_portal import admin_wording, csrf
from blendersessions_portal.admin_view import address_query

if TYPE_CHECKING:
    from starlette.datastructures import FormData
    from starlette.requests import Request
    from starlette.responses import Response

    from blendersessions_portal.csrf import CsrfGuard
    from blendersessions_portal.identity import Identifier, Visitor
    from blendersessions_portal.rendering import Renderer
    from blendersessions_portal.session_store import SessionStore
    from blendersessions_portal.session_view import SessionView

logger = logging.getLogger(__name__)

_MAX_FIELDS = 10
_MAX_PAGE_DIGITS = 6


@dataclass(frozen=True)
class AdminPages:
    """The endpoints. For whoever is no administrator there are none: each answers 404."""

    identifier: Identifier
    guard: CsrfGuard
    store: SessionStore
    renderer: Renderer

    def routes(self) -> list[Route]:
        """Return the endpoint of each address."""
        return [
            Route("/admin", self.overview),
            Route("/admin/sessions/{name}/stop", self.stop, methods=["POST"]),
            Route("/admin/sessions/{name}/suspend", self.suspend, methods=["POST"]),
            Route("/admin/sessions/{name}/resume", self.resume, methods=["POST"]),
            Route("/admin/sessions/{name}/message", self.message, methods=["POST"]),
        ]

    async def overview(self, request: Request) -> Response:
        """Show all sessions that a search finds, what waits and why, and the classes."""
        visitor = self._administrator(request)
        query, page = request.query_params.get("q", ""), _number(request.query_params.get("page", ""))
        sessions, classes = await self.store.every(), await self.store.classes()
        told = request.query_params.get("told", "")
        response = self.renderer.admin(request, sessions, classes, query, page, self.guard.token(visitor), told=told)
        self.identifier.remember(visitor, response)
        return response

    async def stop(self, request: Request) -> Response:
        """Delete somebody's session."""
        visitor, form, session = await self._chosen(request)
        await self.store.delete(session.owner, session.name)
        return _done(form, visitor, session, "stopped")

    async def suspend(self, request: Request) -> Response:
        """Suspend somebody's session that keeps its files."""
        visitor, form, session = await self._chosen(request)
        if not session.can_suspend:
            raise Invalid(admin_wording.NOT_SUSPENDABLE.format(name=session.name), System.OWN)
        await self.store.suspend(session.owner, session.name)
        return _done(form, visitor, session, "suspended")

    async def resume(self, request: Request) -> Response:
        """Resume somebody's suspended session."""
        visitor, form, session = await self._chosen(request)
        if not session.can_resume:
            words = admin_wording.HELD if session.held else admin_wording.NOT_RESUMABLE
            raise Invalid(words.format(name=session.name), System.OWN)
        await self.store.resume(session.owner, session.name)
        return _done(form, visitor, session, "resumed")

    async def message(self, request: Request) -> Response:
        """Show a message on the desktop of somebody's session."""
        visitor, form, session = await self._chosen(request)
        # Browsers send line breaks as two characters.
        text = _text(form, "message").replace("\r\n", "\n").strip()
        most = admin_wording.MAX_MESSAGE_CHARACTERS
        if not any(character.isprintable() and not character.isspace() for character in text):
            raise Invalid(admin_wording.NO_MESSAGE.format(name=session.name), System.OWN)
        if len(text) > most:
            words = admin_wording.LONG_MESSAGE.format(name=session.name, length=len(text), most=most)
            raise Invalid(words, System.OWN)
        if not session.has_files:
            raise Invalid(admin_wording.NO_DESKTOP.format(name=session.name), System.OWN)
        try:
            await self.store.tell(session, admin_wording.MESSAGE.format(text=text))
        except DomainError as error:
            if error.system is not System.AGENT:
                raise
            logger.warning("Session %s shows no message: %s", session.name, error)
            raise Unavailable(admin_wording.NOT_SHOWN.format(name=session.name), System.OWN) from error
        return _done(form, visitor, session, "sent a message", told=session.name)

    def _administrator(self, request: Request) -> Visitor:
        """Return the administrator who sent a request.

        Raises:
            HTTPException: 404 for everybody else.
        """
        visitor = self.identifier.identify(request)
        if not (visitor.known and visitor.is_admin):
            raise HTTPException(404)
        return visitor

    async def _chosen(self, request: Request) -> tuple[Visitor, FormData, SessionView]:
        """Return who sent a form, the form, and the session that it is about."""
        visitor = self._administrator(request)
        form = await request.form(max_files=0, max_fields=_MAX_FIELDS)
        self.guard.check(request, visitor, _text(form, csrf.FIELD))
        session = await self.store.find(request.path_params["name"])
        if session.uid != _text(form, "uid"):
            # What the page said of the files was about another session of this name.
            raise Conflict(admin_wording.OTHER_SESSION.format(name=session.name), System.OWN)
        return visitor, form, session


def _done(form: FormData, visitor: Visitor, session: SessionView, done: str, *, told: str = "") -> Response:
    logger.info("Session %s of %r was %s by the administrator %s.", session.name, session.owner, done, visitor.owner)
    query = address_query(_text(form, "q"), _number(_text(form, "page")), told)
    return RedirectResponse(f"/admin?{query}#session-{quote(session.name)}", status_code=303)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MAX_PAGE_DIGITS else 1


def _text(form: FormData, field: str) -> str:
    value = form.get(field, "")
    return value if isinstance(value, str) else ""
