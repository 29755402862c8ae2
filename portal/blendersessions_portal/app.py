"""Builds the portal's application from its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from blendersessions_portal.browser_token_store import BrowserTokens
from blendersessions_portal.csrf import CsrfGuard
from blendersessions_portal.file_pages import FilePages
from blendersessions_portal.headers import AccessLog, SecurityHeaders
from blendersessions_portal.identity import AnonymousIdentifier
from blendersessions_portal.input_choice import InputChoice
from blendersessions_portal.pages import Pages
from blendersessions_portal.problems import Problems
from blendersessions_portal.rendering import STATIC, Renderer
from blendersessions_portal.samples import load_samples
from blendersessions_portal.signing import Signer
from blendersessions_portal.thumbnails import ThumbnailPages

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import ASGIApp

    from blendersessions.clients.guacamole.token_cache import SignIn
    from blendersessions_portal.session_store import SessionStore

_MAX_BODY_BYTES = 16 * 1024
"""Largest body of a request. A form has a few hundred bytes."""


def create_app(
    *,
    store: SessionStore,
    guacamole: SignIn,
    cookie_key: bytes,
    public_url: str,
    samples_dir: Path,
    max_sessions: int,
    max_sessions_of_all: int,
) -> ASGIApp:
    """Return the application.

    Args:
        store: the sessions of all visitors.
        guacamole: signs in and out, and checks tokens.
        cookie_key: signs cookies and forms.
        public_url: what browsers open, with a trailing slash.
        samples_dir: folder with `samples.yaml` and `thumbnails/`.
        max_sessions: sessions that one visitor may have at a time.
        max_sessions_of_all: sessions that all visitors together may have at a time.

    Raises:
        ValueError: the folder of samples cannot be used.
    """
    signer = Signer(cookie_key)
    address = urlsplit(public_url)
    secure = address.scheme == "https"
    samples = load_samples(samples_dir)
    renderer = Renderer(samples)
    identifier, guard = AnonymousIdentifier(signer, secure=secure, whole_host=address.path == "/"), CsrfGuard(signer)
    pages = Pages(
        public_url=public_url,
        samples=samples,
        identifier=identifier,
        input_choice=InputChoice(secure=secure),
        guard=guard,
        store=store,
        tokens=BrowserTokens(guacamole, signer, secure=secure),
        renderer=renderer,
        max_sessions=max_sessions,
        max_sessions_of_all=max_sessions_of_all,
    )
    file_pages = FilePages(identifier=identifier, guard=guard, store=store, renderer=renderer)
    thumbnails = ThumbnailPages(identifier=identifier, store=store, renderer=renderer)
    app = Starlette(
        routes=[
            *pages.routes(),
            *file_pages.routes(),
            *thumbnails.routes(),
            Mount("/static/thumbnails", StaticFiles(directory=samples_dir / "thumbnails")),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        exception_handlers=Problems(renderer).handlers(),
        max_body_size=_MAX_BODY_BYTES,
    )
    # The answer to a form may redirect to Blender, and browsers apply form-action to redirects too.
    return SecurityHeaders(AccessLog(app), form_targets=(f"{address.scheme}://{address.netloc}",))
