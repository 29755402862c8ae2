"""Connections."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from standin import attributes, bodies
from standin.directories.base import Directory, checked_name, number, refuse_taken
from standin.directories.groups import ROOT, resolve_parent
from standin.errors import GuacamoleError, internal_error, permission_denied
from standin.store.connections import Connection

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from standin.errors import JSON
    from standin.sessions import Session

LONGEST_PROTOCOL_CHARACTERS = 32
"""(recorded: connection-create-long-protocol)"""
LONGEST_VALUE_CHARACTERS = 4096
"""(recorded: connection-create-param-4096, connection-create-param-4097)"""


class _Body(NamedTuple):
    name: str
    protocol: str
    parameters: dict[str, str | None] | None
    attributes: dict[str, str | None]


class ConnectionDirectory(Directory[Connection]):
    """Connections. Their identifiers are numbers."""

    table = "connection"
    create_permission = "CREATE_CONNECTION"

    def all(self) -> list[Connection]:
        """Return all connections."""
        return self._state.connections.all()

    def lookup(self, identifier: str) -> Connection | None:
        """Return the connection with an identifier."""
        key = number(identifier)
        return None if key is None else self._state.connections.get(key)

    def key(self, stored: Connection) -> int:
        """Return a connection's id."""
        return stored.id

    def identifier(self, stored: Connection) -> str:
        """Return a connection's identifier."""
        return str(stored.id)

    def view(self, session: Session, stored: Connection) -> dict[str, JSON]:  # noqa: ARG002 - the same for everybody
        """Return a connection as JSON, without its parameters (recorded: connection-get-while-active)."""
        shown: dict[str, JSON] = {
            "name": stored.name,
            "identifier": str(stored.id),
            "parentIdentifier": ROOT if stored.parent is None else str(stored.parent),
            "protocol": stored.protocol,
            "attributes": dict(stored.attributes),
            "activeConnections": self._state.tunnels.count(stored.id),
        }
        if stored.last_active is not None:
            shown["lastActive"] = stored.last_active
        return shown

    def parameters(self, session: Session, identifier: str) -> dict[str, JSON]:
        """Return a connection's parameters, including its passwords (recorded: user-parameters-own).

        Raises:
            GuacamoleError: The user may not UPDATE the connection (recorded: user-get-parameters-with-read-only).
        """
        stored = self.find(session, identifier)
        if not self.may(session, stored, "UPDATE"):
            raise permission_denied("Permission to read connection parameters denied.")
        return {**stored.parameters}

    def prepare(self, session: Session, body: Mapping[str, JSON]) -> Callable[[], dict[str, JSON]]:
        """Check a new connection, and return a function that inserts it.

        The parameters may be missing (recorded: connection-create-without-parameters).
        """
        read = _read(body)
        self.require_create(session)
        parent = resolve_parent(self._state, session, body.get("parentIdentifier"))
        refuse_taken(self._state.connections.count(read.name, parent), "The connection", read.name)

        def insert() -> dict[str, JSON]:
            key = self._state.connections.create(
                read.name,
                parent,
                read.protocol,
                _stored_parameters(read.parameters or {}),
                attributes.stored(attributes.CONNECTION, read.attributes),
            )
            self.grant_creator(session, key)
            return self._echo(key, read, bodies.text(body.get("parentIdentifier")))

        return insert

    def replace(self, session: Session, stored: Connection, body: Mapping[str, JSON]) -> None:
        """Replace a connection. Parameters and attributes that the body does not name are removed.

        (recorded: connection-get-after-update, connection-parameters-after-empty,
        connection-update-no-parameters-field)
        """
        read = _read(body)
        if read.parameters is None:
            raise internal_error()
        parent = resolve_parent(self._state, session, body.get("parentIdentifier"), old=stored.parent)
        refuse_taken(self._state.connections.count(read.name, parent, stored.id), "The connection", read.name)
        self._state.connections.replace(
            stored.id,
            read.name,
            parent,
            read.protocol,
            _stored_parameters(read.parameters),
            attributes.stored(attributes.CONNECTION, read.attributes),
        )

    def remove(self, session: Session, stored: Connection) -> None:  # noqa: ARG002
        """Delete a connection. Its tunnels stay open (recorded: activeconnections-after-connection-delete)."""
        self._state.connections.delete(stored.id)

    def _echo(self, key: int, read: _Body, parent: str | None) -> dict[str, JSON]:
        answer: dict[str, JSON] = {"name": read.name, "identifier": str(key)}
        if parent is not None:
            answer["parentIdentifier"] = parent
        answer["protocol"] = read.protocol
        if read.parameters is not None:
            answer["parameters"] = {**read.parameters}
        answer["attributes"] = {**attributes.echoed(attributes.CONNECTION, read.attributes)}
        answer["activeConnections"] = 0
        return answer


def _read(body: Mapping[str, JSON]) -> _Body:
    parameters, given = bodies.text_map(body.get("parameters")), bodies.text_map(body.get("attributes"))
    name, protocol = bodies.text(body.get("name")), bodies.text(body.get("protocol"))
    if given is None:
        raise internal_error()
    name = checked_name(name, "Connection")
    if protocol is None or len(protocol) > LONGEST_PROTOCOL_CHARACTERS:
        raise internal_error()
    return _Body(name, protocol, parameters, given)


def _stored_parameters(parameters: Mapping[str, str | None]) -> dict[str, str]:
    """Return the parameters that are stored: empty values and nulls are not (recorded: connection-parameters-null)."""
    for name, value in parameters.items():
        if value is not None and len(value) > LONGEST_VALUE_CHARACTERS:
            raise GuacamoleError(
                413,
                "BAD_REQUEST",
                f'The value provided for connection parameter "{name}" exceeds the maximum allowed length.',
                key="CONNECTION_PARAMETERS.DATABASE_PARAMETER_VALUE_TOO_LONG",
                variables={"PARAMETER_NAME": name, "MAX_SIZE": LONGEST_VALUE_CHARACTERS},
            )
    return {name: value for name, value in parameters.items() if value}
