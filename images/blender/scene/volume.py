"""Copies a scene from a mounted volume, without following any link."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Final

from limits.room import AHEAD_BYTES, BLOCK_BYTES, Reservation
from scene.failure import Reason, SceneRefused
from scene.sizes import megabytes

MAX_ENTRIES: Final = 10_000
_MAX_DEPTH: Final = 32
_CHUNK_BYTES: Final = 1024 * 1024
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_FILE: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW
"""Without O_NONBLOCK, opening a pipe would wait for ever."""


def copy_from_volume(root: Path, path: str, target: Path, max_bytes: int, reservation: Reservation) -> list[str]:
    """Copy a file or a folder of a volume, and return what was left out: links, and entries that are no files.

    Args:
        root: where the volume is mounted.
        path: what to copy, relative to it.
        target: what to make. What is there after an error is not complete.
        max_bytes: the most that all files together may have.
        reservation: their room in the home folder.

    Raises:
        SceneRefused: there is nothing of that name, a link is on the way, or it is too large.
        NoRoom: it does not fit into the home folder.
        OSError: the copy cannot be written, or the volume cannot be read.
    """
    parts = [part for part in PurePosixPath(path).parts if part != "."]
    if not parts or path.startswith("/") or ".." in parts:
        raise SceneRefused(Reason.NOT_FOUND, f"{path!r} is no path in the volume. Correct scene.volume.path.")
    with _opened(root, parts) as source:
        if stat.S_ISDIR(os.fstat(source).st_mode):
            copy = _Copy(path, max_bytes, reservation)
            copy.folder(source, target, "", 0)
            return copy.left_out
        _Copy(path, max_bytes, reservation).file(source, target)
        return []


@contextmanager
def _opened(root: Path, parts: list[str]) -> Iterator[int]:
    """Open a file or a folder of the volume, part by part, so that no link can lead elsewhere."""
    try:
        descriptors = [os.open(root, os.O_RDONLY | os.O_DIRECTORY)]
    except OSError:
        raise SceneRefused(
            Reason.NOT_FOUND, "The volume of scene.volume cannot be read. Ask an administrator."
        ) from None
    try:
        for number, part in enumerate(parts):
            is_last = number == len(parts) - 1
            try:
                descriptors.append(os.open(part, _FILE if is_last else _FOLDER, dir_fd=descriptors[-1]))
            except OSError:
                raise _explain(descriptors[-1], parts, number) from None
        if not _is_file_or_folder(os.fstat(descriptors[-1]).st_mode):
            raise SceneRefused(Reason.NOT_FOUND, f"{'/'.join(parts)} in the volume is neither a file nor a folder.")
        yield descriptors[-1]
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _explain(folder: int, parts: list[str], number: int) -> SceneRefused:
    path = "/".join(parts[: number + 1])
    try:
        mode = os.stat(parts[number], dir_fd=folder, follow_symlinks=False).st_mode
    except OSError:
        return SceneRefused(
            Reason.NOT_FOUND, f"{path} is not in the volume. Correct scene.volume.path, or put the scene there."
        )
    if stat.S_ISLNK(mode):
        what = "is a link, which is not followed. Give the path of the scene itself"
    elif number < len(parts) - 1:
        what = "is no folder that can be read. Correct scene.volume.path, or the folder's permissions"
    else:
        what = "cannot be read. Let everybody read it, or the desktops' user 1000"
    return SceneRefused(Reason.NOT_FOUND, f"{path} in the volume {what}.")


class _Copy:
    """Copies files, and counts what they have."""

    def __init__(self, name: str, max_bytes: int, reservation: Reservation) -> None:
        self._name = name
        self._reservation = reservation
        self._max_bytes = max_bytes
        self._left_bytes = max_bytes
        self._left_entries = MAX_ENTRIES
        self._begun = 0
        """What the begun blocks at the ends of files may take on the volume, in bytes."""
        self.left_out: list[str] = []

    def folder(self, source: int, target: Path, path: str, depth: int) -> None:
        """Copy a folder. Hidden entries, links, and what cannot be read stay behind; all but the hidden are noted."""
        target.mkdir()
        for name in sorted(os.listdir(source)):
            if name.startswith("."):
                continue
            self._left_entries -= 1
            if self._left_entries < 0 or depth > _MAX_DEPTH:
                raise SceneRefused(
                    Reason.TOO_LARGE,
                    f"{self._name} in the volume has more than {MAX_ENTRIES} files, or very deep folders. Give a "
                    "folder that has only what the scene needs.",
                )
            try:
                entry = os.open(name, _FILE, dir_fd=source)
            except OSError:
                self.left_out.append(path + name)
                continue
            try:
                self._entry(entry, target / name, path + name, depth)
            finally:
                os.close(entry)

    def _entry(self, entry: int, target: Path, path: str, depth: int) -> None:
        mode = os.fstat(entry).st_mode
        if stat.S_ISDIR(mode):
            self.folder(entry, target, f"{path}/", depth + 1)
        elif stat.S_ISREG(mode):
            self.file(entry, target)
        else:
            self.left_out.append(path)

    def file(self, source: int, target: Path) -> None:
        """Copy a file."""
        self._begun += BLOCK_BYTES
        with os.fdopen(source, "rb", closefd=False) as reading, target.open("xb") as writing:
            while chunk := reading.read(_CHUNK_BYTES):
                # What is read counts: the file may grow meanwhile.
                self._take(len(chunk))
                writing.write(chunk)
                self._reservation.wrote(len(chunk))

    def _take(self, size: int) -> None:
        self._left_bytes -= size
        if self._left_bytes < 0:
            raise SceneRefused(
                Reason.TOO_LARGE,
                f"{self._name} in the volume is larger than {megabytes(self._max_bytes)}, which is what the session "
                "class allows (transfer.maxBytes). Leave out what the scene does not need.",
            )
        self._reservation.cover(self._max_bytes - self._left_bytes + self._begun, AHEAD_BYTES)


def _is_file_or_folder(mode: int) -> bool:
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)
