"""The agent's requests and responses, and the parsing of request bodies."""

import json
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

LARGEST_BODY: Final = 4096
"""Bytes. The longest notice fits in UTF-8."""
MAX_MESSAGE_CHARACTERS: Final = 500
"""Longest text of a notice."""
MAX_NOTICE_SECONDS: Final = 24 * 3600.0


@dataclass(frozen=True)
class Content:
    """The body of a PUT, which its handler reads as it comes. What is not read is thrown away."""

    length: int | None
    """Bytes, as the client announced; None if it did not."""
    blocks: AsyncIterator[bytes]
    """The body in order, in pieces of at most about a MiB. It raises `ContentCut`."""


@dataclass(frozen=True)
class Request:
    """The parts of an HTTP request that the agent reads."""

    method: str
    path: str
    """The path, decoded."""
    authorization: str | None = None
    """The Authorization header; None if there is none."""
    body: bytes = b""
    """The body of a POST."""
    raw_path: str = ""
    """The path as it came, still percent-encoded."""
    raw_query: str = ""
    """What follows the question mark, still percent-encoded."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """All headers, by their names in lower case."""
    content: Content | None = None
    """The body of a PUT; None for other methods."""


@dataclass(frozen=True)
class Response:
    """An HTTP response: status, JSON body, and headers beyond those of every response."""

    status: int
    body: dict[str, object]
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Streamed:
    """An HTTP response that is sent while it is made."""

    status: int
    headers: dict[str, str]
    length: int | None
    """Bytes of the body; None if that is not known before the end."""
    blocks: AsyncIterator[bytes]
    """The body in order. It raises `BrokenOff` if it cannot be completed: the connection is cut then."""
    close: Callable[[], Awaitable[None]]
    """Gives back what the response holds. The server calls it in any case, after the last block."""


@dataclass(frozen=True)
class Notice:
    """A text to show on the desktop. An empty text removes the current notice."""

    message: str
    seconds: float
    """The longest time that the text is shown."""


class BadRequest(Exception):  # noqa: N818 - HTTP's name for status 400
    """The body is not valid. The message names what to send."""


class Refused(Exception):  # noqa: N818 - a request is refused
    """A request that gets an error for an answer.

    Args:
        status: the HTTP status.
        message: a sentence for people: what is wrong, and the way out.
        reason: a name of the failure for programs; empty if it has none.
        headers: headers beyond those of every response.
    """

    def __init__(self, status: int, message: str, reason: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        body: dict[str, object] = {"message": message}
        if reason:
            body["reason"] = reason
        self.response = Response(status, body, dict(headers or {}))


class ContentCut(Exception):  # noqa: N818 - the body ended too early
    """The body of a request did not come to its end: the client went, or sent too little for too long."""


class BrokenOff(Exception):  # noqa: N818 - the response is broken off
    """A response that has begun cannot be completed. The message says why."""


def read_nothing(body: bytes) -> None:
    """Accept an empty body or an empty JSON object.

    Raises:
        BadRequest: the body has a parameter, which a client would expect to have an effect.
    """
    if body.strip() and _read_object(body):
        raise BadRequest("/save takes no parameters. It saves the scene to its own file.")


def read_sample(body: bytes) -> str:
    """Parse `{"name": ...}`.

    Raises:
        BadRequest: it is something else.
    """
    found = _read_object(body)
    name = found.get("name")
    if found.keys() != {"name"} or not isinstance(name, str) or not name:
        raise BadRequest('Send {"name": the file name of a sample}.')
    return name


def read_notice(body: bytes) -> Notice:
    """Parse `{"message": ..., "seconds": ...}`.

    Raises:
        BadRequest: a value is missing, has the wrong type, or is out of range.
    """
    found = _read_object(body)
    message, seconds = found.get("message"), found.get("seconds", 0 if found.get("message") == "" else None)
    if not isinstance(message, str) or len(message) > MAX_MESSAGE_CHARACTERS:
        raise BadRequest(f'"message" must be a text of at most {MAX_MESSAGE_CHARACTERS} characters.')
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not math.isfinite(seconds):
        raise BadRequest('"seconds" must be a number.')
    if message and not 0 < seconds <= MAX_NOTICE_SECONDS:
        raise BadRequest(f'"seconds" must be above 0 and at most {MAX_NOTICE_SECONDS:.0f}.')
    # Other characters that cannot be printed would be drawn as boxes.
    shown = "".join(character for character in message if character == "\n" or character.isprintable())
    return Notice(shown.strip(), float(seconds))


def _read_object(body: bytes) -> dict[str, object]:
    try:
        # Python refuses an integer of thousands of digits. As a float it is infinite, and `read_notice` rejects it.
        found = json.loads(body, parse_int=float)
    except (ValueError, RecursionError):
        raise BadRequest("The body must be a JSON object.") from None
    if not isinstance(found, dict):
        raise BadRequest("The body must be a JSON object.")
    return found
