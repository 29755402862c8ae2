"""The rules that all kinds of objects share."""

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
LONGEST_NAME = 128


class Directory(ABC, Generic[Stored]):
    """One kind of object as the REST API offers it.

    An object that the user may not READ looks exactly like one that does not exist.
    """

    noun: ClassVar[str]
    """The table, and the permission table's prefix."""
    create_permission: ClassVar[str]

    def __init__(self, state: State) -> None:
        self._state = state

    @abstractmethod
    def all(self) -> Iterable[Stored]:
        """Return all objects."""

    @abstractmethod
    def lookup(self, identifier: str) -> Stored | None:
        """Return the object of an identifier."""

    @abstractmethod
    def key(self, stored: Stored) -> int:
        """Return an object's id in the database."""

    @abstractmethod
    def identifier(self, stored: Stored) -> str:
        """Return an object's identifier in the API."""

    @abstractmethod
    def view(self, session: Session, stored: Stored) -> dict[str, JSON]:
        """Return an object as the API shows it."""

    @abstractmethod
    def prepare(self, session: Session, body: Mapping[str, JSON]) -> Callable[[], dict[str, JSON]]:
        """Check a new object, and return what inserts it and answers.

        The two steps are apart as they are in the original: two requests may both have looked before either inserts.
        """

    @abstractmethod
    def replace(self, session: Session, stored: Stored, body: Mapping[str, JSON]) -> None:
        """Check and store an update."""

    @abstractmethod
    def remove(self, session: Session, stored: Stored) -> None:
        """Delete an object."""

    def may(self, session: Session, stored: Stored, permission: str) -> bool:
        """Say whether the session's user holds a permission on an object."""
        return self._state.permissions.has(self.noun, session.user, self.key(stored), permission)

    def find(self, session: Session, identifier: str) -> Stored:
        """Return an object that the user may see.

        Raises:
            GuacamoleError: It does not exist, or might as well.
        """
        stored = self.lookup(identifier)
        if stored is None or not self.may(session, stored, "READ"):
            raise not_found(identifier)
        return stored

    def require(self, session: Session, stored: Stored, permission: str) -> None:
        """Refuse a user without a permission on an object."""
        if not self.may(session, stored, permission):
            raise permission_denied()

    def require_create(self, session: Session) -> None:
        """Refuse a user who may not make objects of this kind."""
        if not self._state.permissions.has_system(session.user, self.create_permission):
            raise permission_denied()

    def visible(self, session: Session, permission: str = "READ") -> list[Stored]:
        """Return the objects on which the user holds a permission."""
        permissions = self._state.permissions
        if permissions.has_system(session.user, "ADMINISTER"):
            return list(self.all())
        held = permissions.objects(self.noun, session.user)
        return [stored for stored in self.all() if permission in held.get(self.key(stored), ())]

    def listing(self, session: Session, permission: str = "READ") -> dict[str, JSON]:
        """Return the objects on which the user holds a permission, by identifier."""
        return {self.identifier(stored): self.view(session, stored) for stored in self.visible(session, permission)}

    def update(self, session: Session, identifier: str, body: Mapping[str, JSON]) -> None:
        """Update one object."""
        stored = self.find(session, identifier)
        self.require(session, stored, "UPDATE")
        self.replace(session, stored, body)

    def delete(self, session: Session, identifier: str) -> None:
        """Delete one object."""
        stored = self.find(session, identifier)
        self.require(session, stored, "DELETE")
        self.remove(session, stored)

    def discard(self, session: Session, identifier: str) -> None:
        """Delete one object as a batch does: an unknown one is no error."""
        stored = self.lookup(identifier)
        if stored is None:
            return
        self.require(session, stored, "DELETE")
        self.remove(session, stored)

    def own(self, session: Session, key: int) -> None:
        """Give the creator of an object everything on it."""
        self._state.permissions.grant(self.noun, session.user, key)


def number(identifier: str) -> int | None:
    """Return a numeric identifier, ``None`` for one that cannot exist.

    Raises:
        GuacamoleError: It is a number that the database's column cannot hold.
    """
    if not re.fullmatch(r"-?\d+", identifier, re.ASCII):
        return None
    value = int(identifier)
    if abs(value) > LARGEST_ID:
        raise internal_error()
    return value


def checked_name(name: str | None, what: str) -> str:
    """Return a name that fits.

    Raises:
        GuacamoleError: It is blank, or the database would refuse it.
    """
    if name is None or not name.strip():
        raise bad_request(f"{what} names must not be blank.")
    if len(name) > LONGEST_NAME or "\0" in name:
        raise internal_error()
    return name


def refuse_taken(count: int, what: str, name: str) -> None:
    """Refuse a name that is taken.

    Raises:
        GuacamoleError: It is. Where a race left several rows of one name, the original's look-up itself fails.
    """
    if count > 1:
        raise internal_error()
    if count:
        raise bad_request(f'{what} "{name}" already exists.')
