"""Observes what a process and its children do, from outside: processor time and bytes that they read or wrote."""

import os
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

WINDOW_SECONDS: Final = 10.0
_TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")
_PROC: Final = Path("/proc")


@dataclass(frozen=True)
class Usage:
    """What a process and its children have used since their start."""

    cpu_seconds: float
    transferred_bytes: int
    """Bytes that were read and written, cached or not."""
    thread_seconds: Mapping[int, float] = field(default_factory=dict)
    """By thread: the time in which it ran, or waited for a processor because others had them. Empty where the kernel
    does not count it."""


@dataclass(frozen=True)
class Activity:
    """What a process and its children used in the last `WINDOW_SECONDS`."""

    cores: float = 0.0
    """Processor time by time: 1.0 is one core."""
    transferred_bytes: int = 0
    busiest_thread: float = 0.0
    """The part of the time in which its busiest thread ran or waited for a processor: 1.0 is a thread that never
    sleeps, however few cores a crowded node, or the container's limit, gives it."""


def read_usage(pid: int, proc: Path = _PROC) -> Usage | None:
    """Return what a process has used with all that it started, or None if there is no such process.

    A script may wait for a program that it started. Then the process itself does nothing, and yet works.
    """
    used = _read(proc / str(pid))
    if used is None:
        return None
    for child in _descendants(pid, proc):
        more = _read(proc / str(child)) or Usage(0.0, 0)
        used = Usage(
            used.cpu_seconds + more.cpu_seconds,
            used.transferred_bytes + more.transferred_bytes,
            {**used.thread_seconds, **more.thread_seconds},
        )
    return used


def _read(folder: Path) -> Usage | None:
    try:
        fields = _stat_fields(folder)
        transferred = (folder / "io").read_text().splitlines()
    except OSError:
        return None
    # The fields 14 to 17 of proc(5): utime, stime, and both again for children that ended. `io` includes those too.
    cpu_seconds = sum(int(field) for field in fields[11:15]) / _TICKS_PER_SECOND
    counts = {name: int(number) for name, _, number in (line.partition(":") for line in transferred)}
    return Usage(cpu_seconds, counts.get("rchar", 0) + counts.get("wchar", 0), dict(_thread_seconds(folder)))


def _thread_seconds(folder: Path) -> Iterator[tuple[int, float]]:
    """Yield the time of each thread. The first two numbers of `schedstat` are nanoseconds: it ran, it waited to run."""
    try:
        threads = list((folder / "task").iterdir())
    except OSError:
        return
    for thread in threads:
        try:
            ran, waited = (thread / "schedstat").read_text().split()[:2]
        except OSError:
            continue
        yield int(thread.name), (int(ran) + int(waited)) / 1e9


def _descendants(pid: int, proc: Path) -> set[int]:
    parents = {}
    for folder in proc.iterdir():
        if folder.name.isdecimal():
            try:
                parents[int(folder.name)] = int(_stat_fields(folder)[1])
            except OSError:
                continue
    found: set[int] = set()
    while more := {child for child, parent in parents.items() if parent in found | {pid}} - found:
        found |= more
    return found


def _stat_fields(folder: Path) -> list[str]:
    """Return the fields of `stat` from the third on, because the name before them may have spaces."""
    return (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()


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
        while len(self._samples) > 2 and self._samples[1][0] <= now - WINDOW_SECONDS:
            self._samples.popleft()

    @property
    def activity(self) -> Activity:
        """What the process did lately; nothing as long as there is one sample only."""
        if len(self._samples) < 2:
            return Activity()
        (begun, first), (ended, last) = self._samples[0], self._samples[-1]
        seconds = max(ended - begun, 1e-3)
        # A child that ends takes its part away until its parent has noticed.
        in_both = first.thread_seconds.keys() & last.thread_seconds.keys()
        busiest = max((last.thread_seconds[each] - first.thread_seconds[each] for each in in_both), default=0.0)
        return Activity(
            max(0.0, last.cpu_seconds - first.cpu_seconds) / seconds,
            max(0, last.transferred_bytes - first.transferred_bytes),
            max(0.0, busiest) / seconds,
        )
