"""What becomes of the files in the home folder when a session's desktop stops, and when the session is deleted."""

from __future__ import annotations

from enum import Enum


class Files(Enum):
    """What becomes of a person's files. It follows from the workspace, which cannot be changed."""

    LOST = "lost with the desktop"
    """There is no workspace. A suspension, an eviction and the end of the session lose them."""
    DELETED = "deleted with the session"
    """The volume was made for the session. A suspension keeps it, and it is deleted with the session."""
    KEPT = "kept"
    """The volume outlives the session."""


def files_in(workspace: object) -> Files:
    """Return what becomes of the files of a session with this `spec.workspace`, also in a malformed spec."""
    if not isinstance(workspace, dict) or not workspace:
        return Files.LOST
    # A volume that a person named is never deleted.
    return Files.KEPT if workspace.get("claimName") or workspace.get("reclaimPolicy") == "Retain" else Files.DELETED
