"""Names of the objects that we make."""

from __future__ import annotations

import hashlib
import uuid
from functools import lru_cache

import shortuuid

ALPHABET = "23456789abcdefghijkmnpqrstuvwxyz"
"""Lower case without the look-alikes 0, 1, l and o: valid in DNS labels, and easy to read aloud."""

PREFIX = "blender-"
USER_SECRET_PREFIX = "blender-user-"  # noqa: S105 - the name of a Secret, no secret

_codec = shortuuid.ShortUUID(alphabet=ALPHABET)
_LENGTH = _codec.encoded_length()


@lru_cache(maxsize=16384)
def name_for(uid: str) -> str:
    """Return the name made from a UID: `blender-` and 26 characters, a valid DNS label."""
    return PREFIX + _codec.encode(uuid.UUID(uid))


@lru_cache(maxsize=16384)
def is_generated(name: str) -> bool:
    """Return whether a name has the form that `name_for` makes."""
    code = name.removeprefix(PREFIX)
    if not name.startswith(PREFIX) or len(code) != _LENGTH or not set(code) <= set(ALPHABET):
        return False
    try:
        _codec.decode(code)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=16384)
def user_secret_name(username: str) -> str:
    """Return the name of the Secret with the password of a Guacamole user that we made."""
    return USER_SECRET_PREFIX + hashlib.sha256(username.encode()).hexdigest()[:16]
