"""The connection group of this installation, and the connections in it.

A group refuses a second connection of one name (exchange `connection-create-duplicate-in-group`). Removing a group
removes its connections (`group-delete-with-children`, `connection-get-after-group-delete`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from blendersessions.clients.guacamole.connections import record_of
from blendersessions.model.desktop import desktop_of_connection
from blendersessions.model.errors import Conflict, NotFound, System

if TYPE_CHECKING:
    from blendersessions.clients.guacamole.client import GuacamoleClient
    from blendersessions.model.access import ConnectionRecord

ROOT = "ROOT"


@dataclass(frozen=True)
class Group:
    """The group and its connections by name, from one request (`group-tree-sub`)."""

    identifier: str
    connections: dict[str, ConnectionRecord]


async def read_group(client: GuacamoleClient, name: str, last_identifier: str) -> Group:
    """Return the group of this name at the root; create it if it does not exist.

    In the steady state this is one request, by the last known identifier. The identifier alone proves nothing, because
    a restored database gives identifiers to other groups. A group that has another name or parent now and holds
    connections of ours was renamed or moved, so its name and parent are restored.

    Args:
        client: the client that sends the requests.
        name: the group's name.
        last_identifier: the last known identifier of the group; empty if none is known.

    Raises:
        NotFound: somebody removed the group during the call.
    """
    if last_identifier:
        tree = await _tree(client, last_identifier)
        if tree is not None and tree.get("name") == name and tree.get("parentIdentifier") == ROOT:
            return _group(tree)
        identifier = await _find(client, name)
        if identifier is None and tree is not None and any(map(desktop_of_connection, _group(tree).connections)):
            await _rename(client, tree, name)
            return _group(tree)
    else:
        identifier = await _find(client, name)
    tree = await _tree(client, identifier or await _create(client, name))
    if tree is None:
        raise NotFound(
            f"Guacamole's connection group {name} was removed while it was read; it is created again.",
            System.GUACAMOLE,
        )
    return _group(tree)


async def _tree(client: GuacamoleClient, identifier: str) -> dict[str, Any] | None:
    try:
        return await client.get("connectionGroups", identifier, "tree")
    except NotFound:
        return None


async def _find(client: GuacamoleClient, name: str) -> str | None:
    groups = await client.get("connectionGroups")
    found = [key for key, group in groups.items() if group["name"] == name and group["parentIdentifier"] == ROOT]
    return min(found, key=int) if found else None


async def _create(client: GuacamoleClient, name: str) -> str:
    body = {"name": name, "parentIdentifier": ROOT, "type": "ORGANIZATIONAL", "attributes": {}}
    try:
        answer = await client.call("POST", "connectionGroups", body=body)
    except Conflict:
        answer = None
    identifier = str(answer["identifier"]) if isinstance(answer, dict) else await _find(client, name)
    if not identifier:
        raise NotFound(
            f"Guacamole has no connection group {name} after its creation; it is tried again.", System.GUACAMOLE
        )
    return identifier


async def _rename(client: GuacamoleClient, tree: dict[str, Any], name: str) -> None:
    body = {
        "identifier": tree["identifier"],
        "name": name,
        "parentIdentifier": ROOT,
        "type": "ORGANIZATIONAL",
        "attributes": tree.get("attributes") or {},
    }
    await client.call("PUT", "connectionGroups", str(tree["identifier"]), body=body)


def _group(tree: dict[str, Any]) -> Group:
    records = (record_of(child) for child in tree.get("childConnections") or ())
    return Group(str(tree["identifier"]), {record.name: record for record in records})
