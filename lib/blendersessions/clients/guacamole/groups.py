"""The connection group of this installation, and the connections in it.

A group refuses a second connection of one name (exchange `connection-create-duplicate-in-group`). Removing a group
removes its connections (`group-delete-with-children`, `connection-get-after-group-delete`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from blendersessions.clients.guacamole import users
from blendersessions.clients.guacamole.connections import record_of
from blendersessions.clients.guacamole.marks import group_mark, read_group_mark
from blendersessions.model.desktop import connection_key
from blendersessions.model.errors import Conflict, GroupTaken, NotFound, System

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from blendersessions.clients.guacamole.client import GuacamoleClient
    from blendersessions.clients.guacamole.marks import GroupMark, Installation
    from blendersessions.model.access import ConnectionRecord

ROOT = "ROOT"


@dataclass(frozen=True)
class Group:
    """The group, its mark, and its connections by key, from one request (`group-tree-sub`)."""

    identifier: str
    mark: GroupMark
    connections: dict[str, ConnectionRecord]


async def read_group(client: GuacamoleClient, installation: Installation, last_identifier: str) -> Group:
    """Return our group. It is created if it does not exist, and gets its name back if somebody changed it.

    In the steady state this is one request, by the last known identifier. The identifier alone proves nothing, because
    a restored database gives identifiers to other groups. The mark in the group proves whose it is. A group of our name
    without a mark is from an older version, and is adopted.

    Args:
        client: the client that sends the requests.
        installation: whose group it is.
        last_identifier: the last known identifier of the group; empty if none is known.

    Raises:
        GroupTaken: another installation's group has the name. Nothing in it was changed.
        NotFound: somebody removed the group during the call.
    """
    tree = await _tree(client, last_identifier) if last_identifier else None
    mark = _first_mark(tree)
    if tree is None or mark is None or mark.installation != installation.id or not _in_place(tree, installation):
        tree, mark = await _resolve(client, installation)
    records = (record_of(child) for child in tree.get("childConnections") or ())
    return Group(str(tree["identifier"]), mark, _by_key(records))


async def set_revision(client: GuacamoleClient, group: Group, revision: int) -> None:
    """Write another revision into the mark of a group (`group-update-rename`)."""
    name = group_mark(group.mark.installation, revision)
    await _replace(client, group.mark.identifier, name, group.identifier, {})


def _by_key(records: Iterable[ConnectionRecord]) -> dict[str, ConnectionRecord]:
    """Return connections by key. Of two of one key the older one has it; the other one's is of no session."""
    found: dict[str, ConnectionRecord] = {}
    for record in sorted(records, key=lambda each: int(each.identifier)):
        key = connection_key(record.name)
        found[key if key not in found else f"{key} [{record.identifier}]"] = record
    return found


async def _resolve(client: GuacamoleClient, installation: Installation) -> tuple[dict[str, Any], GroupMark]:
    """Find our group by its mark, else by its name; create and mark it where that is missing."""
    listed = await client.get("connectionGroups")
    identifier = _marked(listed.values(), installation) or _named(listed, installation.group, ROOT)
    identifier = identifier or await _create(client, installation.group, ROOT)
    tree = await _tree(client, identifier)
    if tree is not None and _first_mark(tree) is None:
        await _create(client, group_mark(installation.id, 1), identifier)
        tree = await _tree(client, identifier)
    mark = _first_mark(tree)
    if tree is None or mark is None:
        raise NotFound(
            f"Guacamole's connection group {installation.group} was removed while it was read; it is created again.",
            System.GUACAMOLE,
        )
    if mark.installation != installation.id:
        await _withdraw(client, installation, tree)
        raise GroupTaken(
            f"Guacamole's connection group {installation.group} belongs to another installation of Blender sessions "
            f"({mark.installation}; this one is {installation.id}), and nothing in it is touched: give this "
            "installation a group of its own by BLENDERSESSIONS_GUACAMOLE_GROUP (chart: operator.guacamoleGroup). If "
            "this one takes the other's place, set BLENDERSESSIONS_INSTALLATION_ID (chart: operator.installationID) "
            "to the other's id.",
            System.GUACAMOLE,
        )
    if not _in_place(tree, installation):
        await _put_in_place(client, installation, tree)
    return tree, mark


def _in_place(tree: Mapping[str, Any], installation: Installation) -> bool:
    return tree.get("name") == installation.group and tree.get("parentIdentifier") == ROOT


def _first_mark(tree: Mapping[str, Any] | None) -> GroupMark | None:
    """Return the mark that counts. Of two installations that mark a group at the same time, the first one has it."""
    found = _marks((tree or {}).get("childConnectionGroups") or ())
    return min(found, key=lambda mark: int(mark.identifier), default=None)


def _marks(groups: Iterable[Mapping[str, Any]]) -> list[GroupMark]:
    read = (read_group_mark(str(group["identifier"]), str(group["name"])) for group in groups)
    return [mark for mark in read if mark is not None]


def _marked(groups: Iterable[Mapping[str, Any]], installation: Installation) -> str | None:
    """Return the group that has our mark, the one of the right name first."""
    inside: dict[str, list[Mapping[str, Any]]] = {}
    names: dict[str, str] = {}
    for group in groups:
        names[str(group["identifier"])] = str(group["name"])
        if group["parentIdentifier"] != ROOT:
            inside.setdefault(str(group["parentIdentifier"]), []).append(group)
    ours = []
    for parent, children in inside.items():
        mark = _first_mark({"childConnectionGroups": children})
        if mark is not None and mark.installation == installation.id:
            ours.append(parent)
    return min(ours, key=lambda key: (names.get(key) != installation.group, int(key)), default=None)


def _named(groups: Mapping[str, Any], name: str, parent: str) -> str | None:
    found = [key for key, group in groups.items() if group["name"] == name and group["parentIdentifier"] == parent]
    return min(found, key=int) if found else None


async def _withdraw(client: GuacamoleClient, installation: Installation, tree: Mapping[str, Any]) -> None:
    """Remove our own mark from a group that another installation marked before us."""
    for mark in _marks(tree.get("childConnectionGroups") or ()):
        if mark.installation == installation.id:
            await client.call("DELETE", "connectionGroups", mark.identifier)


async def _put_in_place(client: GuacamoleClient, installation: Installation, tree: dict[str, Any]) -> None:
    """Give our group its name, after a change of the setting or by hand. The marks of its users follow."""
    former = str(tree["name"])
    await users.renew_marks(client, installation, former)
    try:
        await _replace(client, str(tree["identifier"]), installation.group, ROOT, tree.get("attributes") or {})
    except Conflict as taken:
        raise GroupTaken(
            f"This installation's connection group in Guacamole is named {former}. It cannot be renamed to "
            f"{installation.group}, because another group has that name: rename or remove that one, or set "
            "BLENDERSESSIONS_GUACAMOLE_GROUP (chart: operator.guacamoleGroup) to another name.",
            System.GUACAMOLE,
        ) from taken


async def _tree(client: GuacamoleClient, identifier: str) -> dict[str, Any] | None:
    try:
        return await client.get("connectionGroups", identifier, "tree")
    except NotFound:
        return None


async def _create(client: GuacamoleClient, name: str, parent: str) -> str:
    body = {"name": name, "parentIdentifier": parent, "type": "ORGANIZATIONAL", "attributes": {}}
    try:
        answer = await client.call("POST", "connectionGroups", body=body)
    except Conflict:
        answer = None
    if isinstance(answer, dict):
        return str(answer["identifier"])
    identifier = _named(await client.get("connectionGroups"), name, parent)
    if identifier is None:
        raise NotFound(
            f"Guacamole has no connection group {name} after its creation; it is tried again.", System.GUACAMOLE
        )
    return identifier


async def _replace(
    client: GuacamoleClient, identifier: str, name: str, parent: str, attributes: Mapping[str, Any]
) -> None:
    body = {
        "identifier": identifier,
        "name": name,
        "parentIdentifier": parent,
        "type": "ORGANIZATIONAL",
        "attributes": dict(attributes),
    }
    await client.call("PUT", "connectionGroups", identifier, body=body)
