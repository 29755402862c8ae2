"""The sign-in of a Guacamole user whom the operator made, as the user's Secret holds it."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest


@dataclass(frozen=True)
class Credentials:
    """A person's user name and password at Guacamole."""

    username: str
    password: str = field(repr=False)


def credentials_in(secret: Manifest, username: str) -> Credentials | None:
    """Read the Secret of a user; None when it holds no sign-in, or that of somebody else."""
    data = secret.get("data") or {}
    found, password = _decode(data.get("username")), _decode(data.get("password"))
    return Credentials(found, password) if found == username and password else None


def _decode(value: object) -> str:
    try:
        return base64.b64decode(str(value or "")).decode()
    except ValueError:
        return ""
