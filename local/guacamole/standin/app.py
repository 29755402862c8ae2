"""The stand-in as one ASGI application under ``/guacamole/``."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute

from standin.container import Container
from standin.directories.active import ActiveDirectory
from standin.directories.connections import ConnectionDirectory
from standin.directories.groups import GroupDirectory
from standin.directories.users import UserDirectory
from standin.errors import (
    ContainerError,
    GuacamoleError,
    UnreadableBodyError,
    html_response,
    internal_error,
    json_response,
    text_response,
)
from standin.pages import pages
from standin.routes.active import ActiveRoutes
from standin.routes.objects import ObjectRoutes
from standin.routes.permissions import PermissionRoutes
from standin.routes.tokens import TokenRoutes
from standin.routes.tree import TreeRoutes
from standin.state import State
from standin.tunnel import TunnelEndpoint

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from starlette.requests import Request

    from standin.settings import Settings

BASE = "/guacamole"
"""The path of the application on the server."""
SWEEP_SECONDS = 60.0
"""The time between two searches for dead tokens."""
_log = logging.getLogger("standin")


def create_app(settings: Settings, state: State | None = None) -> Starlette:
    """Return the application.

    Args:
        settings: The stand-in's settings.
        state: The state to serve. By default, a new one over the database that the settings name.
    """
    state = state or State(settings)
    application = Starlette(
        routes=[
            Route("/", _to_base, methods=["GET"]),
            Route(BASE, _to_base, methods=["GET"]),
            Mount(BASE, routes=_routes(state)),
        ],
        exception_handlers={
            GuacamoleError: _application_error,
            ContainerError: _container_error,
            UnreadableBodyError: _unreadable_body,
            HTTPException: _http_error,
            Exception: _unexpected_error,
        },
        lifespan=_lifespan(state),
    )
    application.router.redirect_slashes = False
    application.add_middleware(Container, api=BASE + "/api/")
    application.state.standin = state
    return application


def _routes(state: State) -> list[Route | Mount | WebSocketRoute]:
    connections, groups = ConnectionDirectory(state), GroupDirectory(state)
    users, active = UserDirectory(state), ActiveDirectory(state)
    return [
        WebSocketRoute("/websocket-tunnel", TunnelEndpoint(state, connections, active).serve),
        *TokenRoutes(state).routes(),
        *TreeRoutes(state, connections, groups, users).routes(),
        *PermissionRoutes(state, users, active).routes(),
        *ActiveRoutes(state, active, connections).routes(),
        *ObjectRoutes(state, "connections", connections, races_at_root=True).routes(),
        *ObjectRoutes(state, "connectionGroups", groups, races_at_root=True).routes(),
        *ObjectRoutes(state, "users", users, races_at_root=False).routes(),
        *pages(state.settings),
    ]


def _lifespan(state: State) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        guacd = f"{state.settings.guacd_host}:{state.settings.guacd_port}"
        _log.info("Serving %s/ on port %d, guacd is %s", BASE, state.settings.port, guacd)
        sweeper = asyncio.create_task(_sweep(state))
        yield
        sweeper.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sweeper
        state.database.close()

    return lifespan


async def _sweep(state: State) -> None:
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        state.sweep()


async def _to_base(_: Request) -> Response:
    return RedirectResponse(BASE + "/", 302)


async def _application_error(_: Request, error: Exception) -> Response:
    if not isinstance(error, GuacamoleError):
        raise error
    return json_response(error.body(), error.status)


async def _container_error(_: Request, error: Exception) -> Response:
    if not isinstance(error, ContainerError):
        raise error
    return html_response(error.status, error.message)


async def _unreadable_body(_: Request, error: Exception) -> Response:
    return text_response(str(error))


async def _http_error(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return html_response(error.status_code)


async def _unexpected_error(_: Request, __: Exception) -> Response:
    # Starlette raises the exception again after this answer, and uvicorn logs the traceback.
    failure = internal_error()
    return json_response(failure.body(), failure.status)
