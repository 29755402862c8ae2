"""Active connections, and the tunnels of the request's own session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from standin import batch, bodies
from standin.errors import json_response, no_content, not_found

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from standin.directories.active import ActiveDirectory
    from standin.directories.connections import ConnectionDirectory
    from standin.sessions import Session
    from standin.state import State
    from standin.tunnels import Tunnel


class ActiveRoutes:
    """Lists and closes tunnels."""

    def __init__(self, state: State, active: ActiveDirectory, connections: ConnectionDirectory) -> None:
        self._state = state
        self._active = active
        self._connections = connections

    def routes(self) -> list[Route]:
        """Return the routes of active connections."""
        base = "/api/session/data/{source}/activeConnections"
        mine = "/api/session/tunnels"
        return [
            Route(base, self.list, methods=["GET"]),
            Route(base, self.patch, methods=["PATCH"]),
            Route(base + "/{uuid}", self.get, methods=["GET"]),
            Route(base + "/{uuid}", self.delete, methods=["DELETE"]),
            Route(base + "/{uuid}/connection", self.connection, methods=["GET"]),
            Route(mine, self.mine, methods=["GET"]),
            Route(mine + "/{uuid}/activeConnection/connection", self.my_connection, methods=["GET"]),
        ]

    async def list(self, request: Request) -> Response:
        """Return the open tunnels by UUID."""
        return json_response(self._active.listing(self._state.session_in(request)))

    async def get(self, request: Request) -> Response:
        """Return one open tunnel."""
        session = self._state.session_in(request)
        return json_response(self._active.view(session, self._active.find(session, request.path_params["uuid"])))

    async def delete(self, request: Request) -> Response:
        """Close one tunnel."""
        self._active.kill(self._state.session_in(request), request.path_params["uuid"])
        return no_content()

    async def patch(self, request: Request) -> Response:
        """Close several tunnels, as far as they are open."""
        session = self._state.session_in(request)
        return json_response(batch.remove(self._active, session, batch.read(await bodies.read_list(request))))

    async def connection(self, request: Request) -> Response:
        """Return the connection of a tunnel."""
        session = self._state.session_in(request)
        return self._connection(session, self._active.find(session, request.path_params["uuid"]))

    async def mine(self, request: Request) -> Response:
        """Return the tunnels of the request's own token."""
        return json_response([*self._state.tunnels.of_token(self._state.session(request).token)])

    async def my_connection(self, request: Request) -> Response:
        """Return the connection of one of the token's own tunnels."""
        session = self._state.session(request)
        tunnel = self._state.tunnels.get(request.path_params["uuid"])
        if tunnel is None or tunnel.token != session.token:
            raise not_found(request.path_params["uuid"])
        return self._connection(session, tunnel)

    def _connection(self, session: Session, tunnel: Tunnel) -> Response:
        stored = self._connections.find(session, str(tunnel.connection.id))
        return json_response(self._connections.view(session, stored))
