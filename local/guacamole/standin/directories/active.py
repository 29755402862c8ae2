"""Active connections: the open tunnels that a user may see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from standin.errors import not_found, permission_denied

if TYPE_CHECKING:
    from standin.errors import JSON
    from standin.sessions import Session
    from standin.state import State
    from standin.tunnels import Tunnel


class ActiveDirectory:
    """Open tunnels.

    A tunnel's owner and an administrator see all of it. A user who may READ the connection only sees that it is in use
    (recorded: activeconnections-other-user-with-read).
    """

    def __init__(self, state: State) -> None:
        self._state = state

    def listing(self, session: Session) -> dict[str, JSON]:
        """Return the tunnels that the user may see, by UUID."""
        seen = (tunnel for tunnel in self._state.tunnels.all() if self._sees(session, tunnel))
        return {tunnel.uuid: self.view(session, tunnel) for tunnel in seen}

    def find(self, session: Session, uuid: str) -> Tunnel:
        """Return one tunnel.

        Raises:
            GuacamoleError: The tunnel is not open, or the user may not see it (recorded:
                activeconnection-get-after-kill).
        """
        tunnel = self._state.tunnels.get(uuid)
        if tunnel is None or not self._sees(session, tunnel):
            raise not_found(uuid)
        return tunnel

    def view(self, session: Session, tunnel: Tunnel) -> dict[str, JSON]:
        """Return one tunnel as JSON; ``startDate`` is in milliseconds since the epoch."""
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
        """Return whether the user may join or close a tunnel: the owner and administrators may."""
        return tunnel.user == session.user or self._state.permissions.has_system(session.user, "ADMINISTER")

    def kill(self, session: Session, uuid: str) -> None:
        """Close a tunnel.

        Raises:
            GuacamoleError: The tunnel is not open, or the user does not control it (recorded:
                activeconnection-delete-denied).
        """
        self._kill(session, self.find(session, uuid))

    def discard(self, session: Session, uuid: str) -> None:
        """Close a tunnel, if it is open (recorded: activeconnection-kill-twice, activeconnection-kill-many).

        Raises:
            GuacamoleError: The user does not control the tunnel (recorded: activeconnection-kill-denied).
        """
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
