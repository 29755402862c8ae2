"""Sharing profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from standin import bodies
from standin.directories.base import Directory, checked_name, number, refuse_taken
from standin.errors import internal_error, permission_denied
from standin.store.sharing import Profile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from standin.errors import JSON
    from standin.sessions import Session


class ProfileDirectory(Directory[Profile]):
    """Sharing profiles."""

    noun = "sharing_profile"
    create_permission = "CREATE_SHARING_PROFILE"

    def all(self) -> list[Profile]:
        """Return all profiles."""
        return self._state.profiles.all()

    def lookup(self, identifier: str) -> Profile | None:
        """Return the profile of an identifier."""
        key = number(identifier)
        return None if key is None else self._state.profiles.get(key)

    def key(self, stored: Profile) -> int:
        """Return a profile's id."""
        return stored.id

    def identifier(self, stored: Profile) -> str:
        """Return a profile's identifier."""
        return str(stored.id)

    def view(self, session: Session, stored: Profile) -> dict[str, JSON]:  # noqa: ARG002 - the same for everybody
        """Return a profile as the API shows it, without its parameters."""
        return {
            "name": stored.name,
            "identifier": str(stored.id),
            "primaryConnectionIdentifier": str(stored.connection),
            "attributes": {},
        }

    def parameters(self, session: Session, identifier: str) -> dict[str, JSON]:
        """Return a profile's parameters, for those who may UPDATE it."""
        stored = self.find(session, identifier)
        if not self.may(session, stored, "UPDATE"):
            raise permission_denied("Permission to read sharing profile parameters denied.")
        return {**stored.parameters}

    def prepare(self, session: Session, body: Mapping[str, JSON]) -> Callable[[], dict[str, JSON]]:
        """Check a new profile."""
        self.require_create(session)
        name, connection, parameters = self._read(session, body)
        refuse_taken(self._state.profiles.count(name, connection), "The sharing profile", name)

        def insert() -> dict[str, JSON]:
            key = self._state.profiles.create(name, connection, _kept(parameters))
            self.own(session, key)
            return {
                "name": name,
                "identifier": str(key),
                "primaryConnectionIdentifier": str(connection),
                "parameters": {**parameters},
                "attributes": {},
            }

        return insert

    def replace(self, session: Session, stored: Profile, body: Mapping[str, JSON]) -> None:
        """Store other values for a profile."""
        name, connection, parameters = self._read(session, body)
        refuse_taken(self._state.profiles.count(name, connection, stored.id), "The sharing profile", name)
        self._state.profiles.replace(stored.id, name, connection, _kept(parameters))

    def remove(self, session: Session, stored: Profile) -> None:  # noqa: ARG002
        """Delete a profile."""
        self._state.profiles.delete(stored.id)

    def _read(self, session: Session, body: Mapping[str, JSON]) -> tuple[str, int, dict[str, str | None]]:
        parameters = bodies.text_map(body.get("parameters"))
        if parameters is None or bodies.text_map(body.get("attributes")) is None:
            raise internal_error()
        name = checked_name(bodies.text(body.get("name")), "Sharing profile")
        connection = number(bodies.text(body.get("primaryConnectionIdentifier")) or "")
        if connection is None or self._state.connections.get(connection) is None:
            raise internal_error()
        if session.user is None or not self._state.permissions.has("connection", session.user, connection, "UPDATE"):
            raise permission_denied()
        return name, connection, parameters


def _kept(parameters: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in parameters.items() if value}
