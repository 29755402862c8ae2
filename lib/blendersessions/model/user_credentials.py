"""The credentials of a Guacamole user that the operator made, from the user's Secret."""

from __future__ import annotations

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


def credentials_in(secret: Manifest, username: str) -> UserCredentials | None:
    """Read the Secret of a user; None if it holds no credentials, or those of another user."""
    found, password = decode(secret, "username"), decode(secret, "password")
    return UserCredentials(found, password) if found == username and password else None
