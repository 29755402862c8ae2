"""The tunnels that run: deleting a connection, a user or a grant leaves them open, so they are closed one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blendersessions.model.access import Tunnel

if TYPE_CHECKING:
    from collections.abc import Iterable

    from blendersessions.clients.guacamole.client import GuacamoleClient

_BATCH = 100


async def running(client: GuacamoleClient) -> list[Tunnel]:
    """List what runs on all connections, in one request."""
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
    """Close tunnels; one that is closed already is as good."""
    paths = [f"/{tunnel.identifier}" for tunnel in tunnels]
    for start in range(0, len(paths), _BATCH):
        body = [{"op": "remove", "path": path} for path in paths[start : start + _BATCH]]
        await client.call("PATCH", "activeConnections", body=body)
