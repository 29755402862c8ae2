"""Connection groups, and the tree of what is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from standin import attributes
from standin.answers import GuacamoleError, UnreadableBodyError, internal_error
from standin.calls import route, text, text_map
from standin.collection import ROOT, Collection, checked_name, created
from standin.store import Values

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.routing import Route

    from standin.answers import JSON
    from standin.calls import Call
    from standin.connections import Connections
    from standin.state import Session, State
    from standin.store import Stored

TYPES = ("BALANCING", "ORGANIZATIONAL")


class Groups(Collection):
    """Connection groups. Their identifiers are numbers, except ROOT's."""

    kind, path, noun = "connection_group", "connectionGroups", "The connection group"
    create_permission = "CREATE_CONNECTION_GROUP"

    def __init__(self, state: State, connections: Connections) -> None:
        super().__init__(state)
        self._connections = connections

    def routes(self) -> list[Route]:
        """Return the routes of connection groups."""
        return [
            *super().routes(),
            route(self._state, "DELETE", self.path + "/{identifier}", self._delete),
            route(self._state, "GET", self.path + "/{identifier}/tree", self._tree),
        ]

    def view(self, session: Session, stored: Stored) -> dict[str, JSON]:  # noqa: ARG002 - the same for everybody
        """Return a group as JSON."""
        return {
            "name": stored.name,
            "identifier": str(stored.id),
            "parentIdentifier": ROOT if stored.parent is None else str(stored.parent),
            "type": stored.trait,
            "attributes": {**stored.attributes},
            "activeConnections": 0,
        }

    def read(self, session: Session, body: Mapping[str, JSON], old: Stored | None) -> tuple[Values, dict[str, JSON]]:
        """Read a body (recorded: group-create-bad-type, group-update-cycle)."""
        kind, given = text(body.get("type")), text_map(body.get("attributes"))
        if kind is not None and kind not in TYPES:
            raise UnreadableBodyError(f"Cannot deserialize value of type `ConnectionGroup$Type`: {', '.join(TYPES)}")
        if kind is None or given is None:
            raise internal_error()
        parent = self.parent(session, body, old)
        if old is not None and self._is_inside(parent, old.id):
            raise GuacamoleError(501, "A connection group may not contain itself.")
        name = checked_name(text(body.get("name")), "Connection group names must not be blank.")
        answer: dict[str, JSON] = {"name": name, "type": kind}
        answer["attributes"] = {**attributes.echoed(attributes.GROUP, given)}
        return Values(name, parent, kind, attributes.stored(attributes.GROUP, given), {}), created(body, answer)

    def _is_inside(self, key: int | None, ancestor: int) -> bool:
        while key is not None and key != ancestor:
            group = self._store.get(self.kind, key)
            key = None if group is None else group.parent
        return key is not None

    async def _delete(self, call: Call) -> None:
        """Delete a group with everything in it (recorded: connection-get-after-group-delete, group-delete-ROOT)."""
        if call.identifier == ROOT:
            raise internal_error()
        self._store.delete(self.find(call.session, call.identifier, "DELETE").id)

    async def _tree(self, call: Call) -> JSON:
        """Answer with a group, and the groups and connections in it that the user may see.

        A connection is left out if the user may not see its group (recorded: user-tree-connection-in-ungranted-group).
        Every user may see ROOT (recorded: user-tree).
        """
        if call.identifier == ROOT:
            top: dict[str, JSON] = {"name": ROOT, "identifier": ROOT, "type": "ORGANIZATIONAL"}
            top |= {"attributes": {}, "activeConnections": 0}
        else:
            top = self.view(call.session, self.find(call.session, call.identifier))
        inside: dict[str, dict[str, list[dict[str, JSON]]]] = {}
        for name, collection in (("childConnectionGroups", self), ("childConnections", self._connections)):
            for stored in collection.visible(call.session):
                siblings = inside.setdefault(ROOT if stored.parent is None else str(stored.parent), {})
                siblings.setdefault(name, []).append(collection.view(call.session, stored))
        return _filled(top, inside)


def _filled(group: dict[str, JSON], inside: Mapping[str, Mapping[str, list[dict[str, JSON]]]]) -> dict[str, JSON]:
    """Return a group with all groups and connections in it. Empty lists are left out (recorded: group-tree-root)."""
    filled = dict(group)
    for name, children in inside.get(str(group["identifier"]), {}).items():
        filled[name] = [_filled(each, inside) if name == "childConnectionGroups" else each for each in children]
    return filled
