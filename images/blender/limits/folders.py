"""Measures how full a folder is: by the limit of its emptyDir if it has one, else by its volume."""

import contextlib
import os
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

MAX_ENTRIES: Final = 200_000
"""Files that are counted at most. A folder with more of them is reported as at least as full as those."""
_BLOCK_BYTES: Final = 512
"""The unit of `st_blocks`."""


@dataclass(frozen=True)
class Fill:
    """How full a folder is."""

    used_bytes: int
    limit_bytes: int

    @property
    def ratio(self) -> float:
        """The used part, from 0 to 1 and above."""
        return self.used_bytes / self.limit_bytes if self.limit_bytes else 0.0


def measure(folder: Path, limit_bytes: int | None) -> Fill | None:
    """Return how full a folder is, or None if that cannot be read.

    Args:
        folder: the folder.
        limit_bytes: the size at which Kubernetes evicts the pod; None if the volume's size counts.
    """
    if limit_bytes:
        # The node's disk is not the person's to clear.
        return Fill(_used_bytes(folder), limit_bytes) if folder.is_dir() else None
    try:
        volume = os.statvfs(folder)
    except OSError:
        return None
    size = volume.f_blocks * volume.f_frsize
    return Fill(size - volume.f_bavail * volume.f_frsize, size)


def _used_bytes(folder: Path) -> int:
    """Add up the disk blocks of all files below a folder, as the kubelet does. Links are not followed."""
    total, left, folders = 0, MAX_ENTRIES, [str(folder)]
    while folders and left > 0:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in islice(entries, left):
                    left -= 1
                    # A file that was removed meanwhile takes no room.
                    with contextlib.suppress(OSError):
                        total += entry.stat(follow_symlinks=False).st_blocks * _BLOCK_BYTES
                        if entry.is_dir(follow_symlinks=False):
                            folders.append(entry.path)
        except OSError:
            continue
    return total
