"""The calls below a data source: who calls, what the path names, and the body.

Guacamole's JSON mapper makes strings of numbers and booleans (recorded: connection-create-nonstring-params,
connection-parameters-nonstring).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from standin.answers import GuacamoleError, UnreadableBodyError, json_response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from standin.answers import JSON
    from standin.state import Session, State

LARGEST_BODY_BYTES = 2 * 1024 * 1024
"""The limit that ``tests/contract/guacamole/test_connections.py`` measures."""


@dataclass(frozen=True)
class Call:
    """One request."""

    session: Session
    identifier: str
    """The identifier in the path; empty if the path names a collection."""
    body: JSON = field(repr=False)

    @property
    def object(self) -> dict[str, JSON]:
        """The body of a POST or a PUT."""
        if self.body is None:
            # (recorded: connection-create-empty-body, connection-create-null-body)
            raise GuacamoleError(400, "Data must be submitted when creating objects.")
        return as_object(self.body)

    @property
    def list(self) -> list[dict[str, JSON]]:
        """The body of a PATCH. A missing one is an empty list."""
        entries = [] if self.body is None else self.body
        if not isinstance(entries, list):
            raise UnreadableBodyError("Cannot deserialize value of type `java.util.ArrayList` from another value")
        return [as_object(entry) for entry in entries]


def route(state: State, method: str, path: str, answer: Callable[[Call], Awaitable[JSON]]) -> Route:
    """Return the route of a call. What ``answer`` returns is the JSON answer; ``None`` stands for 204.

    Args:
        state: The state with the sessions.
        method: The HTTP method.
        path: The path below the data source. A part of it may be ``{identifier}``.
        answer: What does it.
    """

    async def serve(request: Request) -> Response:
        session = state.session(request)
        source = request.path_params["source"]
        if source != state.settings.data_source:
            # (recorded: datasource-unknown)
            raise GuacamoleError(404, f'Session not associated with authentication provider "{source}".')
        body = await _read(request) if method in ("POST", "PUT", "PATCH") else None
        answered = await answer(Call(session, request.path_params.get("identifier", ""), body))
        return Response(status_code=204) if answered is None else json_response(answered)

    return Route("/api/session/data/{source}/" + path, serve, methods=[method])


async def _read(request: Request) -> JSON:
    """Return the request's JSON body, or ``None`` if it is empty.

    Raises:
        HTTPException: The content type is not JSON: 415 (recorded: connection-create-wrong-content-type).
        GuacamoleError: The body is larger than `LARGEST_BODY_BYTES`: 413.
        UnreadableBodyError: The body is not JSON (recorded: connection-create-bad-json).
    """
    if content_type(request) != "application/json":
        raise HTTPException(415)
    body = await request.body()
    if len(body) > LARGEST_BODY_BYTES:
        raise GuacamoleError(413, "Request body/entity too large.")
    try:
        parsed: JSON = json.loads(body) if body.strip() else None
    except ValueError as error:
        raise UnreadableBodyError(f"Unexpected input: {error}") from error
    return parsed


def content_type(request: Request) -> str:
    """Return the type of a request's body, without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def as_object(value: JSON) -> dict[str, JSON]:
    """Return a value that must be an object."""
    if not isinstance(value, dict):
        raise UnreadableBodyError("Cannot construct an object from another value")
    return value


def text(value: JSON) -> str | None:
    """Return a scalar as the string that Guacamole makes of it, and null as ``None``.

    Raises:
        UnreadableBodyError: The value is an object or an array (recorded: connection-create-object-param,
            connection-create-array-param).
    """
    if isinstance(value, dict | list):
        raise UnreadableBodyError("Cannot deserialize value of type `java.lang.String` from an object or an array")
    return value if value is None or isinstance(value, str) else json.dumps(value)


def text_map(value: JSON) -> dict[str, str | None] | None:
    """Return an object of scalars as an object of strings, and null as ``None``."""
    return None if value is None else {name: text(entry) for name, entry in as_object(value).items()}
