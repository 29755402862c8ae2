"""Turns Blender's error for a failed save into the agent's answer."""

import errno
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CANNOT_SAVE_NOW: Final = 503
"""HTTP status of a save that Blender refuses during a bake."""
_FULL: Final = tuple(os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT))
_FULL_BELOW_BYTES: Final = 64 * 1024
"""A volume with less free space counts as full, whatever Blender's error is."""


@dataclass
class SaveFailed(Exception):  # noqa: N818 - named after the condition's reason
    """A scene could not be saved. The file is unchanged."""

    status: int
    """HTTP status: 507 if the volume is full, 503 if Blender cannot save at the moment, otherwise 500."""
    message: str

    def __str__(self) -> str:
        return self.message


def explain_save_failure(file: Path, blender_message: str, free_bytes: int | None) -> SaveFailed:
    """Return the exception that explains a failed save.

    Args:
        file: the file that Blender could not write.
        blender_message: the text of Blender's error.
        free_bytes: free bytes on the file's volume; None if unknown.
    """
    reason = " ".join(blender_message.split()).removeprefix("Error: ").rstrip(".")
    if any(text in reason for text in _FULL) or (free_bytes is not None and free_bytes < _FULL_BELOW_BYTES):
        return SaveFailed(
            507,
            f"{file.name} was not saved: the volume of {file.parent} is full. The file is unchanged. "
            "Delete files there that you do not need, or ask an administrator for a larger volume. Then save again.",
        )
    return SaveFailed(500, f"{file.name} was not saved. The file is unchanged. Blender reports: {reason}.")


def free_bytes(folder: Path) -> int | None:
    """Return the bytes that this user can still write on a folder's volume, or None if unknown."""
    try:
        volume = os.statvfs(folder)
    except OSError:
        return None
    return volume.f_bavail * volume.f_frsize
