"""The stand-in as one ASGI application under ``/guacamole/``."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute

from standin.active import ActiveConnections
from standin.answers import GuacamoleError, UnreadableBodyError, html_response, internal_error
from standin.connections import Connections
from standin.container import Container
from standin.groups import Groups
from standin.pages import pages
from standin.permissions import Permissions
from standin.state import State
from standin.tokens import Tokens
from standin.tunnel import TunnelEndpoint
from standin.users import Users

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from starlette.requests import Request

    from standin.settings import Settings

BASE = "/guacamole"
"""The path of the application on the server."""
_log = logging.getLogger("standin")


def create_app(settings: Settings) -> Starlette:
    """Return the application, with a new state over the database that the settings name."""
    state = State(settings)
    application = Starlette(
        routes=[
            Route("/", _to_base, methods=["GET"]),
            Route(BASE, _to_base, methods=["GET"]),
            Mount(BASE, routes=_routes(state)),
        ],
        exception_handlers={
            GuacamoleError: _application_error,
            UnreadableBodyError: _unreadable_body,
            HTTPException: _container_error,
            Exception: _unexpected_error,
        },
        lifespan=_lifespan(state),
    )
    application.router.redirect_slashes = False
    application.add_middleware(Container, api=BASE + "/api/")
    return application


def _routes(state: State) -> list[Route | Mount | WebSocketRoute]:
    connections, users, active = Connections(state), Users(state), ActiveConnections(state)
    groups = Groups(state, connections)
    return [
        WebSocketRoute("/websocket-tunnel", TunnelEndpoint(state, connections).serve),
        *Tokens(state).routes(),
        *connections.routes(),
        *groups.routes(),
        *users.routes(),
        *Permissions(state, connections, groups, users, active).routes(),
        *active.routes(),
        *pages(state.settings),
    ]


def _lifespan(state: State) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        guacd = f"{state.settings.guacd_host}:{state.settings.guacd_port}"
        _log.info("Serving %s/ on port %d, guacd is %s", BASE, state.settings.port, guacd)
        yield
        state.store.close()

    return lifespan


async def _to_base(_: Request) -> Response:
    return RedirectResponse(BASE + "/", 302)


async def _application_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, GuacamoleError)  # noqa: S101 - Starlette calls it for no other exception
    return error.response()


async def _container_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - Starlette calls it for no other exception
    return html_response(error.status_code, error.detail)


async def _unreadable_body(_: Request, error: Exception) -> Response:
    return Response(str(error).encode(), 400, headers={"Content-Type": "text/plain"})


async def _unexpected_error(_: Request, __: Exception) -> Response:
    # Starlette raises the exception again after this answer, and uvicorn logs the traceback.
    return internal_error().response()
