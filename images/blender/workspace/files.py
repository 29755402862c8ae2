"""Reads files that a person may have replaced by anything: a pipe, a folder, a link to nowhere, gigabytes."""

import os
import stat
from pathlib import Path


def read_regular_file(path: Path, max_bytes: int) -> bytes:
    """Return the first bytes of a regular file, without waiting for a pipe or a device.

    Args:
        path: the file.
        max_bytes: the most that is read.

    Raises:
        OSError: the file cannot be read, or is not a regular file.
    """
    # Without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path} is not a regular file.")
        return stream.read(max_bytes)


def is_regular_file(path: Path) -> bool:
    """Return whether a path leads to a regular file that can be read."""
    try:
        return stat.S_ISREG(path.stat().st_mode) and os.access(path, os.R_OK)
    except (OSError, ValueError):
        return False
