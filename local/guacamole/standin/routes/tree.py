"""The tree of groups and connections, the parameters of a connection, and the password of a user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from standin import bodies
from standin.directories.groups import ROOT, root
from standin.errors import json_response, no_content
from standin.routes.objects import permission_asked

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from standin.directories.connections import ConnectionDirectory
    from standin.directories.groups import GroupDirectory
    from standin.directories.users import UserDirectory
    from standin.errors import JSON
    from standin.state import State


class TreeRoutes:
    """Reads the tree and the parameters of connections, and changes passwords."""

    def __init__(
        self,
        state: State,
        connections: ConnectionDirectory,
        groups: GroupDirectory,
        users: UserDirectory,
    ) -> None:
        self._state = state
        self._connections = connections
        self._groups = groups
        self._users = users

    def routes(self) -> list[Route]:
        """Return the routes of this module."""
        base = "/api/session/data/{source}"
        return [
            Route(base + "/connectionGroups/ROOT", self.root, methods=["GET"]),
            Route(base + "/connectionGroups/{identifier}/tree", self.tree, methods=["GET"]),
            Route(base + "/connections/{identifier}/parameters", self.parameters, methods=["GET"]),
            Route(base + "/users/{identifier}/password", self.password, methods=["PUT"]),
        ]

    async def root(self, request: Request) -> Response:
        """Return the group ROOT."""
        self._state.session_in(request)
        return json_response(root())

    async def tree(self, request: Request) -> Response:
        """Return a group with the groups and connections in it that the user may see.

        A connection is left out if the user may not see its group (recorded: user-tree-connection-in-ungranted-group).
        """
        session = self._state.session_in(request)
        permission = permission_asked(request)
        top, identifier = (
            self._groups.show(session, request.path_params["identifier"]),
            request.path_params["identifier"],
        )
        groups: dict[str, list[JSON]] = {}
        for group in self._groups.visible(session):
            groups.setdefault(str(group.parent or ROOT), []).append(self._groups.view(session, group))
        connections: dict[str, list[JSON]] = {}
        for connection in self._connections.visible(session, permission):
            shown = self._connections.view(session, connection)
            connections.setdefault(str(connection.parent or ROOT), []).append(shown)
        return json_response(_filled(top, identifier, groups, connections))

    async def parameters(self, request: Request) -> Response:
        """Return a connection's parameters."""
        session = self._state.session_in(request)
        return json_response(self._connections.parameters(session, request.path_params["identifier"]))

    async def password(self, request: Request) -> Response:
        """Change a password. The body must have the old one."""
        session = self._state.session_in(request)
        body = await bodies.read_object(request)
        self._users.change_password(session, request.path_params["identifier"], body)
        return no_content()


def _filled(
    group: dict[str, JSON], identifier: str, groups: dict[str, list[JSON]], connections: dict[str, list[JSON]]
) -> dict[str, JSON]:
    """Return a group with all groups and connections in it. Empty lists are left out (recorded: group-tree-root)."""
    filled = dict(group)
    inner = [
        _filled(child, str(child["identifier"]), groups, connections)
        for child in groups.get(identifier, [])
        if isinstance(child, dict)
    ]
    if inner:
        filled["childConnectionGroups"] = [*inner]
    if identifier in connections:
        filled["childConnections"] = connections[identifier]
    return filled
