"""Holds a question for readiness while the desktop starts, so that the answer comes when the start is over.

The kubelet asks once a second. Without this, a session would be ready half a second late on the average.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import parse_qs

LONGEST_WAIT_SECONDS: Final = 10.0


def wait_of(query: str) -> float:
    """Return how many seconds the client waits for a start, by `wait=SECONDS`; 0 if it does not say so."""
    asked = parse_qs(query).get("wait", [""])[-1]
    return min(float(asked), LONGEST_WAIT_SECONDS) if asked.isascii() and asked.isdecimal() else 0.0


class StartWait:
    """Waits until the scene is on screen for the first time. After that nobody waits: what is lost is told at once.

    Args:
        is_ready: whether the scene is on screen.
        next_report: waits until that may have changed.
    """

    def __init__(self, is_ready: Callable[[], bool], next_report: Callable[[], Awaitable[object]]) -> None:
        self._is_ready = is_ready
        self._next_report = next_report
        self._is_over = False

    async def until_over(self, seconds: float) -> None:
        """Wait until the start is over, but no longer than this."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self._look():
                    await self._next_report()

    def _look(self) -> bool:
        self._is_over = self._is_over or self._is_ready()
        return self._is_over
