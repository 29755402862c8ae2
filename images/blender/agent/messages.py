"""What is asked of the agent, and what it answers."""

import json
import math
from dataclasses import dataclass, field
from typing import Final

LARGEST_BODY: Final = 4096
"""Bytes: the longest notice and some room."""
MAX_MESSAGE_CHARACTERS: Final = 500
"""Characters of a notice."""
MAX_NOTICE_SECONDS: Final = 24 * 3600.0


@dataclass(frozen=True)
class Request:
    """One HTTP request, as far as the agent looks at it."""

    method: str
    path: str
    authorization: str | None = None
    """The Authorization header, if there was one."""
    body: bytes = b""


@dataclass(frozen=True)
class Response:
    """Status, JSON body and extra headers."""

    status: int
    body: dict[str, object]
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Notice:
    """Words for the desktop; empty ones take down what is there."""

    message: str
    seconds: float


class BadRequest(Exception):  # noqa: N818 - the field's own word
    """A body that is not what the interface says; the text tells what to send."""


def read_nothing(body: bytes) -> None:
    """Accept no body, or an empty JSON object.

    Raises:
        BadRequest: there is something in it, which a client expects to have an effect.
    """
    if body.strip() and _read_object(body):
        raise BadRequest("/save takes no parameters. It saves the scene to its own file.")


def read_notice(body: bytes) -> Notice:
    """Read `{"message": ..., "seconds": ...}`.

    Raises:
        BadRequest: something is missing, of another type, or out of range.
    """
    found = _read_object(body)
    message, seconds = found.get("message"), found.get("seconds", 0 if found.get("message") == "" else None)
    if not isinstance(message, str) or len(message) > MAX_MESSAGE_CHARACTERS:
        raise BadRequest(f'"message" must be a text of at most {MAX_MESSAGE_CHARACTERS} characters.')
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not math.isfinite(seconds):
        raise BadRequest('"seconds" must be a number.')
    if message and not 0 < seconds <= MAX_NOTICE_SECONDS:
        raise BadRequest(f'"seconds" must be above 0 and at most {MAX_NOTICE_SECONDS:.0f}.')
    # Line ends stay; whatever else has no shape would be drawn as a box.
    shown = "".join(sign for sign in message if sign == "\n" or sign.isprintable())
    return Notice(shown.strip(), float(seconds))


def _read_object(body: bytes) -> dict[str, object]:
    try:
        # A number of thousands of digits becomes infinity rather than an error.
        found = json.loads(body, parse_int=float)
    except (ValueError, RecursionError):
        raise BadRequest("The body must be a JSON object.") from None
    if not isinstance(found, dict):
        raise BadRequest("The body must be a JSON object.")
    return found
