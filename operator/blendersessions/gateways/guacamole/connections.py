"""Connections, the group that they are in, and the tunnels that run on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from blendersessions.model.access import ConnectionRecord, ConnectionSpec
from blendersessions.model.errors import Conflict, NotFound

if TYPE_CHECKING:
    from blendersessions.gateways.guacamole.http import Http

ROOT = "ROOT"


async def find_group(http: Http, name: str) -> str | None:
    """Return the identifier of the connection group at the root, or None."""
    groups = await http.get("connectionGroups")
    found = [key for key, group in groups.items() if group["name"] == name and group["parentIdentifier"] == ROOT]
    return min(found, key=int) if found else None


async def ensure_group(http: Http, name: str) -> str:
    """Return the identifier of the connection group, made if there is none."""
    if identifier := await find_group(http, name):
        return identifier
    body = {"name": name, "parentIdentifier": ROOT, "type": "ORGANIZATIONAL", "attributes": {}}
    try:
        answer = await http.call("POST", "connectionGroups", body=body)
    except Conflict:
        answer = None
    if isinstance(answer, dict):
        return str(answer["identifier"])
    if identifier := await find_group(http, name):
        return identifier
    raise NotFound(f"Guacamole has no connection group {name} after it was made: it is tried again.")


async def in_group(http: Http, group: str) -> dict[str, ConnectionRecord]:
    """List the connections of a group by name, in one request."""
    tree = await http.get("connectionGroups", group, "tree")
    return {record.name: record for record in map(_record, tree.get("childConnections") or ())}


async def parameters(http: Http, identifier: str) -> dict[str, str]:
    """Read the parameters of one connection, which no list tells."""
    return {key: str(value) for key, value in (await http.get("connections", identifier, "parameters")).items()}


async def create(http: Http, group: str, spec: ConnectionSpec) -> str:
    """Create a connection and return its identifier; raises `Conflict` when the group has one of that name."""
    answer = await http.call("POST", "connections", body=_body(group, spec))
    return str(answer["identifier"]) if isinstance(answer, dict) else ""


async def replace(http: Http, group: str, identifier: str, spec: ConnectionSpec) -> None:
    """Make a connection what the spec says, and nothing else."""
    await http.call("PUT", "connections", identifier, body=_body(group, spec) | {"identifier": identifier})


async def remove(http: Http, identifier: str) -> None:
    """Remove a connection; one that is gone is as good. Its running tunnels stay open."""
    await http.call("PATCH", "connections", body=[{"op": "remove", "path": f"/{identifier}"}])


async def kill_tunnels(http: Http, identifiers: set[str], username: str | None = None) -> int:
    """Close what runs on connections, of one user or of all, and return how many tunnels that were."""
    active = await http.get("activeConnections")
    tunnels = [
        key
        for key, tunnel in active.items()
        if tunnel.get("connectionIdentifier") in identifiers and username in (None, tunnel.get("username"))
    ]
    if tunnels:
        await http.call("PATCH", "activeConnections", body=[{"op": "remove", "path": f"/{key}"} for key in tunnels])
    return len(tunnels)


def _body(group: str, spec: ConnectionSpec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "parentIdentifier": group,
        "protocol": "vnc",
        "parameters": spec.parameters,
        "attributes": spec.attributes,
    }


def _record(answer: dict[str, Any]) -> ConnectionRecord:
    attributes = {key: str(value) for key, value in (answer.get("attributes") or {}).items() if value not in (None, "")}
    return ConnectionRecord(str(answer["identifier"]), str(answer["name"]), str(answer["protocol"]), attributes)
