"""The rules that connections, connection groups and users share."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from standin.errors import bad_request, internal_error, not_found, permission_denied

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from standin.errors import JSON
    from standin.sessions import Session
    from standin.state import State

Stored = TypeVar("Stored")
LARGEST_ID = 2**31 - 1
"""The largest identifier that the database's column holds (recorded: connection-get-overflow)."""
LONGEST_NAME_CHARACTERS = 128
"""(recorded: connection-create-name-128, connection-create-name-129, connection-create-name-128-astral)"""


class Directory(ABC, Generic[Stored]):
    """One kind of object in the REST API.

    An object that the user may not READ looks like one that does not exist (recorded: user-get-ungranted-connection).
    """

    table: ClassVar[str]
    """The database table of the objects. The table of permissions on them is called ``{table}_permission``."""
    create_permission: ClassVar[str]
    """The system permission to create objects of this kind."""

    def __init__(self, state: State) -> None:
        self._state = state

    @abstractmethod
    def all(self) -> Iterable[Stored]:
        """Return all objects."""

    @abstractmethod
    def lookup(self, identifier: str) -> Stored | None:
        """Return the object with an identifier, whether the user may see it or not.

        Raises:
            GuacamoleError: The database's column cannot hold the identifier.
        """

    @abstractmethod
    def key(self, stored: Stored) -> int:
        """Return an object's id in the database."""

    @abstractmethod
    def identifier(self, stored: Stored) -> str:
        """Return an object's identifier in the API."""

    @abstractmethod
    def view(self, session: Session, stored: Stored) -> dict[str, JSON]:
        """Return an object as JSON, as far as the user may see it."""

    @abstractmethod
    def prepare(self, session: Session, body: Mapping[str, JSON]) -> Callable[[], dict[str, JSON]]:
        """Check a new object, and return a function that inserts it and returns the answer.

        The check and the insertion are separate, as in Guacamole: two requests may both pass the check before either
        one inserts.

        Raises:
            GuacamoleError: The body is wrong, the name is taken, or the user may not create this object.
        """

    @abstractmethod
    def replace(self, session: Session, stored: Stored, body: Mapping[str, JSON]) -> None:
        """Check an update, and store it.

        Raises:
            GuacamoleError: The body is wrong, or the name is taken.
        """

    @abstractmethod
    def remove(self, session: Session, stored: Stored) -> None:
        """Delete an object."""

    def may(self, session: Session, stored: Stored, permission: str) -> bool:
        """Return whether the session's user holds a permission on an object."""
        return self._state.permissions.has(self.table, session.user, self.key(stored), permission)

    def find(self, session: Session, identifier: str) -> Stored:
        """Return an object that the user may see.

        Raises:
            GuacamoleError: The object does not exist, or the user may not see it.
        """
        stored = self.lookup(identifier)
        if stored is None or not self.may(session, stored, "READ"):
            raise not_found(identifier)
        return stored

    def require(self, session: Session, stored: Stored, permission: str) -> None:
        """Refuse a user who lacks a permission on an object.

        Raises:
            GuacamoleError: The user lacks it (recorded: user-delete-connection-forbidden).
        """
        if not self.may(session, stored, permission):
            raise permission_denied()

    def require_create(self, session: Session) -> None:
        """Refuse a user who may not create objects of this kind.

        Raises:
            GuacamoleError: The user lacks the permission (recorded: user-create-connection-forbidden).
        """
        if not self._state.permissions.has_system(session.user, self.create_permission):
            raise permission_denied()

    def visible(self, session: Session, permission: str = "READ") -> list[Stored]:
        """Return the objects on which the user holds a permission."""
        permissions = self._state.permissions
        if permissions.has_system(session.user, "ADMINISTER"):
            return list(self.all())
        held = permissions.objects(self.table, session.user)
        return [stored for stored in self.all() if permission in held.get(self.key(stored), ())]

    def listing(self, session: Session, permission: str = "READ") -> dict[str, JSON]:
        """Return the objects on which the user holds a permission, by identifier."""
        return {self.identifier(stored): self.view(session, stored) for stored in self.visible(session, permission)}

    def update(self, session: Session, identifier: str, body: Mapping[str, JSON]) -> None:
        """Update one object.

        Raises:
            GuacamoleError: The object is unknown, the body is wrong, or the user may not UPDATE the object.
        """
        stored = self.find(session, identifier)
        self.require(session, stored, "UPDATE")
        self.replace(session, stored, body)

    def delete(self, session: Session, identifier: str) -> None:
        """Delete one object.

        Raises:
            GuacamoleError: The object is unknown, or the user may not DELETE it.
        """
        stored = self.find(session, identifier)
        self.require(session, stored, "DELETE")
        self.remove(session, stored)

    def discard(self, session: Session, identifier: str) -> None:
        """Delete one object, if it exists, as a batch does (recorded: batch-remove-with-unknown).

        Raises:
            GuacamoleError: The user may not DELETE the object.
        """
        stored = self.lookup(identifier)
        if stored is None:
            return
        self.require(session, stored, "DELETE")
        self.remove(session, stored)

    def grant_creator(self, session: Session, key: int) -> None:
        """Give the creator of an object all permissions on it (recorded: permissions-get-after-own-create)."""
        self._state.permissions.grant(self.table, session.user, key)


def number(identifier: str) -> int | None:
    """Return a numeric identifier as a number, and ``None`` for text that is no number.

    Raises:
        GuacamoleError: The database's column cannot hold the number (recorded: connection-get-overflow).
    """
    if not re.fullmatch(r"-?\d+", identifier, re.ASCII):
        return None
    value = int(identifier)
    if abs(value) > LARGEST_ID:
        raise internal_error()
    return value


def checked_name(name: str | None, what: str) -> str:
    """Return a name that is neither blank nor too long. ``what`` begins the message, for instance ``Connection``.

    Raises:
        GuacamoleError: The name is blank (recorded: connection-create-blank-name), or the database would refuse it
            (recorded: connection-create-name-129, connection-create-name-nul).
    """
    if name is None or not name.strip():
        raise bad_request(f"{what} names must not be blank.")
    if len(name) > LONGEST_NAME_CHARACTERS or "\0" in name:
        raise internal_error()
    return name


def refuse_taken(count: int, what: str, name: str) -> None:
    """Refuse a name that is taken.

    Args:
        count: How many objects have the name.
        what: The beginning of the message, for instance ``The connection``.
        name: The name.

    Raises:
        GuacamoleError: The name is taken: 400 (recorded: connection-create-duplicate-name). If several objects have it,
            Guacamole's own query fails: 500 (``tests/contract/guacamole/test_connections.py``).
    """
    if count > 1:
        raise internal_error()
    if count:
        raise bad_request(f'{what} "{name}" already exists.')
