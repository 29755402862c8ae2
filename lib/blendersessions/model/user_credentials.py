"""The credentials of a Guacamole user that the operator made, from the user's Secret."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from blendersessions.model.secret_data import decode

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest


@dataclass(frozen=True)
class UserCredentials:
    """The name and password of a Guacamole user."""

    username: str
    password: str = field(repr=False)


def fingerprint_of(secret: Manifest) -> str:
    """Return a fingerprint of a user's Secret, which changes with the object and with the password in it.

    Administrators of Guacamole and the user can read it there. It tells nothing about the password: the key is the
    Secret's UID, 122 random bits that Guacamole never sees, so not even a short password that somebody put into the
    Secret can be tried out against it.
    """
    key = str(secret["metadata"]["uid"]).encode()
    return hmac.new(key, decode(secret, "password").encode(), hashlib.sha256).hexdigest()[:16]


def credentials_in(secret: Manifest, username: str) -> UserCredentials | None:
    """Read the Secret of a user; None if it holds no credentials, or those of another user."""
    found, password = decode(secret, "username"), decode(secret, "password")
    return UserCredentials(found, password) if found == username and password else None
