"""Turns Blender's words for a save that failed into an answer."""

import errno
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_FULL: Final = tuple(os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT))
_TIGHT_BYTES: Final = 64 * 1024


@dataclass
class SaveFailed(Exception):  # noqa: N818 - what happened, as the answer says it
    """A scene could not be saved; the file is as it was before."""

    status: int
    """HTTP status: 507 for want of room, otherwise 500."""
    message: str

    def __str__(self) -> str:
        return self.message


def explain_save_failure(file: Path, said: str, free_bytes: int | None) -> SaveFailed:
    """Say why a save failed.

    Args:
        file: what was to be written.
        said: Blender's own words.
        free_bytes: room that is left on the file's volume; None if that is unknown.
    """
    words = " ".join(said.split()).removeprefix("Error: ").rstrip(".")
    if any(text in words for text in _FULL) or (free_bytes is not None and free_bytes < _TIGHT_BYTES):
        return SaveFailed(
            507,
            f"{file.name} was not saved: no room is left on the volume of {file.parent}. The file is as it was before. "
            "Delete what is not needed there, or have the volume made larger, and save again.",
        )
    return SaveFailed(500, f"{file.name} was not saved, and the file is as it was before. Blender says: {words}.")


def free_bytes(folder: Path) -> int | None:
    """Return the room that is left for this user on a folder's volume."""
    try:
        volume = os.statvfs(folder)
    except OSError:
        return None
    return volume.f_bavail * volume.f_frsize
