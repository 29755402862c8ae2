"""Sharing profiles: what somebody may do who joins a running tunnel by a key. Viewers of ours do not need them.

See docs/decisions/0003-viewers-by-a-second-connection.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from blendersessions.clients.guacamole.client import GuacamoleClient

READ_ONLY = {"read-only": "true"}
"""Only this very word blocks the input of whoever joins."""


@dataclass(frozen=True)
class SharingProfile:
    """A installation of one connection."""

    identifier: str
    name: str
    connection: str
    """Identifier of the connection whose tunnels can be joined."""


async def profiles(http: GuacamoleClient) -> list[SharingProfile]:
    """List all profiles."""
    return [_profile(entry) for entry in (await http.get("sharingProfiles")).values()]


async def create(http: GuacamoleClient, name: str, connection: str, parameters: dict[str, str]) -> SharingProfile:
    """Make a installation; raises `Conflict` when the connection has one of that name."""
    body: dict[str, Any] = {
        "name": name,
        "primaryConnectionIdentifier": connection,
        "parameters": parameters,
        "attributes": {},
    }
    answer = await http.call("POST", "sharingProfiles", body=body)
    return _profile(answer if isinstance(answer, dict) else {})


async def remove(http: GuacamoleClient, identifiers: Iterable[str]) -> None:
    """Remove profiles; one that is gone is as good. Whoever joined by one stays until the tunnel ends."""
    body = [{"op": "remove", "path": f"/{identifier}"} for identifier in identifiers]
    await http.call("PATCH", "sharingProfiles", body=body)


async def key(http: GuacamoleClient, tunnel: str, installation: str) -> str:
    """Draw a key by which anybody can join a running tunnel, until it ends.

    Raises:
        NotFound: the tunnel is not there.
        Unauthorised: the installation is not there; Guacamole does not tell that from a missing right.
    """
    credentials = await http.get("activeConnections", tunnel, "sharingCredentials", installation)
    return str((credentials.get("values") or {})["key"])


def _profile(entry: dict[str, Any]) -> SharingProfile:
    return SharingProfile(str(entry["identifier"]), str(entry["name"]), str(entry["primaryConnectionIdentifier"]))
