"""Connections, each of which leads to one desktop.

A replaced connection has the fields of the request and no others (exchanges `connection-update`,
`connection-get-after-empty-attrs`). Empty parameters are not stored (`connection-parameters-full`). No list contains
parameters (`connection-list`). Removing a connection leaves its tunnels open
(`activeconnections-after-connection-delete`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from blendersessions.model.access import ConnectionRecord, ConnectionSpec
from blendersessions.model.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from blendersessions.clients.guacamole.client import GuacamoleClient


async def find(client: GuacamoleClient, group: str, identifier: str) -> ConnectionRecord | None:
    """Look up a connection by its identifier, in any group; None if it does not exist.

    Args:
        client: the client that sends the requests.
        group: the identifier of our group, for `ConnectionRecord.in_group`.
        identifier: the connection's identifier (`connection-get-unknown` if it does not exist).

    Returns:
        The connection, with its parameters.
    """
    try:
        answer = await client.get("connections", identifier)
        known = await parameters(client, identifier)
    except NotFound:
        return None
    return record_of(answer, in_group=str(answer.get("parentIdentifier")) == group, parameters=known)


async def parameters(client: GuacamoleClient, identifier: str) -> dict[str, str]:
    """Read the parameters of one connection."""
    return {key: str(value) for key, value in (await client.get("connections", identifier, "parameters")).items()}


async def create(client: GuacamoleClient, group: str, spec: ConnectionSpec) -> str:
    """Create a connection and return its identifier, which may be empty if the answer has none.

    Raises:
        Conflict: the group already has a connection of that name (`connection-create-duplicate-in-group`).
    """
    answer = await client.call("POST", "connections", body=_body(group, spec))
    return str(answer["identifier"]) if isinstance(answer, dict) else ""


async def create_all(client: GuacamoleClient, group: str, specs: Sequence[ConnectionSpec]) -> list[str]:
    """Create connections in one request and return their identifiers, in the order of the specs.

    Raises:
        Invalid: one of them is refused, so none was created (`batch-add-atomic-failure-duplicate`).
    """
    body = [{"op": "add", "path": "/", "value": _body(group, spec)} for spec in specs]
    answer = await client.call("PATCH", "connections", body=body)
    patches = answer.get("patches") if isinstance(answer, dict) else None
    return [str(outcome.get("identifier") or "") for outcome in patches or [{}] * len(specs)]


async def replace(client: GuacamoleClient, group: str, identifier: str, spec: ConnectionSpec) -> None:
    """Give a connection the values of the spec, and move it into the group."""
    await client.call("PUT", "connections", identifier, body=_body(group, spec) | {"identifier": identifier})


async def remove(client: GuacamoleClient, identifiers: Sequence[str]) -> list[None]:
    """Remove connections; an unknown one is no error (`batch-remove-with-unknown`). Their tunnels stay open."""
    body = [{"op": "remove", "path": f"/{identifier}"} for identifier in identifiers]
    await client.call("PATCH", "connections", body=body)
    return [None] * len(identifiers)


def record_of(
    answer: dict[str, Any], *, in_group: bool = True, parameters: dict[str, str] | None = None
) -> ConnectionRecord:
    """Return the record of a connection in an answer; attributes without a value are left out."""
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
