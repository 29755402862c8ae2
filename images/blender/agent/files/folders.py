"""Opens folders and files below the home folder, part by part and through no link."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agent.files.names import Parts, composed
from agent.messages import Refused

FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""Without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever."""
_STATUS: Final = {
    errno.ENOSPC: 507,
    errno.EDQUOT: 507,
    errno.ENAMETOOLONG: 400,
    errno.ENOENT: 404,
    errno.EACCES: 403,
    errno.EPERM: 403,
    errno.EROFS: 403,
    errno.ELOOP: 409,
    errno.ENOTDIR: 409,
    errno.EISDIR: 409,
    errno.EEXIST: 409,
    errno.ENOTEMPTY: 409,
}
_NO_SPACE: Final = "Delete files that you do not need, or ask an administrator for a larger volume. Then try again."


@dataclass(frozen=True)
class OpenFile:
    """A regular file that is open for reading."""

    descriptor: int
    name: str
    status: os.stat_result


def refusal(error: OSError, parts: Parts) -> Refused:
    """Return the answer for what the operating system refused.

    Args:
        error: the system's error.
        parts: the path that it is about.
    """
    name = "/".join(parts) or "the home folder"
    status = _STATUS.get(error.errno or 0, 500)
    if status == 507:
        return Refused(507, f"There is no room for {name}: the volume of the home folder is full. {_NO_SPACE}")
    if error.errno == errno.ENOTEMPTY:
        return Refused(409, f"{name} is not empty. Delete what is in it first. Some of it may be hidden.")
    reason = "there is no such file or folder" if status == 404 else os.strerror(error.errno or 0)
    return Refused(status, f"{name}: {reason}.")


def kind_of(mode: int) -> str:
    """Return what has this mode, for a sentence such as `x is a pipe`."""
    kinds = {
        stat.S_IFDIR: "a folder",
        stat.S_IFLNK: "a link",
        stat.S_IFIFO: "a pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFREG: "a file",
    }
    return kinds.get(stat.S_IFMT(mode), "a device")


@contextmanager
def opened_folder(home: Path, parts: Parts, *, create: bool = False) -> Iterator[int]:
    """Open a folder, for the block, and give its descriptor.

    Args:
        home: the home folder.
        parts: the folder below it.
        create: make the folders that are missing.

    Raises:
        Refused: a part is missing or is no folder that can be entered.
    """
    descriptor = open_folder(home, parts, create=create)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def open_folder(home: Path, parts: Parts, *, create: bool = False) -> int:
    """Return the descriptor of a folder. The arguments and errors are those of `opened_folder`."""
    try:
        descriptor = os.open(home, FOLDER)
    except OSError as error:
        raise refusal(error, ()) from None
    for position, part in enumerate(parts):
        try:
            name = spelling(descriptor, part)
            if create:
                _make(descriptor, name)
            inner = os.open(name, FOLDER, dir_fd=descriptor)
        except OSError as error:
            raise _folder_refusal(error, descriptor, parts[: position + 1]) from None
        finally:
            os.close(descriptor)
        descriptor = inner
    return descriptor


def _make(folder: int, name: str) -> None:
    with suppress(FileExistsError):
        os.mkdir(name, 0o755, dir_fd=folder)


def _folder_refusal(error: OSError, folder: int, parts: Parts) -> Refused:
    with suppress(OSError):
        mode = os.stat(spelling(folder, parts[-1]), dir_fd=folder, follow_symlinks=False).st_mode
        if not stat.S_ISDIR(mode):
            advice = " Links are not followed." if stat.S_ISLNK(mode) else ""
            return Refused(409, f"{'/'.join(parts)} is {kind_of(mode)}, not a folder.{advice}")
    return refusal(error, parts)


def spelling(folder: int, name: str) -> str:
    """Return how a name is written in a folder: as it is, if that is there, else in the form of new files."""
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return composed(name)
    return name


def status_of(folder: int, name: str) -> os.stat_result | None:
    """Return the status of what has this name in a folder, be it a link; None if nothing has."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def open_file(home: Path, parts: Parts) -> OpenFile:
    """Open a regular file for reading, without waiting for a pipe or a device.

    Raises:
        Refused: there is no such file, or it is no regular file that can be read.
    """
    with opened_folder(home, parts[:-1]) as folder:
        name = spelling(folder, parts[-1])
        try:
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if not stat.S_ISREG(status.st_mode):
                raise _not_a_file(parts, status.st_mode)
            descriptor = os.open(name, FILE, dir_fd=folder)
        except OSError as error:
            raise refusal(error, parts) from None
    # Something else may have taken its place.
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise _not_a_file(parts, status.st_mode)
    return OpenFile(descriptor, name, status)


def _not_a_file(parts: Parts, mode: int) -> Refused:
    advice = " Links are not followed." if stat.S_ISLNK(mode) else ""
    if stat.S_ISDIR(mode):
        advice = " GET /archive gives a folder as a .zip."
    return Refused(403, f"{'/'.join(parts)} is {kind_of(mode)}, not a file that can be read.{advice}")
