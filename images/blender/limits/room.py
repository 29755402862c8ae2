"""Shares out what is free in the home folder, so that files that arrive at the same time do not fill it together."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Final

from limits.folders import measure
from limits.memory import gibibytes

USABLE: Final = 0.95
"""The part of an emptyDir, or of a small volume, that files may fill. Kubernetes evicts the pod if all is full."""
MOST_KEPT_BYTES: Final = 64 * 1024**2
"""What is kept free on a large volume, for the many small files that Blender and the agent write."""
VERSIONS_OF_OPEN_FILE: Final = 2
"""A save writes a new file beside the former one, and so does an automatic save."""
AHEAD_BYTES: Final = 64 * 1024**2
"""What is reserved ahead for a file of unknown length, so that not each of its pieces has the folder measured."""
BLOCK_BYTES: Final = 4096
"""What a file takes on the volume is a multiple of this."""


class NoRoom(Exception):  # noqa: N818 - named after what happened
    """A file does not fit into the home folder. The text is for people: what is full, and what to remove."""


@dataclass(frozen=True)
class Left:
    """What is left for files that arrive."""

    count: int
    where: str
    """What is full, as the end of a sentence."""


class Reservation:
    """What one file, or all files of an archive or of a folder, may take. All methods may be called in threads.

    Args:
        room: where it is reserved.
        name: what arrives, for messages.
    """

    def __init__(self, room: "Room", name: str) -> None:
        self.name = name
        self._room = room
        self._total = 0
        self._written = 0

    @property
    def outstanding(self) -> int:
        """The bytes that may still be written. What is written is counted by the file system."""
        return max(0, self._total - self._written)

    def cover(self, total: int, ahead: int = 0) -> None:
        """Reserve room for so many bytes, with what is written.

        Args:
            total: the bytes.
            ahead: what is reserved beyond them, as far as there is room.

        Raises:
            NoRoom: there is not so much room.
        """
        if total > self._total:
            self._room.grow(self, total, ahead)

    def wrote(self, count: int) -> None:
        """Note that so many bytes more are in the folder."""
        self._written += count

    def rewind(self) -> None:
        """Note that what is written will be removed. The reservation stays."""
        # Not between the two numbers that are compared: what is removed would count in neither.
        with self._room.measuring:
            self._written = 0

    def needed(self, total: int) -> int:
        """Return what must be free for so many bytes."""
        return total - self._written

    def set_total(self, total: int) -> None:
        """Set the bytes that are reserved, with what is written."""
        self._total = total


class Room:
    """What is left in the home folder. What still comes is taken off, and so is what Blender needs for a save.

    Args:
        home: the home folder.
        limit_bytes: the size at which Kubernetes evicts the pod; None if the home folder is a volume of its own.
        open_file: returns the path of the scene that is open in Blender; empty if it has no file.

    Attributes:
        measuring: held while the folder is measured and the reservations are added up.
    """

    def __init__(self, home: Path, limit_bytes: int | None, open_file: Callable[[], str]) -> None:
        self._home = home
        self._limit_bytes = limit_bytes
        self._open_file = open_file
        self._granted: set[Reservation] = set()
        self.measuring = Lock()

    @contextmanager
    def reservation(self, name: str) -> Iterator[Reservation]:
        """Give a reservation of nothing yet. After the block, what was not used is free for others.

        Args:
            name: what arrives, for messages.
        """
        reservation = Reservation(self, name)
        self._granted.add(reservation)
        try:
            yield reservation
        finally:
            self._granted.discard(reservation)

    def grow(self, reservation: Reservation, total: int, ahead: int) -> None:
        """Reserve more. See `Reservation.cover`."""
        with self.measuring:
            # Before the folder is measured, which takes time: what is written meanwhile counts twice, never not at all.
            others = sum(each.outstanding for each in tuple(self._granted) if each is not reservation)
            needed = reservation.needed(total)
            left = self.left()
            free = left.count - others
            if needed > free:
                raise NoRoom(_explain(reservation.name, needed, max(0, free), left.where))
            reservation.set_total(total + min(ahead, free - needed))

    def left(self) -> Left:
        """Return what is left, as if nothing else arrived. It reads the whole folder where that has a limit."""
        volume = os.statvfs(self._home)
        size, free = volume.f_blocks * volume.f_frsize, volume.f_bavail * volume.f_frsize
        on_disk = free - self._kept_bytes() - min(MOST_KEPT_BYTES, int(size * (1 - USABLE)))
        if not self._limit_bytes:
            return Left(on_disk, "on the volume of the home folder")
        fill = measure(self._home, self._limit_bytes)
        within = int(self._limit_bytes * USABLE) - (fill.used_bytes if fill else 0) - self._kept_bytes()
        if within <= on_disk:
            return Left(within, "in the home folder")
        return Left(on_disk, "on the node's disk, where the home folder is")

    def _kept_bytes(self) -> int:
        """Return what Blender needs to save the open scene."""
        file = self._open_file()
        try:
            return VERSIONS_OF_OPEN_FILE * Path(file).stat().st_size if file else 0
        except OSError:
            return 0


def on_volume(size: int) -> int:
    """Return what a file of this size takes on the volume."""
    return -(-size // BLOCK_BYTES) * BLOCK_BYTES


def _explain(name: str, needed: int, free: int, where: str) -> str:
    return (
        f"There is no room for {name}: it needs {_size(needed)}, and {_size(free)} are left {where}, besides what "
        "Blender needs to save the open scene and what else is arriving. Delete old renders, automatic saves and "
        ".blend1 copies there, or ask an administrator for more room. Then try again."
    )


def _size(count: int) -> str:
    return gibibytes(count) if count >= 1024**2 else f"{count} bytes"
