"""Connections: what a person opens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from blendersessions.model.access import ConnectionRecord, ConnectionSpec
from blendersessions.model.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from blendersessions.clients.guacamole.client import GuacamoleClient


async def find(client: GuacamoleClient, group: str, identifier: str) -> ConnectionRecord | None:
    """Look a connection up by its identifier, with its parameters, wherever it is; None when there is none."""
    try:
        answer = await client.get("connections", identifier)
        known = await parameters(client, identifier)
    except NotFound:
        return None
    return record_of(answer, in_group=str(answer.get("parentIdentifier")) == group, parameters=known)


async def parameters(client: GuacamoleClient, identifier: str) -> dict[str, str]:
    """Read the parameters of one connection, which no list tells."""
    return {key: str(value) for key, value in (await client.get("connections", identifier, "parameters")).items()}


async def create(client: GuacamoleClient, group: str, spec: ConnectionSpec) -> str:
    """Create a connection and return its identifier; raises `Conflict` when the group has one of that name."""
    answer = await client.call("POST", "connections", body=_body(group, spec))
    return str(answer["identifier"]) if isinstance(answer, dict) else ""


async def create_all(client: GuacamoleClient, group: str, specs: Sequence[ConnectionSpec]) -> list[str]:
    """Create connections in one request, all or none, and return their identifiers."""
    body = [{"op": "add", "path": "/", "value": _body(group, spec)} for spec in specs]
    answer = await client.call("PATCH", "connections", body=body)
    made = answer.get("patches") if isinstance(answer, dict) else None
    return [str(outcome.get("identifier") or "") for outcome in made or [{}] * len(specs)]


async def replace(client: GuacamoleClient, group: str, identifier: str, spec: ConnectionSpec) -> None:
    """Make a connection what the spec says, and nothing else, in the group."""
    await client.call("PUT", "connections", identifier, body=_body(group, spec) | {"identifier": identifier})


async def remove(client: GuacamoleClient, identifiers: Sequence[str]) -> list[None]:
    """Remove connections; one that is gone is as good. Their running tunnels stay open."""
    body = [{"op": "remove", "path": f"/{identifier}"} for identifier in identifiers]
    await client.call("PATCH", "connections", body=body)
    return [None] * len(identifiers)


def record_of(
    answer: dict[str, Any], *, in_group: bool = True, parameters: dict[str, str] | None = None
) -> ConnectionRecord:
    """Read a connection as Guacamole writes it; attributes that are not set are left out."""
    attributes = {key: str(value) for key, value in (answer.get("attributes") or {}).items() if value not in (None, "")}
    return ConnectionRecord(
        str(answer["identifier"]), str(answer["name"]), str(answer["protocol"]), attributes, parameters, in_group
    )


def _body(group: str, spec: ConnectionSpec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "parentIdentifier": group,
        "protocol": "vnc",
        "parameters": spec.parameters,
        "attributes": spec.attributes,
    }
