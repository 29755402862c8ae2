"""Reading request bodies as Guacamole's JSON mapper does, coercions included."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from standin.errors import ContainerError, GuacamoleError, UnreadableBodyError, bad_request

if TYPE_CHECKING:
    from starlette.requests import Request

    from standin.errors import JSON

LARGEST_BODY = 2 * 1024 * 1024


async def read_json(request: Request) -> JSON:
    """Return the request's JSON body; ``None`` for an empty one.

    Raises:
        ContainerError: The content type is not JSON (415).
        GuacamoleError: The body is larger than 2 MiB (413).
        UnreadableBodyError: The body is not JSON.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ContainerError(415)
    body = await request.body()
    if len(body) > LARGEST_BODY:
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
        GuacamoleError: There is no body, or it is ``null``.
        UnreadableBodyError: It is something else.
    """
    body = await read_json(request)
    if body is None:
        raise bad_request("Data must be submitted when creating objects.")
    return as_object(body)


async def read_list(request: Request) -> list[dict[str, JSON]]:
    """Return the body as the list of a PATCH."""
    body = await read_json(request)
    if body is None:
        return []
    if not isinstance(body, list):
        raise UnreadableBodyError("Cannot deserialize value of type `java.util.ArrayList` from another value")
    return [as_object(entry) for entry in body]


def as_object(value: JSON) -> dict[str, JSON]:
    """Return the value if it is an object.

    Raises:
        UnreadableBodyError: It is not.
    """
    if not isinstance(value, dict):
        raise UnreadableBodyError("Cannot construct an object from another value")
    return value


def text(value: JSON) -> str | None:
    """Return a scalar as the string that Guacamole makes of it.

    Raises:
        UnreadableBodyError: An object or an array stands where a string belongs.
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
    """Return an object of scalars as an object of strings; ``None`` if there is none."""
    if value is None:
        return None
    return {name: text(entry) for name, entry in as_object(value).items()}
