"""Who was connected, and when: Guacamole keeps it by the names of user and connection, also when both are gone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from blendersessions.clients.guacamole.client import GuacamoleClient


@dataclass(frozen=True)
class Visit:
    """One tunnel that ran or runs. Moments are Unix times in seconds."""

    connection: str
    """Identifier of the connection; empty when it was deleted since."""
    connection_name: str
    username: str
    """Empty for whoever came by a share key."""
    remote_host: str
    began_at: float
    ended_at: float | None
    """None while it runs, and for what a crash of Guacamole cut off."""


async def visits(http: GuacamoleClient, connection: str) -> list[Visit]:
    """List the visits of one connection, the latest first.

    Raises:
        NotFound: there is no such connection; its visits are among `all_visits` still.
    """
    return _read(await http.call("GET", "connections", connection, "history"))


async def all_visits(http: GuacamoleClient) -> list[Visit]:
    """List all visits, the latest first. Guacamole's own search does not find those of deleted connections."""
    return _read(await http.call("GET", "history", "connections", query={"order": "-startDate"}))


def _read(answer: object) -> list[Visit]:
    found = [_visit(entry) for entry in answer] if isinstance(answer, list) else []
    return sorted(found, key=lambda visit: visit.began_at, reverse=True)


def _visit(entry: dict[str, Any]) -> Visit:
    ended = entry.get("endDate")
    return Visit(
        str(entry.get("connectionIdentifier") or ""),
        str(entry.get("connectionName") or ""),
        str(entry.get("username") or ""),
        str(entry.get("remoteHost") or ""),
        float(entry["startDate"]) / 1000,
        None if ended is None else float(ended) / 1000,
    )
