"""Builds the portal's application from its parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from blendersessions_portal.admin_pages import AdminPages
from blendersessions_portal.cookies import Site
from blendersessions_portal.csrf import CsrfGuard
from blendersessions_portal.departures import Departures
from blendersessions_portal.duplicate_pages import DuplicatePages
from blendersessions_portal.file_pages import FilePages
from blendersessions_portal.headers import AccessLog, SecurityHeaders
from blendersessions_portal.health_pages import HealthPages
from blendersessions_portal.input_choice import InputChoice
from blendersessions_portal.live_pages import LivePages
from blendersessions_portal.live_parts import LiveParts
from blendersessions_portal.pages import Pages
from blendersessions_portal.problems import Problems
from blendersessions_portal.rendering import STATIC, Renderer
from blendersessions_portal.samples import load_samples
from blendersessions_portal.session_cache import SessionCache
from blendersessions_portal.sign_on import Parts, make_sign_on
from blendersessions_portal.sign_on_settings import GUESTS
from blendersessions_portal.signing import Signer
from blendersessions_portal.thumbnails import ThumbnailPages

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import ASGIApp, Receive, Scope, Send

    from blendersessions_portal.session_store import SessionStore
    from blendersessions_portal.sign_on import GuacamoleSignIn
    from blendersessions_portal.sign_on_settings import SignOnSettings

_MAX_BODY_BYTES = 16 * 1024
"""Largest body of a request. A form has a few hundred bytes."""


@dataclass(frozen=True)
class Portal:
    """The application, as a server serves it.

    Attributes:
        live: the streams to open pages, which must be closed before the server can end.
    """

    app: ASGIApp
    live: LiveParts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        await self.app(scope, receive, send)


def create_app(
    *,
    store: SessionStore,
    guacamole: GuacamoleSignIn,
    cookie_key: bytes,
    public_url: str,
    samples_dir: Path,
    max_sessions: int,
    max_sessions_of_all: int,
    sign_on: SignOnSettings = GUESTS,
    cache: SessionCache | None = None,
) -> Portal:
    """Return the application.

    Args:
        store: the sessions of all visitors.
        guacamole: signs in and out, and checks tokens.
        cookie_key: signs cookies and forms.
        public_url: what browsers open, with a trailing slash.
        samples_dir: folder with `samples.yaml` and `thumbnails/`.
        max_sessions: sessions that one visitor may have at a time.
        max_sessions_of_all: sessions that all visitors together may have at a time.
        sign_on: how people sign in; by default nobody does, and each browser is a guest.
        cache: what a watch shows of the sessions; without it pages ask from time to time.

    Raises:
        ValueError: the folder of samples or the sign-on cannot be used.
    """
    signer = Signer(cookie_key)
    address = urlsplit(public_url)
    site = Site(secure=address.scheme == "https", whole_host=address.path == "/")
    samples = load_samples(samples_dir)
    known, departures, guard = cache or SessionCache(), Departures(), CsrfGuard(signer)
    renderer = Renderer(
        samples,
        signs_on=sign_on.signs_on,
        has_admins=sign_on.signs_on and bool(sign_on.admin_groups),
        old_since=lambda: known.sessions.old_since,
        everybody=known.everybody,
    )
    parts = Parts(
        public_url=public_url,
        site=site,
        signer=signer,
        guard=guard,
        store=store,
        guacamole=guacamole,
        renderer=renderer,
        departures=departures,
    )
    signed_on = make_sign_on(sign_on, parts)
    identifier = signed_on.identifier
    pages = Pages(
        samples=samples,
        identifier=identifier,
        input_choice=InputChoice(site),
        guard=guard,
        store=store,
        opening=signed_on.opening,
        renderer=renderer,
        max_sessions=max_sessions,
        max_sessions_of_all=max_sessions_of_all,
    )
    duplicate_pages = DuplicatePages(
        identifier=identifier,
        guard=guard,
        store=store,
        renderer=renderer,
        max_sessions=max_sessions,
        max_sessions_of_all=max_sessions_of_all,
    )
    file_pages = FilePages(identifier=identifier, guard=guard, store=store, renderer=renderer)
    thumbnails = ThumbnailPages(identifier=identifier, store=store, renderer=renderer)
    live = LiveParts(known, store, renderer, departures)
    app = Starlette(
        routes=[
            *HealthPages(cache.sessions if cache is not None else None).routes(),
            *pages.routes(),
            *duplicate_pages.routes(),
            *LivePages(identifier=identifier, guard=guard, store=store, parts=live).routes(),
            *file_pages.routes(),
            *AdminPages(identifier, guard, store, renderer).routes(),
            *signed_on.routes,
            *thumbnails.routes(),
            Mount("/static/thumbnails", StaticFiles(directory=samples_dir / "thumbnails")),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        exception_handlers=Problems(renderer).handlers() | signed_on.handlers,
        max_body_size=_MAX_BODY_BYTES,
    )
    # The answer to a form may redirect to Blender, and browsers apply form-action to redirects too.
    targets = (f"{address.scheme}://{address.netloc}",)
    return Portal(SecurityHeaders(AccessLog(app), form_targets=targets), live)
