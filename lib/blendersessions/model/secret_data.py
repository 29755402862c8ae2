"""Values in a Secret's `data`."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from blendersessions.model.manifest import Manifest


@dataclass(frozen=True)
class DesktopCredentials:
    """The values in a desktop's Secret."""

    vnc_password: str = field(repr=False)
    agent_token: str = field(repr=False)


def encode(value: str) -> str:
    """Encode a value for a Secret's `data`."""
    return base64.b64encode(value.encode()).decode()


def decode(secret: Manifest, key: str) -> str:
    """Read one value of a Secret; empty if it is missing or is not text."""
    try:
        return base64.b64decode(str((secret.get("data") or {}).get(key) or "")).decode()
    except ValueError:
        return ""
