"""Names of what belongs to a session, made from its UID so that each can be matched with its session again."""

from __future__ import annotations

import hashlib
import uuid
from functools import lru_cache

import shortuuid

ALPHABET = "23456789abcdefghijkmnpqrstuvwxyz"
"""Lower case without the look-alikes 0, 1, l and o: valid in DNS labels, and easy to read aloud."""

PREFIX = "blender-"
VIEW_SUFFIX = "-view"
"""At the end of the name of the connection that only shows a desktop."""
USER_SECRET_PREFIX = "blender-user-"  # noqa: S105 - the name of a Secret, no secret

_codec = shortuuid.ShortUUID(alphabet=ALPHABET)
_LENGTH = _codec.encoded_length()


@lru_cache(maxsize=16384)
def name_for(uid: str) -> str:
    """Name the desktop and the connection of the session with this UID."""
    return PREFIX + _codec.encode(uuid.UUID(uid))


def view_name_for(uid: str) -> str:
    """Name the connection by which viewers look at the desktop of the session with this UID."""
    return name_for(uid) + VIEW_SUFFIX


@lru_cache(maxsize=16384)
def uid_from(name: str) -> str | None:
    """Return the UID that a name was made from, or None when it is none of ours."""
    code = name.removesuffix(VIEW_SUFFIX).removeprefix(PREFIX)
    if not name.startswith(PREFIX) or len(code) != _LENGTH or not set(code) <= set(ALPHABET):
        return None
    try:
        return str(_codec.decode(code))
    except ValueError:
        return None


def user_secret_name(username: str) -> str:
    """Name the Secret that holds the password of a Guacamole user that we made."""
    return USER_SECRET_PREFIX + hashlib.sha256(username.encode()).hexdigest()[:16]
