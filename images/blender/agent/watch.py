"""Watches the desktop once a second: what Blender's process does, and what is left of memory and folders."""

import asyncio
import math
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agent import resource_warnings
from agent.blender import Blender
from agent.process import ProcessMonitor, read_usage
from agent.resource_warnings import FillWarning
from agent.work import WorkTracker
from limits.folders import Fill, measure
from limits.memory import Memory, read_memory

TICK_SECONDS: Final = 1.0
MEMORY_SECONDS: Final = 5.0
FOLDERS_SECONDS: Final = 30.0
NOTICE_SECONDS: Final = 600.0
STUCK_ADVICE: Final = (
    "It may come back by itself. If it does not, suspend the session on its page and resume it: with a workspace, the "
    "last automatic save is named then."
)


@dataclass(frozen=True)
class Folders:
    """The folders that may become full."""

    home: Path
    home_limit_bytes: int | None
    """Size at which Kubernetes evicts the pod; None if the home folder is a volume of its own."""
    temporary: Path
    temporary_limit_bytes: int | None
    home_is_kept: bool
    """Whether the home folder outlives the pod."""


class Watch:
    """Keeps `work` current, and warns the person.

    Args:
        blender: the state that the bridge reports.
        work: computes the work.
        folders: the folders to look at.
        notify: shows a text for a number of seconds.
    """

    def __init__(
        self, blender: Blender, work: WorkTracker, folders: Folders, notify: Callable[[str, float], None]
    ) -> None:
        self._blender = blender
        self._work = work
        self._folders = folders
        self._notify = notify
        self._monitor = ProcessMonitor()
        self._memory = FillWarning(resource_warnings.MEMORY)
        self._home = FillWarning(resource_warnings.WORKSPACE if folders.home_is_kept else resource_warnings.HOME)
        self._temporary = FillWarning(resource_warnings.TEMPORARY)
        self._memory_at = self._folders_at = -math.inf

    async def run(self) -> None:
        """Watch for ever."""
        while True:
            try:
                await self.tick(time.monotonic())
            except Exception:
                traceback.print_exc(file=sys.stderr)
            await asyncio.sleep(TICK_SECONDS)

    async def tick(self, now: float) -> None:
        """Observe everything that is due.

        Args:
            now: seconds on a monotonic clock.
        """
        pid = self._blender.state.pid
        self._monitor.sample(now, pid, read_usage(pid) if pid else None)
        was_stuck = self._work.current.stuck
        self._work.observe(now, self._blender.state, self._blender.silent_seconds, self._monitor.activity)
        if self._work.current.stuck and not was_stuck:
            self._warn(f"{self._work.current.message} {STUCK_ADVICE}")
        if now - self._memory_at >= MEMORY_SECONDS:
            self._memory_at = now
            self._warn(self._memory.check(_fill(read_memory())))
        if now - self._folders_at >= FOLDERS_SECONDS:
            self._folders_at = now
            folders = self._folders
            # A thread of its own, because a folder may have many files and a slow volume.
            home = await asyncio.to_thread(measure, folders.home, folders.home_limit_bytes)
            temporary = await asyncio.to_thread(measure, folders.temporary, folders.temporary_limit_bytes)
            self._warn(self._home.check(home))
            self._warn(self._temporary.check(temporary))

    def _warn(self, text: str) -> None:
        if text:
            self._notify(text, NOTICE_SECONDS)


def _fill(memory: Memory | None) -> Fill | None:
    return None if memory is None or memory.limit_bytes is None else Fill(memory.used_bytes, memory.limit_bytes)
