"""Observes what a process does, from outside of it: processor time and bytes that it read or wrote."""

import os
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Final

WINDOW_SECONDS: Final = 10.0
_TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")
_PROC: Final = Path("/proc")


@dataclass(frozen=True)
class Usage:
    """What a process has used since its start."""

    cpu_seconds: float
    transferred_bytes: int
    """Bytes that were read and written, cached or not."""


@dataclass(frozen=True)
class Activity:
    """What a process used in the last `WINDOW_SECONDS`."""

    cores: float = 0.0
    """Processor time by time: 1.0 is one core."""
    transferred_bytes: int = 0


def read_usage(pid: int, proc: Path = _PROC) -> Usage | None:
    """Return what a process has used, or None if there is no such process."""
    try:
        # The name before the last parenthesis may have spaces.
        fields = (proc / str(pid) / "stat").read_text().rpartition(")")[2].split()
        transferred = (proc / str(pid) / "io").read_text().splitlines()
    except OSError:
        return None
    # utime and stime are the fields 14 and 15 of proc(5); the first here is field 3.
    cpu_seconds = (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND
    counts = {name: int(number) for name, _, number in (line.partition(":") for line in transferred)}
    return Usage(cpu_seconds, counts.get("rchar", 0) + counts.get("wchar", 0))


class ProcessMonitor:
    """Computes a process's recent activity from samples."""

    def __init__(self) -> None:
        self._pid = 0
        self._samples: deque[tuple[float, Usage]] = deque()

    def sample(self, now: float, pid: int, usage: Usage | None) -> None:
        """Add a sample. Another process begins anew.

        Args:
            now: seconds on a monotonic clock.
            pid: the process; 0 for none.
            usage: what it has used; None if it is gone.
        """
        if pid != self._pid or usage is None:
            self._samples.clear()
        self._pid = pid
        if usage is None:
            return
        self._samples.append((now, usage))
        while len(self._samples) > 2 and self._samples[1][0] <= now - WINDOW_SECONDS:  # noqa: PLR2004 - keep a pair
            self._samples.popleft()

    @property
    def activity(self) -> Activity:
        """What the process did lately; nothing as long as there is one sample only."""
        if len(self._samples) < 2:  # noqa: PLR2004 - a difference needs two
            return Activity()
        (begun, first), (ended, last) = self._samples[0], self._samples[-1]
        seconds = max(ended - begun, 1e-3)
        return Activity(
            (last.cpu_seconds - first.cpu_seconds) / seconds, last.transferred_bytes - first.transferred_bytes
        )
