"""The rules and calls that connections, connection groups and users share."""

from __future__ import annotations

import asyncio
import re
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from standin import batch
from standin.answers import GuacamoleError, internal_error, not_found, permission_denied
from standin.calls import as_object, route, text
from standin.store import OBJECT_PERMISSIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.routing import Route

    from standin.answers import JSON
    from standin.calls import Call
    from standin.state import Session, State
    from standin.store import Stored, Values

ROOT = "ROOT"
"""The identifier of the group that contains all others. The database does not have it (recorded: group-list)."""
LARGEST_ID = 2**31 - 1
"""The largest identifier that Guacamole's database holds (recorded: connection-get-overflow)."""
LONGEST_NAME_CHARACTERS = 128
"""(recorded: connection-create-name-128, connection-create-name-129, connection-create-name-128-astral)"""
ROOT_RACE_SECONDS = 0.002
"""The time between the check of a name and the insertion at ROOT, about as in Guacamole.

Guacamole's database enforces unique names inside a group but not at ROOT. There, concurrent requests make duplicates
(``tests/contract/guacamole/test_connections.py``).
"""


class Collection(ABC):
    """One kind of object. One that the user may not READ looks like one that does not exist.

    (recorded: user-get-ungranted-connection)
    """

    kind: ClassVar[str]
    path: ClassVar[str]
    """The path below the data source."""
    noun: ClassVar[str]
    """The beginning of the message for a name that is taken."""
    create_permission: ClassVar[str]
    in_groups: ClassVar[bool] = True

    def __init__(self, state: State) -> None:
        self._state = state
        self._store = state.store

    @abstractmethod
    def view(self, session: Session, stored: Stored) -> dict[str, JSON]:
        """Return an object as JSON, as far as the user may see it."""

    @abstractmethod
    def read(self, session: Session, body: Mapping[str, JSON], old: Stored | None) -> tuple[Values, dict[str, JSON]]:
        """Read the body of a creation, or of an update of ``old``; return the values, and the answer to a creation.

        Raises:
            GuacamoleError: The body is wrong, or the user may not put an object there.
            UnreadableBodyError: A field has the wrong type.
        """

    def routes(self) -> list[Route]:
        """Return the routes that all kinds have."""
        return [
            route(self._state, "GET", self.path, self._list),
            route(self._state, "POST", self.path, self._create),
            route(self._state, "PUT", self.path + "/{identifier}", self._update),
        ]

    def identifier(self, stored: Stored) -> str:
        """Return an object's identifier in the API."""
        return str(stored.id)

    def lookup(self, identifier: str) -> Stored | None:
        """Return the object with an identifier, whether the user may see it or not."""
        key = number(identifier)
        return None if key is None else self._store.get(self.kind, key)

    def visible(self, session: Session) -> list[Stored]:
        """Return the objects that the user may see."""
        return self._store.readable(self.kind, session.user)

    def find(self, session: Session, identifier: str, permission: str = "READ") -> Stored:
        """Return an object that the user may see, and on which the user holds a permission.

        Raises:
            GuacamoleError: The user may not see it (recorded: connection-get-unknown), or lacks the permission
                (recorded: user-update-connection-forbidden).
        """
        stored = self.lookup(identifier)
        if stored is None or not self._store.holds(session.user, "READ", stored.id):
            raise not_found(identifier)
        self._require(session, permission, stored.id)
        return stored

    def insert(self, session: Session, values: Values, answer: dict[str, JSON]) -> dict[str, JSON]:
        """Store a new object. Its creator gets all permissions on it (recorded: permissions-get-after-own-create)."""
        key = self._store.insert(self.kind, values)
        self._store.grant(session.user, key, OBJECT_PERMISSIONS)
        return {"identifier": str(key), **answer}

    def discard(self, session: Session, identifier: str) -> None:
        """Delete an object, if it exists, as a batch does (recorded: batch-remove-with-unknown)."""
        stored = self.lookup(identifier)
        if stored is not None:
            self._require(session, "DELETE", stored.id)
            self._store.delete(stored.id)

    def parent(self, session: Session, body: Mapping[str, JSON], old: Stored | None) -> int | None:
        """Return the id of the group that a body names as parent, and ``None`` for ROOT.

        Null means ROOT (recorded: connection-get-omitting-parent). Staying in a group needs no permission.

        Raises:
            GuacamoleError: The group does not exist (recorded: connection-create-unknown-parent), or the user may not
                UPDATE it.
        """
        identifier = text(body.get("parentIdentifier"))
        if identifier is None or identifier == ROOT:
            return None
        parent = number(identifier)
        if parent is None or self._store.get("connection_group", parent) is None:
            raise internal_error()
        if old is None or old.parent != parent:
            self._require(session, "UPDATE", parent)
        return parent

    async def get(self, call: Call) -> JSON:
        """Answer with one object."""
        return self.view(call.session, self.find(call.session, call.identifier))

    async def patch(self, call: Call) -> JSON:
        """Create, update and delete several objects. If one operation fails, none takes effect."""

        def run(operation: batch.Operation) -> str:
            if operation.op == "add":
                made = self.insert(call.session, *self._checked(call.session, as_object(operation.value)))
                return str(made.get("identifier", made.get("username")))
            if operation.op == "replace":
                self._replace(call.session, operation.identifier, as_object(operation.value))
            else:
                self.discard(call.session, operation.identifier)
            return operation.identifier

        with self._store.transaction():
            return batch.apply(call.list, run)

    async def _list(self, call: Call) -> JSON:
        return {self.identifier(stored): self.view(call.session, stored) for stored in self.visible(call.session)}

    async def _create(self, call: Call) -> JSON:
        values, answer = self._checked(call.session, call.object)
        if values.parent is None and self.in_groups:
            await asyncio.sleep(ROOT_RACE_SECONDS)
        with self._store.transaction():
            return self.insert(call.session, values, answer)

    async def _update(self, call: Call) -> None:
        self._replace(call.session, call.identifier, call.object)

    def _checked(self, session: Session, body: Mapping[str, JSON]) -> tuple[Values, dict[str, JSON]]:
        """Check a creation (recorded: user-create-connection-forbidden, connection-create-duplicate-name)."""
        values, answer = self.read(session, body, None)
        self._require(session, self.create_permission)
        self._refuse_taken(values, None)
        return values, answer

    def _replace(self, session: Session, identifier: str, body: Mapping[str, JSON]) -> None:
        stored = self.find(session, identifier, "UPDATE")
        values, _ = self.read(session, body, stored)
        self._refuse_taken(values, stored.id)
        self._store.replace(stored.id, values)

    def _require(self, session: Session, permission: str, *key: int) -> None:
        if not self._store.holds(session.user, permission, *key):
            raise permission_denied()

    def _refuse_taken(self, values: Values, own: int | None) -> None:
        named = self._store.named(self.kind, values.name)
        count = sum(1 for each in named if each.parent == values.parent and each.id != own)
        if count > 1:
            # Guacamole's own query fails (``tests/contract/guacamole/test_connections.py``).
            raise internal_error()
        if count:
            raise GuacamoleError(400, f'{self.noun} "{values.name}" already exists.')


def number(identifier: str) -> int | None:
    """Return a numeric identifier as a number, and ``None`` for text that is no number.

    Raises:
        GuacamoleError: The database's column cannot hold the number (recorded: connection-get-overflow).
    """
    if not re.fullmatch(r"-?\d+", identifier, re.ASCII):
        return None
    if abs(int(identifier)) > LARGEST_ID:
        raise internal_error()
    return int(identifier)


def checked_name(name: str | None, blank: str) -> str:
    """Return a name that is neither blank nor too long. ``blank`` is the message for a blank one.

    Raises:
        GuacamoleError: The name is blank (recorded: connection-create-blank-name), or the database would refuse it
            (recorded: connection-create-name-129, connection-create-name-nul).
    """
    if name is None or not name.strip():
        raise GuacamoleError(400, blank)
    if len(name) > LONGEST_NAME_CHARACTERS or "\0" in name:
        raise internal_error()
    return name


def created(body: Mapping[str, JSON], answer: dict[str, JSON]) -> dict[str, JSON]:
    """Return the answer to the creation of something in a group. It names a parent only if the body does."""
    parent = text(body.get("parentIdentifier"))
    return {**answer, "activeConnections": 0} | ({} if parent is None else {"parentIdentifier": parent})
