"""The contract between the operator and the Blender image: docs/interfaces.md, "The Blender container".

The image's programs share no code with us, so they state the same values. tests/unit/images/test_container.py compares.
"""

from __future__ import annotations

from typing import Final

NAME: Final = "blender"
"""Name of the container in the pod."""
VNC_PORT: Final = 5900
AGENT_PORT: Final = 8788
HOME: Final = "/home/blender"
SECRET_PATH: Final = "/run/secrets/desktop"  # noqa: S105 - a path, no secret
"""Folder at which the desktop's Secret is mounted."""
VNC_PASSWORD: Final = "vnc-password"  # noqa: S105 - a key, no secret
"""Key in the desktop's Secret."""
AGENT_TOKEN: Final = "agent-token"  # noqa: S105 - a key, no secret
"""Key in the desktop's Secret."""
START_ERROR_EXIT_CODE: Final = 64
"""The container exits with it when it cannot start, and writes the reason to its termination message."""
