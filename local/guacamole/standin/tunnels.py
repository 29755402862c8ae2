"""The tunnels that are open: Guacamole's active connections."""

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
    """One open tunnel; ``start`` is in milliseconds since the epoch."""

    uuid: str
    connection: Connection
    token: str = field(repr=False)
    username: str
    user: int
    remote_host: str
    start: int
    guacd_id: str
    """What guacd calls the desktop's connection; whoever wants to join names it."""
    joined: str | None = None
    """The uuid of the tunnel that this one looks at, if it has not its own connection to the desktop."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    """Set to close it from our side."""


class Tunnels:
    """All open tunnels."""

    def __init__(self) -> None:
        self._open: dict[str, Tunnel] = {}
        self._own: defaultdict[int, set[str]] = defaultdict(set)
        self._opening: list[tuple[int, int]] = []

    @contextmanager
    def opening(self, connection: int, user: int) -> Iterator[None]:
        """Hold a place on a connection while guacd is asked for it, so that two cannot take the last one."""
        place = (connection, user)
        self._opening.append(place)
        try:
            yield
        finally:
            self._opening.remove(place)

    def places(self, connection: int, user: int | None = None) -> int:
        """Return how many places on a connection are taken, by tunnels that are open or about to be."""
        opening = [of for of in self._opening if of[0] == connection and (user is None or of[1] == user)]
        return self.count(connection, user) + len(opening)

    def add(self, tunnel: Tunnel) -> None:
        """List a tunnel."""
        self._open[tunnel.uuid] = tunnel
        if tunnel.joined is None:
            self._own[tunnel.connection.id].add(tunnel.uuid)

    def end(self, uuid: str) -> bool:
        """Close a tunnel; return whether it was open."""
        tunnel = self._open.pop(uuid, None)
        if tunnel is None:
            return False
        self._own[tunnel.connection.id].discard(uuid)
        tunnel.ended.set()
        return True

    def end_of_token(self, token: str) -> None:
        """Close all tunnels of a token."""
        for uuid in self.of_token(token):
            self.end(uuid)

    def of_token(self, token: str) -> list[str]:
        """Return the uuids of a token's tunnels."""
        return [tunnel.uuid for tunnel in self._open.values() if tunnel.token == token]

    def get(self, uuid: str) -> Tunnel | None:
        """Return one open tunnel."""
        return self._open.get(uuid)

    def all(self) -> list[Tunnel]:
        """Return all open tunnels."""
        return list(self._open.values())

    def count(self, connection: int, user: int | None = None) -> int:
        """Return how many tunnels hold a connection to the desktop of their own, of one user or of all."""
        own = self._own.get(connection, ())
        return len(own) if user is None else sum(1 for uuid in own if self._open[uuid].user == user)
