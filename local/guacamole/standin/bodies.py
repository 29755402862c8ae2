"""Request bodies, read as Guacamole's JSON mapper reads them: numbers and booleans become strings.

(recorded: connection-create-nonstring-params, connection-parameters-nonstring)
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from standin.errors import ContainerError, GuacamoleError, UnreadableBodyError, bad_request

if TYPE_CHECKING:
    from starlette.requests import Request

    from standin.errors import JSON

LARGEST_BODY_BYTES = 2 * 1024 * 1024
"""The limit that ``tests/contract/guacamole/test_connections.py`` measures."""


async def read_json(request: Request) -> JSON:
    """Return the request's JSON body, or ``None`` if it is empty.

    Raises:
        ContainerError: The content type is not JSON: 415 (recorded: connection-create-wrong-content-type).
        GuacamoleError: The body is larger than `LARGEST_BODY_BYTES`: 413.
        UnreadableBodyError: The body is not JSON (recorded: connection-create-bad-json).
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ContainerError(415)
    body = await request.body()
    if len(body) > LARGEST_BODY_BYTES:
        raise GuacamoleError(413, "BAD_REQUEST", "Request body/entity too large.")
    if not body.strip():
        return None
    try:
        parsed: JSON = json.loads(body)
    except ValueError as error:
        raise UnreadableBodyError(f"Unexpected input: {error}") from error
    return parsed


async def read_object(request: Request) -> dict[str, JSON]:
    """Return the body as an object.

    Raises:
        GuacamoleError: There is no body, or it is ``null`` (recorded: connection-create-empty-body,
            connection-create-null-body).
        UnreadableBodyError: The body is not an object.
    """
    body = await read_json(request)
    if body is None:
        raise bad_request("Data must be submitted when creating objects.")
    return as_object(body)


async def read_list(request: Request) -> list[dict[str, JSON]]:
    """Return the body as a list of objects, as a PATCH has it. A missing body is an empty list.

    Raises:
        UnreadableBodyError: The body is not a list of objects.
    """
    body = await read_json(request)
    if body is None:
        return []
    if not isinstance(body, list):
        raise UnreadableBodyError("Cannot deserialize value of type `java.util.ArrayList` from another value")
    return [as_object(entry) for entry in body]


def as_object(value: JSON) -> dict[str, JSON]:
    """Return the value, which must be an object.

    Raises:
        UnreadableBodyError: The value is not an object.
    """
    if not isinstance(value, dict):
        raise UnreadableBodyError("Cannot construct an object from another value")
    return value


def text(value: JSON) -> str | None:
    """Return a scalar as the string that Guacamole makes of it, and null as ``None``.

    Raises:
        UnreadableBodyError: The value is an object or an array (recorded: connection-create-object-param,
            connection-create-array-param).
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return json.dumps(value)
    token = "Object value (token `JsonToken.START_OBJECT`)" if isinstance(value, dict) else "Array value"
    raise UnreadableBodyError(f"Cannot deserialize value of type `java.lang.String` from {token}")


def text_map(value: JSON) -> dict[str, str | None] | None:
    """Return an object of scalars as an object of strings, and null as ``None``.

    Raises:
        UnreadableBodyError: The value is not an object of scalars.
    """
    if value is None:
        return None
    return {name: text(entry) for name, entry in as_object(value).items()}
