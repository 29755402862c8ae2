"""The open tunnels, which Guacamole calls active connections."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Tunnel:
    """One open tunnel."""

    uuid: str
    connection: int
    """The connection's id. The tunnel may outlive the connection."""
    token: str = field(repr=False)
    username: str
    user: int
    remote_host: str
    start: int
    """Milliseconds since the epoch."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by the application to close the tunnel."""


class Tunnels:
    """All open tunnels."""

    def __init__(self) -> None:
        self._open: dict[str, Tunnel] = {}
        self._counts: Counter[int] = Counter()
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
        taken = self._opening + [(tunnel.connection, tunnel.user) for tunnel in self._open.values()]
        return sum(1 for place, of in taken if place == connection and user in (None, of))

    def add(self, tunnel: Tunnel) -> None:
        """Add a tunnel that was opened."""
        self._open[tunnel.uuid] = tunnel
        self._counts[tunnel.connection] += 1

    def end(self, uuid: str) -> None:
        """Close a tunnel, if it is open (recorded: activeconnection-kill-twice)."""
        tunnel = self._open.pop(uuid, None)
        if tunnel is not None:
            self._counts[tunnel.connection] -= 1
            tunnel.ended.set()

    def get(self, uuid: str) -> Tunnel | None:
        """Return one open tunnel."""
        return self._open.get(uuid)

    def all(self) -> list[Tunnel]:
        """Return all open tunnels."""
        return list(self._open.values())

    def of_token(self, token: str) -> list[str]:
        """Return the UUIDs of a token's tunnels, which end with the token (recorded: logout-while-tunnel)."""
        return [tunnel.uuid for tunnel in self._open.values() if tunnel.token == token]

    def count(self, connection: int) -> int:
        """Return how many tunnels are open to a connection."""
        return self._counts[connection]
