"""Knows whether a render runs, from Blender's render handlers and its list of jobs."""

import threading
import time
from collections.abc import Callable
from typing import Final

RECENT_SECONDS: Final = 30.0
"""A render counts as running for this long after its end: a row of short ones is work that goes on, and whoever asks
every few seconds would miss each of them."""


class RenderTracker:
    """Puts together what is heard from the handlers, in any thread, and what is seen at each tick."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._running = False
        self._ended_at: float | None = None

    def began(self) -> None:
        """A render began."""
        with self._lock:
            self._running = True

    def ended(self) -> None:
        """A render came to its end, or was cancelled."""
        with self._lock:
            self._end()

    def observe(self, job_runs: bool) -> None:
        """Take in whether Blender has a render job, as seen by the main loop.

        A render that blocks the main loop keeps the tick away as well: a tick without a job means that none runs,
        whatever a handler that was never called would have said.
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
        """Whether a render runs at this moment."""
        with self._lock:
            return self._running

    @property
    def is_recent(self) -> bool:
        """Whether a render runs, or ended a moment ago."""
        with self._lock:
            if self._running:
                return True
            return self._ended_at is not None and self._clock() - self._ended_at < RECENT_SECONDS
