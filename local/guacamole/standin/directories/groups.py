"""Connection groups, including ROOT."""

from __future__ import annotations

from typing import TYPE_CHECKING

from standin import attributes, bodies
from standin.directories.base import Directory, checked_name, number, refuse_taken
from standin.errors import UnreadableBodyError, internal_error, permission_denied, unsupported
from standin.store.groups import Group

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from standin.errors import JSON
    from standin.sessions import Session
    from standin.state import State

ROOT = "ROOT"
TYPES = ("BALANCING", "ORGANIZATIONAL")


class GroupDirectory(Directory[Group]):
    """Connection groups. Their identifiers are numbers, except ROOT's."""

    table = "connection_group"
    create_permission = "CREATE_CONNECTION_GROUP"

    def all(self) -> list[Group]:
        """Return all groups except ROOT, which the database does not have (recorded: group-list)."""
        return self._state.groups.all()

    def lookup(self, identifier: str) -> Group | None:
        """Return the group with an identifier."""
        key = number(identifier)
        return None if key is None else self._state.groups.get(key)

    def key(self, stored: Group) -> int:
        """Return a group's id."""
        return stored.id

    def identifier(self, stored: Group) -> str:
        """Return a group's identifier."""
        return str(stored.id)

    def view(self, session: Session, stored: Group) -> dict[str, JSON]:  # noqa: ARG002 - the same for everybody
        """Return a group as JSON."""
        return {
            "name": stored.name,
            "identifier": str(stored.id),
            "parentIdentifier": ROOT if stored.parent is None else str(stored.parent),
            "type": stored.type,
            "activeConnections": 0,
            "attributes": dict(stored.attributes),
        }

    def show(self, session: Session, identifier: str) -> dict[str, JSON]:
        """Return one group as JSON. Every user may see ROOT (recorded: group-get-ROOT, user-tree)."""
        return root() if identifier == ROOT else self.view(session, self.find(session, identifier))

    def prepare(self, session: Session, body: Mapping[str, JSON]) -> Callable[[], dict[str, JSON]]:
        """Check a new group, and return a function that inserts it."""
        kind, given = _read(body)
        self.require_create(session)
        parent = resolve_parent(self._state, session, body.get("parentIdentifier"))
        name = checked_name(bodies.text(body.get("name")), "Connection group")
        refuse_taken(self._state.groups.count(name, parent), "The connection group", name)

        def insert() -> dict[str, JSON]:
            key = self._state.groups.create(name, parent, kind, attributes.stored(attributes.GROUP, given))
            self.grant_creator(session, key)
            answer: dict[str, JSON] = {"name": name, "identifier": str(key)}
            if body.get("parentIdentifier") is not None:
                answer["parentIdentifier"] = bodies.text(body["parentIdentifier"])
            echo: dict[str, JSON] = {**attributes.echoed(attributes.GROUP, given)}
            return {**answer, "type": kind, "activeConnections": 0, "attributes": echo}

        return insert

    def update(self, session: Session, identifier: str, body: Mapping[str, JSON]) -> None:
        """Update one group. ROOT cannot be updated."""
        if identifier == ROOT:
            raise internal_error()
        super().update(session, identifier, body)

    def replace(self, session: Session, stored: Group, body: Mapping[str, JSON]) -> None:
        """Replace a group, or move it into another one.

        Raises:
            GuacamoleError: The body is wrong, the name is taken, or the group would be inside itself (recorded:
                group-update-cycle).
        """
        kind, given = _read(body)
        parent = resolve_parent(self._state, session, body.get("parentIdentifier"), old=stored.parent)
        name = checked_name(bodies.text(body.get("name")), "Connection group")
        refuse_taken(self._state.groups.count(name, parent, stored.id), "The connection group", name)
        if self._state.groups.is_inside(parent, stored.id):
            raise unsupported("A connection group may not contain itself.")
        self._state.groups.replace(stored.id, name, parent, kind, attributes.stored(attributes.GROUP, given))

    def delete(self, session: Session, identifier: str) -> None:
        """Delete one group with everything in it. ROOT cannot be deleted (recorded: group-delete-ROOT)."""
        if identifier == ROOT:
            raise internal_error()
        super().delete(session, identifier)

    def remove(self, session: Session, stored: Group) -> None:  # noqa: ARG002
        """Delete a group with everything in it (recorded: connection-get-after-group-delete)."""
        self._state.groups.delete(stored.id)


def root() -> dict[str, JSON]:
    """Return ROOT, the group that contains all others, as JSON."""
    return {"name": ROOT, "identifier": ROOT, "type": "ORGANIZATIONAL", "activeConnections": 0, "attributes": {}}


def resolve_parent(state: State, session: Session, given: JSON, *, old: int | None = None) -> int | None:
    """Return the id of the group that a body names as parent, and ``None`` for ROOT.

    Args:
        state: The state with the groups.
        session: The session of the user who puts something into the group.
        given: The body's ``parentIdentifier``. Null means ROOT (recorded: connection-get-omitting-parent).
        old: The id of the present parent. Staying there needs no permission.

    Raises:
        GuacamoleError: The group does not exist (recorded: connection-create-unknown-parent), or the user may not
            UPDATE it.
    """
    identifier = bodies.text(given)
    if identifier is None or identifier == ROOT:
        return None
    parent = number(identifier)
    if parent is None or state.groups.get(parent) is None:
        raise internal_error()
    if parent != old and not state.permissions.has("connection_group", session.user, parent, "UPDATE"):
        raise permission_denied()
    return parent


def _read(body: Mapping[str, JSON]) -> tuple[str, dict[str, str | None]]:
    kind, given = bodies.text(body.get("type")), bodies.text_map(body.get("attributes"))
    if kind is not None and kind not in TYPES:
        raise UnreadableBodyError(
            f'Cannot deserialize value of type `ConnectionGroup$Type` from String "{kind}": '
            f"not one of the values accepted for Enum class: [{', '.join(TYPES)}]"
        )
    if kind is None or given is None:
        raise internal_error()
    return kind, given
