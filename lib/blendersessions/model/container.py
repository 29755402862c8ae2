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
RUN_PATH: Final = "/run/blender-sessions"
"""Folder in memory for the sockets between the programs of the container."""
TMP: Final = "/tmp"  # noqa: S108 - an emptyDir of the pod alone
HOME_LIMIT: Final = "BLENDER_HOME_LIMIT_BYTES"
"""Variable: the size of the home folder above which the pod is evicted, in bytes; not set with a workspace."""
TMP_LIMIT: Final = "BLENDER_TMP_LIMIT_BYTES"
"""Variable: the size of `TMP` above which the pod is evicted, in bytes."""
WORKSPACE: Final = "BLENDER_WORKSPACE"
"""Variable: `true` if the home folder outlives the pod, else `false`."""
SCENE_PATH: Final = "/run/scene"
"""Folder at which the volume of `spec.scene.volume` is mounted, read-only."""
FETCH_CA_PATH: Final = "/run/fetch-ca"
"""Folder at which the class's `transfer.caConfigMap` is mounted. The ConfigMap may be missing."""
FETCH_CA_KEY: Final = "ca.crt"
"""Key in that ConfigMap, and name of the file: certificates of authorities."""
CLASS_FILES: Final = {
    "extensions": ("BLENDER_EXTENSIONS", "/run/extensions"),
    "startupFile": ("BLENDER_STARTUP_FILE", "/run/startup"),
    "preferences": ("BLENDER_PREFERENCES", "/run/preferences"),
}
"""By the field of the class's spec: the variable, and the folder at which its ConfigMap or volume is mounted read-only.
The variable is the path below the folder, `.` for all of it; it is not set without the field."""
VNC_PASSWORD: Final = "vnc-password"  # noqa: S105 - a key, no secret
"""Key in the desktop's Secret."""
AGENT_TOKEN: Final = "agent-token"  # noqa: S105 - a key, no secret
"""Key in the desktop's Secret."""
START_ERROR_EXIT_CODE: Final = 64
"""The container exits with it when it cannot start, and writes the reason to its termination message."""
