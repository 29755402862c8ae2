"""The portal's pages: the address of each, what it shows, and what it changes."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from blendersessions.model.errors import Invalid, System
from blendersessions_portal.forms import checked_form, text
from blendersessions_portal.own_session import own_session
from blendersessions_portal.rendering import STAY, asks_to_stay
from blendersessions_portal.rules_shown import class_rules_shown, rules_shown
from blendersessions_portal.scene_choice import SceneChoice, address
from blendersessions_portal.start_rules import check_class, check_room, check_scene
from blendersessions_portal.transfer_rules import rules_of_any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.datastructures import FormData
    from starlette.requests import Request

    from blendersessions_portal.csrf import CsrfGuard
    from blendersessions_portal.identity import Identifier, Visitor
    from blendersessions_portal.input_choice import InputChoice
    from blendersessions_portal.opening import Opening
    from blendersessions_portal.rendering import Part, Renderer
    from blendersessions_portal.samples import Samples
    from blendersessions_portal.session_store import SessionStore
    from blendersessions_portal.session_view import SessionView

logger = logging.getLogger(__name__)

CLASS_FIELD = "class"
"""The choice between classes, for people who have one."""


@dataclass(frozen=True)
class Pages:
    """The endpoints, and the parts of the portal that they use.

    Attributes:
        max_sessions: sessions that one visitor may have at a time.
        max_sessions_of_all: sessions that all visitors together may have at a time.
    """

    samples: Samples
    identifier: Identifier
    input_choice: InputChoice
    guard: CsrfGuard
    store: SessionStore
    opening: Opening
    renderer: Renderer
    max_sessions: int
    max_sessions_of_all: int

    def routes(self) -> list[Route]:
        """Return the endpoint of each address."""
        return [
            Route("/", self.home),
            Route("/artists", self.artists),
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

    async def artists(self, request: Request) -> Response:
        """Show what is kept, and when."""
        return self.renderer.artists(request)

    async def home(self, request: Request) -> Response:
        """Show the scenes and the visitor's sessions."""
        visitor = self.identifier.identify(request)
        sessions, chosen = await self._sessions(visitor), self.input_choice.remembered(request)
        classes = visitor.classes or (visitor.class_name,)
        rules = rules_of_any([await class_rules_shown(self.store, name) for name in classes])
        response = self.renderer.home(request, sessions, self.guard.token(visitor), rules, no_middle_button=chosen)
        # Each visit renews the cookie, so that only browsers that stay away for a month are forgotten.
        self.identifier.remember(visitor, response)
        return response

    async def session_list(self, request: Request) -> Response:
        """Show the visitor's sessions alone, for a page that refreshes its list."""
        visitor = self.identifier.identify(request)
        return self._part(visitor, self.renderer.list_part(await self._sessions(visitor)))

    async def create(self, request: Request) -> Response:
        """Make a session and go to its page; with `reuse`, go to a live session of the same scene if there is one.

        A form that chooses no scene makes nothing, and its other choice is remembered.
        """
        visitor, form = await checked_form(request, self.identifier, self.guard)
        chosen = self.input_choice.in_form(form)
        class_name = _chosen_class(visitor, form)
        scene = await self._chosen_scene(form, class_name)
        response: Response
        if scene is None:
            response = RedirectResponse("/#scenes", status_code=303)
        else:
            reuse = bool(text(form, "reuse"))
            response = await self._start(request, visitor, scene, class_name, reuse=reuse, no_middle_button=chosen)
        self.input_choice.remember(response, no_middle_button=chosen)
        return response

    async def _chosen_scene(self, form: FormData, class_name: str) -> SceneChoice | None:
        """Return what a form asks for; None if it asks for nothing. A sample without a name is the empty scene.

        Raises:
            Invalid: there is no such sample, the address is none, or the class does not allow it.
        """
        if "sample" in form:
            sample = text(form, "sample")
            return SceneChoice(sample=self.samples.require(sample).file if sample else "")
        scene = None
        if "upload" in form:
            scene = SceneChoice(upload=True)
        elif text(form, "url").strip():
            # Enter in the field sends the form by its first button, so the field counts too.
            scene = address(text(form, "url"))
        if scene is not None:
            await check_scene(self.store, scene, class_name)
        return scene

    async def _start(
        self,
        request: Request,
        visitor: Visitor,
        scene: SceneChoice,
        class_name: str,
        *,
        reuse: bool,
        no_middle_button: bool,
    ) -> Response:
        sessions = [session for session in await self._sessions(visitor) if not session.ending]
        session = _find_live(sessions, scene, class_name) if reuse else None
        if session is None and len(sessions) >= self.max_sessions:
            # The class's limits hold for everybody. A visitor reaches this limit first, on a page that explains it.
            token = self.guard.token(visitor)
            return self.renderer.full(request, sessions, token, scene, no_middle_button=no_middle_button)
        if session is None:
            await check_room(self.store, self.max_sessions_of_all)
            session = await self.store.create(
                visitor.owner, scene, class_name=class_name, no_middle_button=no_middle_button
            )
            logger.info("Session %s was made for %s.", session.name, visitor.owner)
        return RedirectResponse(f"/sessions/{session.name}", status_code=303)

    async def view(self, request: Request) -> Response:
        """Serve a link to a scene.

        A GET makes nothing. Its page sends a form: a script does so at once, and a button does so without scripts.
        """
        sample = self.samples.require(request.query_params.get("blender_file", ""))
        visitor = self.identifier.identify(request)
        if session := _find_live(await self._sessions(visitor), SceneChoice(sample=sample.file)):
            return RedirectResponse(f"/sessions/{session.name}", status_code=303)
        chosen = self.input_choice.remembered(request)
        response = self.renderer.view(request, sample.file, self.guard.token(visitor), no_middle_button=chosen)
        self.identifier.remember(visitor, response)
        return response

    async def session(self, request: Request) -> Response:
        """Show a session's page; redirect to Blender if the session is ready, unless the query asks to stay."""
        visitor, session = await own_session(request, self.identifier, self.store)
        response: Response
        if session.ready and not asks_to_stay(request):
            response = RedirectResponse(f"/sessions/{session.name}/open", status_code=303)
        else:
            stay = asks_to_stay(request)
            rules = await rules_shown(self.store, session)
            response = self.renderer.session(request, session, self.guard.token(visitor), rules, stay=stay)
        self.identifier.remember(visitor, response)
        return response

    async def progress(self, request: Request) -> Response:
        """Show the session's progress alone, for a page that refreshes it."""
        visitor, session = await own_session(request, self.identifier, self.store)
        rules = await rules_shown(self.store, session)
        return self._part(visitor, self.renderer.session_part(session, rules, stay=asks_to_stay(request)))

    async def open(self, request: Request) -> Response:
        """Go to Blender, as the owner."""
        visitor, session = await own_session(request, self.identifier, self.store)
        if not session.ready:
            return RedirectResponse(f"/sessions/{session.name}", status_code=303)
        return await self.opening.open(request, visitor, session)

    async def stop(self, request: Request) -> Response:
        """Delete a session. With a guest's last session, sign the browser out of Guacamole."""
        visitor, _form = await checked_form(request, self.identifier, self.guard)
        name = request.path_params["name"]
        await self.store.delete(visitor.owner, name)
        logger.info("Session %s was stopped by %s.", name, visitor.owner)
        response = RedirectResponse("/#sessions", status_code=303)
        if all(session.ending for session in await self.store.list(visitor.owner)):
            await self.opening.leave(request, visitor, response)
        return response

    async def suspend(self, request: Request) -> Response:
        """Suspend a session that keeps its files, and go to its page."""
        visitor, _form = await checked_form(request, self.identifier, self.guard)
        session = await self.store.get(visitor.owner, request.path_params["name"])
        if not session.can_suspend:
            raise Invalid(
                f"Session “{session.name}” cannot be suspended. Either it does not run, or it has no workspace and your"
                " work would be lost. Stop the session if you no longer need it.",
                System.OWN,
            )
        await self.store.suspend(visitor.owner, session.name)
        logger.info("Session %s was suspended by %s.", session.name, visitor.owner)
        return RedirectResponse(f"/sessions/{session.name}?{STAY}", status_code=303)

    async def resume(self, request: Request) -> Response:
        """Resume a suspended session, and go to its page, which opens it."""
        visitor, _form = await checked_form(request, self.identifier, self.guard)
        session = await self.store.get(visitor.owner, request.path_params["name"])
        if session.held:
            raise Invalid(
                f"Session “{session.name}” cannot be resumed here: it is suspended in its spec, which the portal may"
                " not change. Please ask your administrator to set spec.suspend to false.",
                System.OWN,
            )
        await self.store.resume(visitor.owner, session.name)
        logger.info("Session %s was resumed by %s.", session.name, visitor.owner)
        return RedirectResponse(f"/sessions/{session.name}", status_code=303)

    def _part(self, visitor: Visitor, part: Part) -> Response:
        return HTMLResponse(self.renderer.part(part, self.guard.token(visitor)))

    async def _sessions(self, visitor: Visitor) -> list[SessionView]:
        # A name that was made just now has no sessions.
        return await self.store.list(visitor.owner) if visitor.known else []


def _find_live(sessions: Sequence[SessionView], scene: SceneChoice, class_name: str = "") -> SessionView | None:
    """Return a live session of a scene, and of a class if one is named."""
    fitting = (session for session in sessions if session.live and session.scene == scene)
    return next((session for session in fitting if class_name in {"", session.class_name}), None)


def _chosen_class(visitor: Visitor, form: FormData) -> str:
    """Return the class that a form chooses, and the visitor's first one if it chooses none.

    Raises:
        Invalid: the visitor may not choose that class.
    """
    chosen = text(form, CLASS_FIELD) or visitor.class_name
    check_class(visitor, chosen)
    return chosen
