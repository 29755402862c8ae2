"""Rooms of a size that a test chooses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from limits.room import Left, Room

if TYPE_CHECKING:
    from pathlib import Path

AMPLE = 10**13


class RoomOf(Room):
    """A home folder on a volume that holds so many bytes. Each file takes its own size."""

    def __init__(self, home: Path, size: int = AMPLE) -> None:
        super().__init__(home, None, lambda: "")
        self.folder = home
        self.size = size

    def used(self) -> int:
        """Return what all files have together."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())

    def left(self) -> Left:
        """Return what is left."""
        return Left(self.size - self.used(), "on the volume of a test")
