"""Keeps uploads from filling the home folder together."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from agent.messages import Refused
from limits.folders import measure

USABLE: Final = 0.95
"""The part of an emptyDir that uploads may fill. Above its whole size Kubernetes evicts the pod, and all is lost."""


class Room:
    """What is left for uploads, where those that still come count already.

    Args:
        home: the home folder.
        limit_bytes: the size at which Kubernetes evicts the pod; None if the home folder is a volume of its own.
    """

    def __init__(self, home: Path, limit_bytes: int | None) -> None:
        self._home = home
        self._limit_bytes = limit_bytes
        self._reserved = 0

    def free_bytes(self) -> int:
        """Return the bytes that are free on the volume. It reads the whole folder where that has a limit."""
        volume = os.statvfs(self._home)
        free = volume.f_bavail * volume.f_frsize
        if self._limit_bytes:
            fill = measure(self._home, self._limit_bytes)
            free = min(free, int(self._limit_bytes * USABLE) - (fill.used_bytes if fill else 0))
        return free

    @asynccontextmanager
    async def reserved(self, length: int) -> AsyncIterator[None]:
        """Keep room for a file during the block. What has come of it counts twice meanwhile, to be on the safe side.

        Raises:
            Refused: there is not so much room.
        """
        # To measure takes time, in which another upload may end: it may count twice too, but never not at all.
        others = self._reserved
        self._reserved += length
        try:
            free = await asyncio.to_thread(self.free_bytes) - others
            if length > free:
                raise Refused(
                    507,
                    f"There is no room for {length} bytes: {max(0, free)} are free in the home folder. "
                    "Delete files that you do not need, or ask an administrator for more room. Then try again.",
                )
            yield
        finally:
            self._reserved -= length
