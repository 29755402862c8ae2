"""The open tunnels.

Removing a connection, a group, a user or a right leaves tunnels open (exchanges
`activeconnections-after-connection-delete`, `activeconnections-after-group-delete`, `permissions-remove-while-tunnel`),
so they are closed by their identifiers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from blendersessions.clients.guacamole.batching import MAX_ITEMS_PER_REQUEST
from blendersessions.model.access import Tunnel

if TYPE_CHECKING:
    from collections.abc import Iterable

    from blendersessions.clients.guacamole.client import GuacamoleClient


async def running(client: GuacamoleClient) -> list[Tunnel]:
    """List the tunnels on all connections in one request (`activeconnections-list-admin`)."""
    return [
        Tunnel(
            key,
            str(entry.get("connectionIdentifier") or ""),
            str(entry.get("username") or ""),
            float(entry.get("startDate") or 0) / 1000,
        )
        for key, entry in (await client.get("activeConnections")).items()
    ]


async def kill(client: GuacamoleClient, tunnels: Iterable[Tunnel]) -> None:
    """Close tunnels. A tunnel that is closed already is no error (`activeconnection-kill-twice`)."""
    paths = [f"/{tunnel.identifier}" for tunnel in tunnels]
    for start in range(0, len(paths), MAX_ITEMS_PER_REQUEST):
        body = [{"op": "remove", "path": path} for path in paths[start : start + MAX_ITEMS_PER_REQUEST]]
        await client.call("PATCH", "activeConnections", body=body)
