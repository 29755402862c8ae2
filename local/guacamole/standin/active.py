"""Active connections: the open tunnels that a user may see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from standin import batch
from standin.answers import not_found, permission_denied
from standin.calls import route

if TYPE_CHECKING:
    from starlette.routing import Route

    from standin.answers import JSON
    from standin.calls import Call
    from standin.state import Session, State
    from standin.tunnels import Tunnel

PATH = "activeConnections"


class ActiveConnections:
    """Lists and closes tunnels.

    A tunnel's owner and an administrator see all of it. A user who may READ the connection only sees that it is in use
    (recorded: activeconnections-other-user-with-read).
    """

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        """Return the routes of active connections."""
        return [route(self._state, "GET", PATH, self._list), route(self._state, "PATCH", PATH, self._patch)]

    def controlled(self, session: Session) -> list[str]:
        """Return the UUIDs of the tunnels that a user may close."""
        return [tunnel.uuid for tunnel in self._state.tunnels.all() if self._controls(session, tunnel)]

    async def _list(self, call: Call) -> JSON:
        shown: dict[str, JSON] = {}
        for tunnel in self._state.tunnels.all():
            controls = self._controls(call.session, tunnel)
            if controls or self._state.store.holds(call.session.user, "READ", tunnel.connection):
                shown[tunnel.uuid] = {
                    "identifier": tunnel.uuid,
                    "connectionIdentifier": str(tunnel.connection),
                    "startDate": tunnel.start,
                    "remoteHost": tunnel.remote_host if controls else None,
                    "username": tunnel.username if controls else None,
                    "connectable": controls,
                }
        return shown

    async def _patch(self, call: Call) -> JSON:
        """Close several tunnels, as far as they are open (recorded: activeconnection-kill-many).

        Those that were closed before a refusal stay closed.
        """

        def run(operation: batch.Operation) -> str:
            if operation.op != "remove":
                raise not_found(operation.identifier)
            tunnel = self._state.tunnels.get(operation.identifier)
            if tunnel is not None and not self._controls(call.session, tunnel):
                raise permission_denied()
            self._state.tunnels.end(operation.identifier)
            return operation.identifier

        return batch.apply(call.list, run)

    def _controls(self, session: Session, tunnel: Tunnel) -> bool:
        return tunnel.user == session.user or self._state.store.holds(session.user, "ADMINISTER")
