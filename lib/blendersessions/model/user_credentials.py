"""The sign-in of a Guacamole user whom the operator made, as the user's Secret holds it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from blendersessions.model.secret_data import decode

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest


@dataclass(frozen=True)
class UserCredentials:
    """A person's user name and password at Guacamole."""

    username: str
    password: str = field(repr=False)


def credentials_in(secret: Manifest, username: str) -> UserCredentials | None:
    """Read the Secret of a user; None when it holds no sign-in, or that of somebody else."""
    found, password = decode(secret, "username"), decode(secret, "password")
    return UserCredentials(found, password) if found == username and password else None
