"""The portal's pages: what each address shows and does."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from blendersessions.model.errors import Invalid, NotFound, System, Unavailable
from blendersessions_portal import csrf
from blendersessions_portal.rendering import STAY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.datastructures import FormData
    from starlette.requests import Request

    from blendersessions.model.user_credentials import UserCredentials
    from blendersessions_portal.browser_token_store import BrowserTokens
    from blendersessions_portal.csrf import CsrfGuard
    from blendersessions_portal.identity import Identifier, Visitor
    from blendersessions_portal.rendering import Renderer
    from blendersessions_portal.samples import Samples
    from blendersessions_portal.session_store import SessionStore
    from blendersessions_portal.session_view import SessionView

logger = logging.getLogger(__name__)

_MAX_FIELDS = 10


@dataclass(frozen=True)
class Pages:
    """The endpoints and what they work with."""

    public_url: str
    samples: Samples
    identifier: Identifier
    guard: CsrfGuard
    store: SessionStore
    tokens: BrowserTokens
    renderer: Renderer
    max_sessions: int

    def routes(self) -> list[Route]:
        """Give the address of each page."""
        return [
            Route("/", self.home),
            Route("/healthz", self.health),
            Route("/view", self.view),
            Route("/sessions", self.session_list),
            Route("/sessions", self.create, methods=["POST"]),
            Route("/sessions/{name}", self.session),
            Route("/sessions/{name}/progress", self.progress),
            Route("/sessions/{name}/open", self.open),
            Route("/sessions/{name}/stop", self.stop, methods=["POST"]),
            Route("/sessions/{name}/suspend", self.suspend, methods=["POST"]),
            Route("/sessions/{name}/resume", self.resume, methods=["POST"]),
        ]

    async def health(self, _request: Request) -> Response:
        """Say that the portal's loop turns."""
        return PlainTextResponse("ok\n")

    async def home(self, request: Request) -> Response:
        """Show the scenes and the visitor's sessions."""
        visitor = self.identifier.identify(request)
        response = self.renderer.home(request, await self._sessions(visitor), self.guard.token(visitor))
        # Each visit renews the cookie, so that only browsers that stay away for a year are forgotten.
        self.identifier.remember(visitor, response)
        return response

    async def session_list(self, request: Request) -> Response:
        """Give the visitor's sessions alone, for the page to refresh itself."""
        visitor = self.identifier.identify(request)
        return self.renderer.session_list(request, await self._sessions(visitor), self.guard.token(visitor))

    async def create(self, request: Request) -> Response:
        """Make a session; with `reuse`, go to one of the same scene that is there already."""
        visitor, form = await self._checked_form(request)
        sample = _text(form, "sample")
        if sample:
            self.samples.require(sample)
        sessions = [session for session in await self._sessions(visitor) if not session.ending]
        session = _live(sessions, sample) if _text(form, "reuse") else None
        if session is None and len(sessions) >= self.max_sessions:
            # A class's limits hold for all, to the last one. This one is there to be explained before it is met.
            return self.renderer.full(request, sessions, self.guard.token(visitor), sample)
        if session is None:
            session = await self.store.create(visitor.owner, sample)
            logger.info("Session %s was made for %s.", session.name, visitor.owner)
        return RedirectResponse(f"/sessions/{session.name}", status_code=303)

    async def view(self, request: Request) -> Response:
        """Serve a link to a scene.

        A GET makes nothing: the page that it shows sends a form of its own, at once, or by its button without scripts.
        """
        sample = self.samples.require(request.query_params.get("blender_file", ""))
        visitor = self.identifier.identify(request)
        if session := _live(await self._sessions(visitor), sample.file):
            return RedirectResponse(f"/sessions/{session.name}", status_code=303)
        response = self.renderer.view(request, sample.file, self.guard.token(visitor))
        self.identifier.remember(visitor, response)
        return response

    async def session(self, request: Request) -> Response:
        """Show how a session starts, why it failed, that it rests or ends; one that is ready opens, unless to stay."""
        visitor, session = await self._own_session(request)
        if session.ready and not _stays(request):
            return RedirectResponse(f"/sessions/{session.name}/open", status_code=303)
        return self.renderer.session(request, session, self.guard.token(visitor), stay=_stays(request))

    async def progress(self, request: Request) -> Response:
        """Give the session's progress alone, for the page to refresh itself."""
        visitor, session = await self._own_session(request)
        return self.renderer.progress(request, session, self.guard.token(visitor), stay=_stays(request))

    async def open(self, request: Request) -> Response:
        """Sign the owner in at Guacamole and go to Blender."""
        visitor, session = await self._own_session(request)
        if not session.ready:
            return RedirectResponse(f"/sessions/{session.name}", status_code=303)
        # The token opens all that the owner may open: it goes to our own Guacamole and to no other address.
        if not session.status.client_url.startswith(self.public_url + "guacamole/#/"):
            raise Unavailable(
                f"Session “{session.name}” points to another site than {self.public_url}."
                " The operator and the portal need the same PUBLIC_URL: tell your administrator.",
                System.KUBERNETES,
            )
        token = await self.tokens.token(request, visitor, await self._credentials(visitor, session))
        response = RedirectResponse(f"{session.status.client_url}?token={token}", status_code=303)
        self.tokens.remember(visitor, response)
        return response

    async def stop(self, request: Request) -> Response:
        """End a session, and with the last one the sign-in at Guacamole."""
        visitor, _form = await self._checked_form(request)
        name = request.path_params["name"]
        await self.store.delete(visitor.owner, name)
        logger.info("Session %s was stopped by %s.", name, visitor.owner)
        response = RedirectResponse("/#sessions", status_code=303)
        if all(session.ending for session in await self.store.list(visitor.owner)):
            await self.tokens.forget(request, visitor, response)
        return response

    async def suspend(self, request: Request) -> Response:
        """Save and stop a session that keeps its files, and show how it does."""
        visitor, _form = await self._checked_form(request)
        session = await self.store.get(visitor.owner, request.path_params["name"])
        if not session.can_suspend:
            raise Invalid(
                f"Session “{session.name}” cannot be suspended: it does not run, or it has no workspace, and what you"
                " made would be lost. Stop it if you need it no more.",
                System.KUBERNETES,
            )
        await self.store.suspend(visitor.owner, session.name)
        logger.info("Session %s was suspended by %s.", session.name, visitor.owner)
        return RedirectResponse(f"/sessions/{session.name}?{STAY}", status_code=303)

    async def resume(self, request: Request) -> Response:
        """Start a suspended session again, and go to its page, which opens it."""
        visitor, _form = await self._checked_form(request)
        name = request.path_params["name"]
        await self.store.resume(visitor.owner, name)
        logger.info("Session %s was resumed by %s.", name, visitor.owner)
        return RedirectResponse(f"/sessions/{name}", status_code=303)

    async def _sessions(self, visitor: Visitor) -> list[SessionView]:
        # Nobody can have made anything for a name that was made just now.
        return await self.store.list(visitor.owner) if visitor.known else []

    async def _own_session(self, request: Request) -> tuple[Visitor, SessionView]:
        visitor = self.identifier.identify(request)
        name = request.path_params["name"]
        if not visitor.known:
            raise NotFound(f"There is no session “{name}”.", System.KUBERNETES)
        return visitor, await self.store.get(visitor.owner, name)

    async def _credentials(self, visitor: Visitor, session: SessionView) -> UserCredentials:
        try:
            return await self.store.credentials(visitor.owner)
        except NotFound as error:
            raise Unavailable(
                f"Session “{session.name}” runs, but there is no sign-in for it yet: {error}"
                " Try again in a minute, and tell your administrator if it stays.",
                System.KUBERNETES,
            ) from error

    async def _checked_form(self, request: Request) -> tuple[Visitor, FormData]:
        visitor = self.identifier.identify(request)
        form = await request.form(max_files=0, max_fields=_MAX_FIELDS)
        self.guard.check(request, visitor, _text(form, csrf.FIELD))
        return visitor, form


def _live(sessions: Sequence[SessionView], sample: str) -> SessionView | None:
    return next((session for session in sessions if session.live and session.sample == sample), None)


def _stays(request: Request) -> bool:
    return "stay" in request.query_params


def _text(form: FormData, field: str) -> str:
    value = form.get(field, "")
    return value if isinstance(value, str) else ""
