"""Active connections: the open tunnels, as far as a user may know of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from standin.errors import not_found, permission_denied

if TYPE_CHECKING:
    from standin.errors import JSON
    from standin.sessions import Session
    from standin.state import State
    from standin.tunnels import Tunnel


class ActiveDirectory:
    """Open tunnels. Owner and administrator see all of one; who may READ the connection sees that it is in use."""

    def __init__(self, state: State) -> None:
        self._state = state

    def listing(self, session: Session) -> dict[str, JSON]:
        """Return the tunnels that the user may know of."""
        seen = (tunnel for tunnel in self._state.tunnels.all() if self._sees(session, tunnel))
        return {tunnel.uuid: self.view(session, tunnel) for tunnel in seen}

    def find(self, session: Session, uuid: str) -> Tunnel:
        """Return one tunnel.

        Raises:
            GuacamoleError: It is not open, or the user may not know of it.
        """
        tunnel = self._state.tunnels.get(uuid)
        if tunnel is None or not self._sees(session, tunnel):
            raise not_found(uuid)
        return tunnel

    def view(self, session: Session, tunnel: Tunnel) -> dict[str, JSON]:
        """Return one tunnel as the API shows it."""
        controls = self.controls(session, tunnel)
        return {
            "identifier": tunnel.uuid,
            "connectionIdentifier": str(tunnel.connection.id),
            "startDate": tunnel.start,
            "remoteHost": tunnel.remote_host if controls else None,
            "username": tunnel.username if controls else None,
            "connectable": controls,
        }

    def controls(self, session: Session, tunnel: Tunnel) -> bool:
        """Say whether the user may join or kill a tunnel: it is his own, or he is an administrator."""
        return tunnel.user == session.user or self._state.permissions.has_system(session.user, "ADMINISTER")

    def kill(self, session: Session, uuid: str) -> None:
        """Close a tunnel.

        Raises:
            GuacamoleError: It is not open, or it is somebody else's.
        """
        self._kill(session, self.find(session, uuid))

    def discard(self, session: Session, uuid: str) -> None:
        """Close a tunnel as a batch does: an unknown one is no error."""
        tunnel = self._state.tunnels.get(uuid)
        if tunnel is not None:
            self._kill(session, tunnel)

    def _kill(self, session: Session, tunnel: Tunnel) -> None:
        if not self.controls(session, tunnel):
            raise permission_denied()
        self._state.tunnels.end(tunnel.uuid)

    def _sees(self, session: Session, tunnel: Tunnel) -> bool:
        return self.controls(session, tunnel) or self._state.permissions.has(
            "connection", session.user, tunnel.connection.id, "READ"
        )
