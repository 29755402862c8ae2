"""The folders of the local cluster."""

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
MODULES = REPOSITORY / "local" / "cluster" / "modules"
STATE_ROOT = Path("/var/lib/blender-sessions")
"""The folder with one folder for each embedded cluster."""


def cache() -> Path:
    """Return the folder of builds, downloads and image archives. All work trees of this user share it."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "blender-sessions"
