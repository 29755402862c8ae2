"""What the API server answers: objects, changes of a watch, and errors, which become domain errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import orjson

from blendersessions.model.errors import (
    Conflict,
    DomainError,
    Expired,
    Invalid,
    KindUnknown,
    NotFound,
    SignedOut,
    System,
    Unauthorised,
    Unavailable,
)

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest, Ref

NOT_FOUND: Final = 404
FIRST_ERROR_STATUS: Final = 400
"""The lowest HTTP status that is an error."""
_ERRORS: Final[dict[int, type[DomainError]]] = {
    400: Invalid,
    401: SignedOut,
    403: Unauthorised,
    404: NotFound,
    409: Conflict,
    410: Expired,
    415: Invalid,
    422: Invalid,
}


class Page(NamedTuple):
    """A part of a list."""

    version: str
    """Resource version of the whole list. A watch from this version misses nothing."""
    items: list[Manifest]


class Change(NamedTuple):
    """One event of a watch."""

    version: str
    """Resource version from which a later watch continues."""
    gone: bool = False
    """Whether the object was deleted."""
    manifest: Manifest | None = None
    """The object in its current or last state; None in a bookmark."""


def change(ref: Ref, event: Manifest) -> Change:
    """Return what an event of a watch says.

    Raises:
        Unavailable: it is none.
        DomainError: it is an error.
    """
    if not event:
        raise Unavailable(f"The watch of {ref.kind} broke off in the middle of a line.", System.KUBERNETES)
    manifest = event.get("object") or {}
    if event.get("type") not in ("ADDED", "MODIFIED", "DELETED", "BOOKMARK"):
        raise error(ref, int(manifest.get("code") or 0), manifest)
    version = str(manifest["metadata"]["resourceVersion"])
    if event["type"] == "BOOKMARK":
        return Change(version)
    return Change(version, event["type"] == "DELETED", {"kind": ref.kind} | manifest)


def decode(text: bytes) -> Manifest:
    """Return a JSON object; an empty one if the text is none."""
    try:
        decoded = orjson.loads(text)
    except ValueError:
        return {}
    return decoded if isinstance(decoded, dict) else {}


def error(ref: Ref, status: int, body: Manifest) -> DomainError:
    """Turn an error answer into a domain error, with the API server's message."""
    if status == NOT_FOUND and not body:
        # For an unknown kind the API server answers in plain text, so there is no decoded body.
        return unknown(ref.kind)
    message = f"{ref}: {body.get('message') or f'HTTP status {status}'}"
    return _ERRORS.get(status, Unavailable)(message, System.KUBERNETES)


def unreachable(failure: Exception) -> Unavailable:
    """Return the error of a request that has no answer."""
    message = f"The Kubernetes API server does not answer ({type(failure).__name__}); it is asked again."
    return Unavailable(message, System.KUBERNETES)


def unknown(kind: str) -> KindUnknown:
    """Return the error of a kind that is not served."""
    return KindUnknown(f"The API server does not know {kind}: apply the CRDs of this release.", System.KUBERNETES)
