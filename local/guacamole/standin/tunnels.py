"""The open tunnels, which Guacamole calls active connections."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from standin.store.connections import Connection


@dataclass
class Tunnel:
    """One open tunnel."""

    uuid: str
    connection: Connection
    token: str = field(repr=False)
    username: str
    user: int
    remote_host: str
    start: int
    """Milliseconds since the epoch."""
    guacd_id: str
    """guacd's name for its connection to the desktop. A tunnel that joins asks guacd for it."""
    joined: str | None = None
    """The UUID of the tunnel that this one joined; ``None`` for a tunnel with its own connection to the desktop."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by the application to close the tunnel."""


class Tunnels:
    """All open tunnels."""

    def __init__(self) -> None:
        self._open: dict[str, Tunnel] = {}
        self._own: defaultdict[int, set[str]] = defaultdict(set)
        self._opening: list[tuple[int, int]] = []

    @contextmanager
    def opening(self, connection: int, user: int) -> Iterator[None]:
        """Count a tunnel as open during its handshake with guacd, so that two tunnels cannot take the last place."""
        reservation = (connection, user)
        self._opening.append(reservation)
        try:
            yield
        finally:
            self._opening.remove(reservation)

    def places(self, connection: int, user: int | None = None) -> int:
        """Return how many tunnels of one user, or of all users, are open to a connection or in their handshake."""
        opening = sum(1 for reserved, of in self._opening if reserved == connection and user in (None, of))
        return self.count(connection, user) + opening

    def add(self, tunnel: Tunnel) -> None:
        """Add a tunnel that was opened."""
        self._open[tunnel.uuid] = tunnel
        if tunnel.joined is None:
            self._own[tunnel.connection.id].add(tunnel.uuid)

    def end(self, uuid: str) -> bool:
        """Close a tunnel, and return whether it was open."""
        tunnel = self._open.pop(uuid, None)
        if tunnel is None:
            return False
        self._own[tunnel.connection.id].discard(uuid)
        tunnel.ended.set()
        return True

    def end_of_token(self, token: str) -> None:
        """Close all tunnels of a token (recorded: logout-while-tunnel)."""
        for uuid in self.of_token(token):
            self.end(uuid)

    def of_token(self, token: str) -> list[str]:
        """Return the UUIDs of a token's tunnels."""
        return [tunnel.uuid for tunnel in self._open.values() if tunnel.token == token]

    def get(self, uuid: str) -> Tunnel | None:
        """Return one open tunnel."""
        return self._open.get(uuid)

    def all(self) -> list[Tunnel]:
        """Return all open tunnels."""
        return list(self._open.values())

    def count(self, connection: int, user: int | None = None) -> int:
        """Return how many tunnels of one user, or of all users, have their own connection to the desktop."""
        own = self._own.get(connection, ())
        return len(own) if user is None else sum(1 for uuid in own if self._open[uuid].user == user)
