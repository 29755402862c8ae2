"""Reads and makes files that a person may have replaced by anything: a pipe, a folder, a link to nowhere, gigabytes."""

import codecs
import contextlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any


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
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path} is not a regular file.")
        with os.fdopen(descriptor, "rb", closefd=False) as stream:
            return stream.read(max_bytes)
    finally:
        os.close(descriptor)


def read_json(path: Path, max_bytes: int) -> Any:  # noqa: ANN401 - decoded JSON
    """Return what a JSON file in UTF-8 holds, as `write_json` writes it.

    Args:
        path: a regular file.
        max_bytes: the largest size that it may have.

    Raises:
        OSError: the file cannot be read, or is not a regular file.
        ValueError: it is too large, or no JSON in UTF-8, or nested too deeply.
    """
    content = read_regular_file(path, max_bytes + 1)
    if len(content) > max_bytes:
        raise ValueError(f"{path} has more than {max_bytes} bytes.")
    try:
        # Not by the library's guess of the encoding: it takes a file of zeros for UTF-32. Nor by a codec that Python
        # must import first, which a program that has changed its user may not read.
        return json.loads(content.removeprefix(codecs.BOM_UTF8).decode())
    except RecursionError:
        raise ValueError(f"{path} is nested too deeply.") from None


def write_json(path: Path, content: Mapping[str, object]) -> bool:
    """Write a small JSON file completely or not at all, and return whether it was written."""
    temporary = None
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=path.name, dir=path.parent)
        with os.fdopen(descriptor, "w") as stream:
            json.dump(content, stream)
        os.replace(temporary, path)  # noqa: PTH105 - mkstemp gives a text
    except OSError:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)  # noqa: PTH108
        return False
    return True


def is_regular_file(path: Path) -> bool:
    """Return whether a path leads to a regular file that can be read."""
    try:
        return stat.S_ISREG(path.stat().st_mode) and os.access(path, os.R_OK)
    except (OSError, ValueError):
        return False


def is_blocking(mode: int) -> bool:
    """Return whether a program that opens a file of this mode may wait for ever. A socket refuses to be opened."""
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or stat.S_ISBLK(mode)


def clear_path(path: Path) -> None:
    """Remove whatever is at a path of this pod: a file, a link, or a folder with all that is in it."""
    if os.path.lexists(path):
        if path.is_symlink() or not path.is_dir():
            path.unlink()
        else:
            shutil.rmtree(path, ignore_errors=True)


def own_folder(path: Path) -> Path:
    """Make a folder of this pod, in place of anything else at its path, and return the path."""
    if path.is_symlink() or not path.is_dir():
        clear_path(path)
        path.mkdir(mode=0o700)
    else:
        with contextlib.suppress(OSError):
            path.chmod(0o700)
    return path
