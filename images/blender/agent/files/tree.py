"""Walks a folder and all folders in it for an archive, through no link."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from agent.files.folders import FILE, FOLDER, kind_of
from agent.files.names import is_private
from workspace.text import is_text

MAX_FILES: Final = 50_000
"""Files and folders of one archive, with those that are passed by. Each takes memory until its end."""
MAX_DEPTH: Final = 64
MAX_LINES: Final = 1000
"""Lines of the text that says what is not in the archive."""


@dataclass(frozen=True)
class TreeFile:
    """A file or folder that goes into an archive."""

    path: str
    """Below the folder that is packed; a folder ends with a slash."""
    status: os.stat_result
    descriptor: int | None
    """The open file, until the next one is asked for; None for a folder."""


class LeftOut:
    """What is not in an archive, or not as it should be, and why."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._more = 0

    def __bool__(self) -> bool:
        return bool(self._lines)

    def add(self, path: str, why: str) -> None:
        """Name a file. After `MAX_LINES` they are only counted."""
        if len(self._lines) < MAX_LINES:
            self._lines.append(f"{path}: {why}.")
        else:
            self._more += 1

    def text(self) -> str:
        """Return the text for people."""
        more = [f"And {self._more} more."] if self._more else []
        return "\n".join(
            ["These files are not in this archive, or not as they should be.", "", *self._lines, *more, ""]
        )


def walk(folder: int, max_bytes: int, left_out: LeftOut) -> Iterator[TreeFile]:
    """Yield the files and folders below a folder, each folder before what is in it, sorted by name.

    Hidden files are passed by in silence, as in a list. So are links, pipes and the like, and what cannot be read, but
    those are named.

    Args:
        folder: the folder's descriptor.
        max_bytes: the largest file that is given.
        left_out: gets what is passed by.
    """
    for count, found in enumerate(_walk(folder, "", 1, max_bytes, left_out)):
        if count == MAX_FILES:
            left_out.add("all that follows", f"it is too much: an archive has at most {MAX_FILES} files and folders")
            return
        if found is not None:
            yield found


def _walk(folder: int, prefix: str, depth: int, max_bytes: int, left_out: LeftOut) -> Iterator[TreeFile | None]:
    """Yield what `walk` does, and None for what is passed by, so that this counts too."""
    for name in _names(folder, prefix, left_out):
        path = prefix + shown(name)
        try:
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
            fault = _fault_of(status, depth, max_bytes)
            if fault:
                left_out.add(path, fault)
                yield None
                continue
            descriptor = os.open(name, FOLDER if stat.S_ISDIR(status.st_mode) else FILE, dir_fd=folder)
        except OSError as error:
            left_out.add(path, os.strerror(error.errno or 0))
            yield None
            continue
        try:
            # Something else may have taken its place.
            status = os.fstat(descriptor)
            if stat.S_ISDIR(status.st_mode):
                yield TreeFile(f"{path}/", status, None)
                yield from _walk(descriptor, f"{path}/", depth + 1, max_bytes, left_out)
            elif fault := _fault_of(status, depth, max_bytes):
                left_out.add(path, fault)
            else:
                yield TreeFile(path, status, descriptor)
        finally:
            os.close(descriptor)


def _names(folder: int, prefix: str, left_out: LeftOut) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in islice(entries, MAX_FILES) if not is_private(entry.name)]
            if next(entries, None) is not None:
                left_out.add(prefix or "the folder", f"it has more than {MAX_FILES} files, and not all are here")
    except OSError as error:
        left_out.add(prefix or "the folder", os.strerror(error.errno or 0))
        return []
    return sorted(names)


def _fault_of(status: os.stat_result, depth: int, max_bytes: int) -> str:
    """Return why something does not go into an archive, or an empty text if it does."""
    if stat.S_ISDIR(status.st_mode):
        return f"it is more than {MAX_DEPTH} folders deep" if depth > MAX_DEPTH else ""
    if not stat.S_ISREG(status.st_mode):
        return f"it is {kind_of(status.st_mode)}"
    too_large = status.st_size > max_bytes
    return f"it has {status.st_size} bytes, and at most {max_bytes} may go out" if too_large else ""


def shown(name: str) -> str:
    """Return a name as text that other systems can unpack: `%` and two hex digits for what they could not."""
    return "".join(
        character
        if is_text(character) and character != "\\"
        else "".join(f"%{byte:02X}" for byte in os.fsencode(character))
        for character in name
    )
