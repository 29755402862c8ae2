"""Connections, connection groups and users: the calls that all of them have."""

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

ROOT_WINDOW = 0.002
"""Seconds between looking for a name and inserting it at ROOT, about what the original takes. Its database does not
enforce unique names there, so requests that come at once make duplicates; inside a group they do not."""


class ObjectRoutes:
    """List, create, change, delete, and all of that in a batch."""

    def __init__(self, state: State, path: str, directory: Directory[Any], *, window: bool) -> None:
        self._state = state
        self._path = path
        self._directory = directory
        self._window = window

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
        """Return what the user may see, by identifier."""
        return json_response(self._directory.listing(self._state.session_in(request), permission_asked(request)))

    async def get(self, request: Request) -> Response:
        """Return one object."""
        session = self._state.session_in(request)
        stored = self._directory.find(session, request.path_params["identifier"])
        return json_response(self._directory.view(session, stored))

    async def create(self, request: Request) -> Response:
        """Make an object."""
        session = self._state.session_in(request)
        body = await bodies.read_object(request)
        insert = self._directory.prepare(session, body)
        if self._window and body.get("parentIdentifier") in (None, "ROOT"):
            await asyncio.sleep(ROOT_WINDOW)
        with self._state.database.transaction():
            return json_response(insert())

    async def update(self, request: Request) -> Response:
        """Change an object."""
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
        """Make, change and delete several objects, or none of them."""
        session = self._state.session_in(request)
        operations = batch.read(await bodies.read_list(request))
        with self._state.database.transaction():
            return json_response(batch.apply(self._directory, session, operations))


def permission_asked(request: Request) -> str:
    """Return the permission that a list is restricted to.

    Raises:
        ContainerError: It is none; the container takes that for an unknown page.
    """
    permission = request.query_params.get("permission", "READ")
    if permission not in OBJECT_PERMISSIONS:
        raise ContainerError(404)
    return permission
