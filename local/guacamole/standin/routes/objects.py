"""The calls that connections, connection groups and users have in common."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from standin import batch, bodies
from standin.errors import ContainerError, json_response, no_content
from standin.store.permissions import OBJECT_PERMISSIONS

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from standin.directories.base import Directory
    from standin.state import State

ROOT_RACE_SECONDS = 0.002
"""The time between the check of a name and the insertion at ROOT, about as in Guacamole.

Guacamole's database enforces unique names inside a group but not at ROOT. There, concurrent requests make duplicates
(``tests/contract/guacamole/test_connections.py``).
"""


class ObjectRoutes:
    """Lists, reads, creates, updates and deletes the objects of one kind, one by one or in a batch.

    Args:
        state: The stand-in's state.
        path: The last part of the collection's path, for instance ``connections``.
        directory: The objects.
        races_at_root: Whether concurrent requests make duplicates at ROOT.
    """

    def __init__(self, state: State, path: str, directory: Directory[Any], *, races_at_root: bool) -> None:
        self._state = state
        self._path = path
        self._directory = directory
        self._races_at_root = races_at_root

    def routes(self) -> list[Route]:
        """Return the routes of this kind."""
        collection = f"/api/session/data/{{source}}/{self._path}"
        return [
            Route(collection, self.list, methods=["GET"]),
            Route(collection, self.create, methods=["POST"]),
            Route(collection, self.patch, methods=["PATCH"]),
            Route(collection + "/{identifier}", self.get, methods=["GET"]),
            Route(collection + "/{identifier}", self.update, methods=["PUT"]),
            Route(collection + "/{identifier}", self.delete, methods=["DELETE"]),
        ]

    async def list(self, request: Request) -> Response:
        """Return the objects that the user may see, by identifier."""
        return json_response(self._directory.listing(self._state.session_in(request), permission_asked(request)))

    async def get(self, request: Request) -> Response:
        """Return one object."""
        session = self._state.session_in(request)
        stored = self._directory.find(session, request.path_params["identifier"])
        return json_response(self._directory.view(session, stored))

    async def create(self, request: Request) -> Response:
        """Create an object."""
        session = self._state.session_in(request)
        body = await bodies.read_object(request)
        insert = self._directory.prepare(session, body)
        if self._races_at_root and body.get("parentIdentifier") in (None, "ROOT"):
            await asyncio.sleep(ROOT_RACE_SECONDS)
        with self._state.database.transaction():
            return json_response(insert())

    async def update(self, request: Request) -> Response:
        """Update an object."""
        session = self._state.session_in(request)
        body = await bodies.read_object(request)
        with self._state.database.transaction():
            self._directory.update(session, request.path_params["identifier"], body)
        return no_content()

    async def delete(self, request: Request) -> Response:
        """Delete an object."""
        with self._state.database.transaction():
            self._directory.delete(self._state.session_in(request), request.path_params["identifier"])
        return no_content()

    async def patch(self, request: Request) -> Response:
        """Create, update and delete several objects. If one operation fails, none takes effect."""
        session = self._state.session_in(request)
        operations = batch.read(await bodies.read_list(request))
        with self._state.database.transaction():
            return json_response(batch.apply(self._directory, session, operations))


def permission_asked(request: Request) -> str:
    """Return the permission that the query restricts a list to, by default READ.

    Raises:
        ContainerError: There is no such permission: 404 (recorded: connection-list-permission-filter-bad).
    """
    permission = request.query_params.get("permission", "READ")
    if permission not in OBJECT_PERMISSIONS:
        raise ContainerError(404)
    return permission
