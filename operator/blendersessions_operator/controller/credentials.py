"""Random values for the Secrets that the operator makes, drawn when a Secret is made."""

from __future__ import annotations

from secrets import token_urlsafe
from typing import Final

from blendersessions.model.secret_data import DesktopCredentials

VNC_PASSWORD_CHARACTERS: Final = 8
"""The protocol uses only the first eight characters of a password (RFC 6143, section 7.2.2)."""
AGENT_TOKEN_BYTES: Final = 32
USER_PASSWORD_BYTES: Final = 24


def new_desktop_credentials() -> DesktopCredentials:
    """Draw the values of a desktop's Secret."""
    return DesktopCredentials(
        vnc_password=token_urlsafe(VNC_PASSWORD_CHARACTERS)[:VNC_PASSWORD_CHARACTERS],
        agent_token=token_urlsafe(AGENT_TOKEN_BYTES),
    )


def new_user_password() -> str:
    """Draw the password of a Guacamole user."""
    return token_urlsafe(USER_PASSWORD_BYTES)
