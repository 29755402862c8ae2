"""The second data source, which holds only what a session reaches by share keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Mount, Route

from standin.directories.groups import ROOT, root
from standin.errors import GuacamoleError, json_response, not_found, permission_denied

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from standin.errors import JSON
    from standin.sessions import Session
    from standin.state import State


class SharedRoutes:
    """Reads shared connections; their identifier is the key."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Mount]:
        """Return the routes of this data source; they go before those of any source."""
        inner = [
            Route("/connections", self.list, methods=["GET"]),
            Route("/connections/{key}", self.get, methods=["GET"]),
            Route("/connections/{key}/parameters", self.parameters, methods=["GET"]),
            Route("/connectionGroups/ROOT/tree", self.tree, methods=["GET"]),
        ]
        return [Mount(f"/api/session/data/{self._state.settings.shared_data_source}", routes=inner)]

    async def list(self, request: Request) -> Response:
        """Return what the session's keys lead to."""
        return json_response(self._shared(self._session(request)))

    async def get(self, request: Request) -> Response:
        """Return one shared connection."""
        return json_response(self._one(request))

    async def parameters(self, request: Request) -> Response:
        """Refuse the parameters of what is shared."""
        self._one(request)
        raise permission_denied("Permission to read connection parameters denied.")

    async def tree(self, request: Request) -> Response:
        """Return the group ROOT with what is shared in it."""
        shown: dict[str, JSON] = {**root(), "parentIdentifier": ROOT}
        shared = list(self._shared(self._session(request)).values())
        return json_response({**shown, "childConnections": shared} if shared else shown)

    def _session(self, request: Request) -> Session:
        session = self._state.session(request)
        source = self._state.settings.shared_data_source
        if source not in session.data_sources:
            raise GuacamoleError(404, "NOT_FOUND", f'Session not associated with authentication provider "{source}".')
        return session

    def _one(self, request: Request) -> JSON:
        shared, key = self._shared(self._session(request)), request.path_params["key"]
        if key not in shared:
            raise not_found(key)
        return shared[key]

    def _shared(self, session: Session) -> dict[str, JSON]:
        shared: dict[str, JSON] = {}
        for key in sorted(session.share_keys):
            share = self._state.tunnels.shared(key)
            if share is not None:
                shared[key] = {
                    "name": share.tunnel.connection.name,
                    "identifier": key,
                    "parentIdentifier": ROOT,
                    "protocol": share.tunnel.connection.protocol,
                    "attributes": {"jdbc-shared-by": share.tunnel.username},
                    "activeConnections": 0,
                }
        return shared
