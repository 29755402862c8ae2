"""Tracks whether a render is running, from Blender's render handlers and its list of jobs."""

import threading
import time
from collections.abc import Callable
from typing import Final

RECENT_SECONDS: Final = 3.0
"""A render counts as recent for this long after its end, so that the agent sees one that is shorter than its tick."""


class RenderTracker:
    """Combines the events of the render handlers with the list of jobs at each tick. It is safe in any thread.

    Args:
        clock: returns seconds on a monotonic clock.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._running = False
        self._ended_at: float | None = None

    def began(self) -> None:
        """Record that a render began."""
        with self._lock:
            self._running = True

    def ended(self) -> None:
        """Record that a render ended or was cancelled."""
        with self._lock:
            self._end()

    def observe(self, job_runs: bool) -> None:
        """Record whether Blender has a render job at this tick.

        A tick without a job means that no render is running, even if no handler reported its end: a render that blocks
        the main loop blocks the ticks too.

        Args:
            job_runs: whether Blender's list has a render or a bake.
        """
        with self._lock:
            if job_runs:
                self._running = True
            elif self._running:
                self._end()

    def _end(self) -> None:
        self._running = False
        self._ended_at = self._clock()

    @property
    def is_running(self) -> bool:
        """Whether a render is running now."""
        with self._lock:
            return self._running

    @property
    def is_recent(self) -> bool:
        """Whether a render is running or ended less than `RECENT_SECONDS` ago."""
        with self._lock:
            if self._running:
                return True
            return self._ended_at is not None and self._clock() - self._ended_at < RECENT_SECONDS
