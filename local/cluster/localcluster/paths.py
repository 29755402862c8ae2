"""Where the local cluster keeps its files."""

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
MODULES = REPOSITORY / "local" / "cluster" / "modules"
STATE_ROOT = Path("/var/lib/blender-sessions")


def cache() -> Path:
    """Return the folder of builds, downloads and image archives, shared by every work tree of this user."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "blender-sessions"
