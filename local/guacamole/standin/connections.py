"""Connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from standin import attributes
from standin.answers import GuacamoleError, internal_error, permission_denied
from standin.calls import route, text, text_map
from standin.collection import ROOT, Collection, checked_name, created
from standin.store import Values

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.routing import Route

    from standin.answers import JSON
    from standin.calls import Call
    from standin.state import Session
    from standin.store import Stored

LONGEST_PROTOCOL_CHARACTERS = 32
"""(recorded: connection-create-long-protocol)"""
LONGEST_VALUE_CHARACTERS = 4096
"""(recorded: connection-create-param-4096, connection-create-param-4097)"""


class Connections(Collection):
    """Connections. Their identifiers are numbers."""

    kind, path, noun, create_permission = "connection", "connections", "The connection", "CREATE_CONNECTION"

    def routes(self) -> list[Route]:
        """Return the routes of connections."""
        return [
            *super().routes(),
            route(self._state, "PATCH", self.path, self.patch),
            route(self._state, "GET", self.path + "/{identifier}", self.get),
            route(self._state, "GET", self.path + "/{identifier}/parameters", self._parameters),
        ]

    def view(self, session: Session, stored: Stored) -> dict[str, JSON]:  # noqa: ARG002 - the same for everybody
        """Return a connection as JSON, without its parameters (recorded: connection-get-while-active)."""
        shown: dict[str, JSON] = {
            "name": stored.name,
            "identifier": str(stored.id),
            "parentIdentifier": ROOT if stored.parent is None else str(stored.parent),
            "protocol": stored.trait,
            "attributes": {**stored.attributes},
            "activeConnections": self._state.tunnels.count(stored.id),
        }
        return shown if stored.last_active is None else {**shown, "lastActive": stored.last_active}

    def read(self, session: Session, body: Mapping[str, JSON], old: Stored | None) -> tuple[Values, dict[str, JSON]]:
        """Read a body. An update removes what it does not name, and must have parameters.

        (recorded: connection-get-after-update, connection-parameters-after-empty,
        connection-update-no-parameters-field, connection-create-without-parameters)
        """
        parameters, given = text_map(body.get("parameters")), text_map(body.get("attributes"))
        name, protocol = text(body.get("name")), text(body.get("protocol"))
        if given is None or (old is not None and parameters is None):
            raise internal_error()
        name = checked_name(name, "Connection names must not be blank.")
        if protocol is None or len(protocol) > LONGEST_PROTOCOL_CHARACTERS:
            raise internal_error()
        answer: dict[str, JSON] = {"name": name, "protocol": protocol}
        answer["attributes"] = {**attributes.echoed(attributes.CONNECTION, given)}
        if parameters is not None:
            answer["parameters"] = {**parameters}
        values = Values(
            name,
            self.parent(session, body, old),
            protocol,
            attributes.stored(attributes.CONNECTION, given),
            _stored_parameters(parameters or {}),
        )
        return values, created(body, answer)

    async def _parameters(self, call: Call) -> JSON:
        """Answer with all parameters, including the passwords (recorded: user-parameters-own)."""
        stored = self.find(call.session, call.identifier)
        if not self._store.holds(call.session.user, "UPDATE", stored.id):
            # (recorded: user-get-parameters-with-read-only)
            raise permission_denied("Permission to read connection parameters denied.")
        return {**stored.hidden}


def _stored_parameters(parameters: Mapping[str, str | None]) -> dict[str, str]:
    """Return the parameters that are stored: empty values and nulls are not (recorded: connection-parameters-null)."""
    for name, value in parameters.items():
        if value is not None and len(value) > LONGEST_VALUE_CHARACTERS:
            raise GuacamoleError(
                413,
                f'The value provided for connection parameter "{name}" exceeds the maximum allowed length.',
                key="CONNECTION_PARAMETERS.DATABASE_PARAMETER_VALUE_TOO_LONG",
                variables={"PARAMETER_NAME": name, "MAX_SIZE": LONGEST_VALUE_CHARACTERS},
            )
    return {name: value for name, value in parameters.items() if value}
